"""glnn compare: which layers of a model are wrong on a device."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import GlnnError, InputError
from .checks import Watch
from .device import wanted
from .notices import notice, rest, say
from .options import picture
from .reading import find, read_inputs
from .writing import checked_target, replacing

if TYPE_CHECKING:
    from ..model import Model
    from ..show.reports.comparison import CompareReport

RIGHT, GUILTY, NOT_COMPARED = 0, 1, 2  # exit codes
SEED = 0  # of inputs where none are given


def compare(args: Namespace) -> int:
    """glnn compare MODEL [INPUT...] -> exit code: 0 no layer is guilty, 1 one is, 2 it could not be compared."""
    from ..model import Model

    try:
        targets = [checked_target(Path(f), (".html", ".json"), "--report") for f in (args.report,) if f is not None]
        with wanted(args) as device, Model.load(args.model, args.weights, args.metadata, device) as model:
            report = model.compare(inputs(model, args), reference(args.reference), args.save, "auto")
    except GlnnError as error:
        say(str(error))
        return NOT_COMPARED
    print(report.to_json() if args.json else report)
    for target in targets:
        write(report, target)
    rest()
    return RIGHT if report else GUILTY


def write(report: CompareReport, target: Path) -> None:
    """Writes a report into a file, in the form that its suffix names."""
    text = report.to_html() if target.suffix.lower() == ".html" else report.to_json() + "\n"
    with replacing(target, "--report") as file:
        file.write(text.encode())


def reference(name: str) -> Any:
    """What --reference names: a word that Model.compare knows, or a file. Raises InputError."""
    if name in ("numpy", "keras", "onnxruntime"):
        return name
    path = Path(name).expanduser()
    if path.suffix.lower() == ".glnn":
        raise InputError(
            f"--reference {name}: allowed are numpy, keras, onnxruntime, a .keras, .h5 or .onnx, the .npz of a run"
        )
    if not path.exists():
        raise InputError(f"--reference {name}: no such file; else numpy, keras or onnxruntime")
    return path


def inputs(model: Model, args: Namespace) -> dict[str, Any]:
    """Samples by input name, of the files that are given or, without any, of seeded random numbers."""
    if args.inputs:
        watch = Watch(model.graph, args.scale)
        return read_inputs(find(args.inputs), model.inputs, args.key, watch.add, **picture(args))
    import numpy as np

    from ..graph.exact import whole_numbers
    from ..run.inputs import web_shapes

    shapes = web_shapes(model.inputs, args.shape)
    rng = np.random.default_rng(SEED)
    whole = whole_numbers(model.graph)
    made: dict[str, Any] = {}
    for name, shape in shapes.items():
        rows = [getattr(n.layer, "input_dim", 2) for n in model.graph.nodes if name in n.inputs]
        numbers = rng.integers(0, min(rows, default=2), shape) if name in whole else rng.standard_normal(shape)
        made[name] = numbers.astype(np.float32)
    notice("no INPUT is given: compared on seeded random numbers; on inputs of yours it tells more")
    return made
