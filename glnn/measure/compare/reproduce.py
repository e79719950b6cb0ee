"""A guilty layer as a test that fails: what is left of it when it is shrunk, written down in ten lines of Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...device.numpy_device import NumpyDevice
from ...errors import InputError, UnsupportedError
from ...graph.graph import Graph, Node
from ...layout.codec import CODECS
from ...layout.limits import Limits
from ...run.session import Session
from ...show.reports.comparison import CompareReport, CompareRow
from ...web.draws import draws_page
from ..steps.segments import Chain
from .shrink import Failure, shrunk
from .verdict import LARGEST, TIMES, TINY

Evidence = Mapping[str, Failure]  # by the name of a guilty layer

WEBGL2 = Limits(max_texture_size=2048, draw_buffers=8)  # what nearly every browser has

TEST = '''"""{title}: {why}.

{where}. Run it with: pytest {file}
"""

{first}import numpy as np

import glnn
{imports}

def test_{name}() -> None:
    inputs = {inputs}
{nodes}
    with glnn.Device({device}) as device, glnn.Model(graph, device) as model:
        report = model.compare(inputs, verbose=0)
    assert report, report
'''


def reproducer(session: Session, evidence: Evidence) -> Callable[[CompareReport, str, Any], Path]:
    """What CompareReport.reproduce calls: it holds what is needed to draw guilty layers again."""

    def reproduce(report: CompareReport, layer: str, folder: Any) -> Path:
        if layer not in evidence:
            guilty = ", ".join(map(repr, evidence)) or "no layer is"
            raise InputError(f"reproduce: layer {layer!r} is not guilty in this report; {guilty}")
        place = Path(folder)
        if not place.is_dir():
            raise InputError(f"reproduce: there is no folder {place}; make it first")

        def fails(failure: Failure) -> bool:
            return bool(failure.nodes) and why(session, failure) != ""

        if not fails(evidence[layer]):
            raise InputError(
                f"reproduce: layer {layer!r} draws right by itself, against NumPy: what is wrong is how it is stored "
                "or where its textures lie, or the reference is another. compare(x) shows it; look at model.plan()"
            )
        return write(place, layer, shrunk(evidence[layer], fails), session, fails)

    return reproduce


def why(session: Session, failure: Failure) -> str:
    """What makes layers guilty when they are drawn by themselves, in words; empty if nothing does."""
    row = _guilty(session, failure)
    return row.why if row else ""


def _guilty(session: Session, failure: Failure) -> CompareRow | None:
    """The first guilty row where layers are drawn by themselves."""
    from ... import passes
    from .compare import compare

    graph = failure.graph
    with session.on(passes.optimize(graph)) as one:
        report = compare(graph, one, dict(failure.inputs), verbose=0)
    return next((row for row in report.layers if row.guilty), None)


def write(folder: Path, layer: str, failure: Failure, session: Session, fails: Callable[[Failure], bool]) -> Path:
    """Writes the test, and beside it a .glnn file of layers that are not written down in Python, and the page.

    Of a program's kernels, which no file holds, it writes the page alone -> that.
    """
    name = re.sub(r"\W+", "_", layer).strip("_").lower() or "layer"
    path = folder / f"test_{name}.py"
    text = source(failure, name, path.name, session, False)
    if not _defines(text, failure.nodes):
        from ...formats.native import write as native

        try:
            native.save(failure.graph, folder / f"{name}.glnn")
        except UnsupportedError:
            page(path.with_suffix(".html"), failure, session)
            return path.with_suffix(".html")
        text = source(failure, name, path.name, session, True)
    path.write_text(text, encoding="utf-8")
    page(path.with_suffix(".html"), failure, session)
    return path


def page(path: Path, failure: Failure, session: Session) -> None:
    """Writes the page that makes the draws in a browser, turn by turn, where these are draws of WebGL2."""
    from ... import passes

    row = _guilty(session, failure)
    graph = failure.graph
    limits = session.device.limits
    web = replace(
        WEBGL2, max_texture_size=min(limits.max_texture_size, WEBGL2.max_texture_size),
        draw_buffers=min(limits.draw_buffers, WEBGL2.draw_buffers),
    )  # fmt: skip
    expected = Chain(graph, np.float64, failure.inputs).value(graph.outputs[0])
    finite = expected[np.isfinite(expected)]
    size = float(np.abs(finite).max(initial=0))
    room = LARGEST * CODECS["float32"].tolerance * size + (TIMES * row.noise * size if row else 0.0) + TINY
    if row and row.own.rms > row.tolerance:  # then one value at least is off by more than that of the root mean square
        room = min(room, row.tolerance * float(np.sqrt(np.square(finite).mean())))
    with session.on(passes.optimize(graph)) as one:
        plan = one.plan({name: array.shape for name, array in failure.inputs.items()}, web)
        title, about = f"{failure.nodes[-1].kind} {failure.nodes[-1].label!r} draws wrong", f"{_where(session)}."
        try:
            text = draws_page(plan, one.store.values, failure.inputs, expected, room, title, about)
        except UnsupportedError:
            return
    path.write_text(text, encoding="utf-8")


def source(failure: Failure, name: str, file: str, session: Session, saved: bool) -> str:
    """The text of the test. saved: the layers are in a .glnn file beside it."""
    last = failure.nodes[-1]
    first, imports, nodes = "", "", f'    graph = glnn.Model.load(Path(__file__).with_name("{name}.glnn")).graph'
    if saved:
        modules = sorted({type(node.layer).__module__ for node in failure.nodes})
        own = [m for m in modules if m.split(".")[0] != "glnn"]
        first = "from pathlib import Path\n\n"
        imports = "".join(f"# here import what registers the layers of {module}\n" for module in own)
    else:
        classes = sorted({(type(n.layer).__module__, type(n.layer).__name__) for n in failure.nodes})
        imports = "from glnn.graph import Graph, Node, TensorSpec\n"
        imports += "".join(f"from {module} import {kind}\n" for module, kind in classes)
        nodes = _nodes(failure.graph)
    return TEST.format(
        title=f"{last.kind} {last.label!r} draws wrong", why=why(session, failure), file=file, first=first,
        imports=imports,
        where=_where(session), name=name, nodes=nodes,
        inputs="{" + ", ".join(f'"{key}": {literal(array)}' for key, array in failure.inputs.items()) + "}",
        device=_device(session),
    )  # fmt: skip


def _where(session: Session) -> str:
    device = session.device
    return f"Found on {device.renderer} ({device.vendor}), {device.version}"


def _nodes(graph: Graph) -> str:
    lines = []
    for number, node in enumerate(graph.nodes):
        weights = ", ".join(f'"{key}": {literal(np.asarray(w))}' for key, w in node.weights.items())
        told = f"{node.label!r}, {node.layer!r}, {node.inputs!r}, {node.outputs!r}, {{{weights}}}"
        lines.append(f"    node{number} = Node({told})")
    specs = ", ".join(f"TensorSpec({spec.name!r}, {spec.shape!r})" for spec in graph.inputs)
    nodes = ", ".join(f"node{number}" for number in range(len(graph.nodes)))
    lines.append(f"    graph = Graph({graph.name!r}, ({specs},), ({nodes},), {graph.outputs!r})")
    return "\n".join(lines)


def literal(array: np.ndarray) -> str:
    """An array of float32 as Python, with the fewest digits that give the same values."""
    if array.size > 1 and len(np.unique(array)) == 1:
        same = _number(array.flat[0])
        made = "zeros" if same == "0" else "full"
        return f"np.{made}({array.shape!r}, {same}, np.float32)".replace(", 0, np", ", np")
    if not array.size:
        return f"np.zeros({array.shape!r}, np.float32)"

    def told(part: np.ndarray) -> str:
        return _number(part) if part.ndim == 0 else f"[{', '.join(map(told, part))}]"

    return f"np.array({told(np.asarray(array, np.float32))}, np.float32)"


def _number(value: Any) -> str:
    text = str(np.float32(value))
    return {"nan": "np.nan", "inf": "np.inf", "-inf": "-np.inf"}.get(text, text.removesuffix(".0"))


def _device(session: Session) -> str:
    """The arguments of a device with what was asked of this one."""
    device = session.device
    asked = {key: value for key, value in device._wishes.asked.items() if value is not None and key != "index"}
    if isinstance(device, NumpyDevice):
        asked = {"index": "numpy", **asked}
    return ", ".join(f"{key}={value!r}" for key, value in asked.items())


def _defines(text: str, nodes: Sequence[Node]) -> bool:
    """Whether the layers of a test's text can be made as it says, by a run of it up to the device."""
    made = text.split("    with glnn.Device(")[0] + "    return graph\n"
    space: dict[str, Any] = {"__name__": "reproduced"}
    try:
        exec(compile(made, "<reproduced>", "exec"), space)  # written here from arrays and options, of no file
        if any(type(node.layer).__module__ == "__main__" for node in nodes):  # of a notebook: nobody can import it
            return False
        (test,) = (value for key, value in space.items() if key.startswith("test_"))
        return isinstance(test(), Graph)
    except Exception:  # an option whose repr is no Python, weights that are no plain arrays
        return False
