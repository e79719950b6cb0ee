"""glnn check: what a model holds, what of it glnn does not do, and what a prediction takes. Needs no OpenGL."""

from __future__ import annotations

import json as jsonlib
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import GlnnError, InputError, UnsupportedError
from ..graph.shapes import ANY
from .notices import say

if TYPE_CHECKING:
    from ..formats import Survey
    from ..graph.graph import Graph

OK, UNSUPPORTED, UNREADABLE = 0, 1, 2  # exit codes


def check(args: Namespace) -> int:
    """glnn check MODEL -> exit code: 0 it runs, 1 something of it is not supported, 2 it cannot be read."""
    from ..formats import survey

    try:
        seen = survey(args.model, args.weights, args.metadata)
        about = collect(seen, args)
    except InputError:
        raise
    except GlnnError as error:
        if args.json:
            print(
                jsonlib.dumps({"model": str(args.model), "ok": False, "readable": False, "error": str(error)}, indent=2)
            )
        else:
            say(str(error))
        return UNREADABLE
    if args.json:
        print(jsonlib.dumps(about, indent=2))
    elif not (sys.stdout.isatty() and _rich(about)):
        print("\n".join(plain(about)))
    return OK if about["ok"] else UNSUPPORTED


def collect(seen: Survey, args: Namespace) -> dict[str, Any]:
    """All that is told of a model, as plain data."""
    classes = Counter(layer.type for layer in seen.layers)
    wrong = [layer for layer in seen.layers if layer.problems]
    about: dict[str, Any] = {
        "model": seen.path,
        "ok": seen.supported,
        "readable": True,
        "format": seen.format,
        "written_by": seen.writer or None,
        "layers": len(seen.layers),
        "classes": [
            {
                "class": name,
                "count": count,
                "not_supported": [layer.name for layer in wrong if layer.type == name],
            }
            for name, count in sorted(classes.items())
        ],
        "problems": [
            *(
                {"layer": layer.name, "class": layer.type, "problem": text}
                for layer in wrong
                for text in layer.problems
            ),
            *({"layer": None, "class": None, "problem": text} for text in seen.problems),
        ],
        "advice": seen.advice or None,
        "parameters": seen.parameters,
        "weight_bytes": seen.size if seen.size is not None or seen.parameters is None else 4 * seen.parameters,
    }
    if seen.graph is not None:
        ends = {"inputs": seen.graph.given, "outputs": seen.graph.output_specs()}
        about |= {
            end: {spec.name: None if spec.shape == ANY else list(spec.shape) for spec in specs}
            for end, specs in ends.items()
        }
        if seen.graph.staging or seen.graph.kinds:  # a graph of operators: others take and give floats
            about["types"] = {end: {spec.name: spec.dtype for spec in specs} for end, specs in ends.items()}
        about["memory"] = memory(seen.graph, args)
        about["host_steps"] = list(seen.graph.staging.hosts) if seen.graph.staging else []
    return about


def memory(graph: Graph, args: Namespace) -> dict[str, Any]:
    """Bytes of textures that a prediction takes, by the plan for it; or why they are not known. Raises InputError."""
    from .. import passes
    from ..device import profiles
    from ..layout.limits import Limits
    from ..plan.plan import make_plan
    from ..run.inputs import web_shapes

    profile = profiles.resolve(args.profile, "--profile") if args.profile else None
    free = {s.name: s.shape for s in graph.given if None in s.shape[1:] or s.shape == ANY}
    if free and args.shape is None:
        told = ", ".join(f"{name} {shape}" for name, shape in free.items())
        return {"error": f"the model leaves sizes free ({told}): give them with --shape"}
    shapes = web_shapes(graph.given, args.shape)
    if graph.staging is None:
        shapes = {name: (args.batch, *shape[1:]) for name, shape in shapes.items()}
    else:
        batch = {s.name for s in graph.given if s.shape != ANY and s.shape[:1] == (None,)}
        shapes = {name: (args.batch, *shape[1:]) if name in batch else shape for name, shape in shapes.items()}
    try:
        graph = graph.staging.fixed(shapes) if graph.staging else graph
        plan = make_plan(passes.optimize(graph), shapes, profile.limits if profile else Limits())
    except GlnnError as error:
        why = str(error)
        if isinstance(error, UnsupportedError) and graph.staging and graph.staging.hosts:
            why = "known once inputs come, since what follows NumPy's steps depends on them"
        return {"inputs": {name: list(shape) for name, shape in shapes.items()}, "error": why}
    return {
        "inputs": {name: list(shape) for name, shape in shapes.items()},
        "profile": profile.name if profile else None,
        "weights": plan.weight_bytes,
        "activations": plan.activation_bytes,
        "total": plan.weight_bytes + plan.activation_bytes,
        "draws": len(plan.draws),
        "programs": len(plan.programs),
    }


def pairs(about: dict[str, Any]) -> list[tuple[str, str]]:
    """What is told of the model as a whole, by name."""
    told = [("model", about["model"]), ("format", about["format"])]
    if about["written_by"]:
        told.append(("written by", about["written_by"]))
    types = about.get("types", {})
    told += [
        (f"{end[:-1]} {name}", f"{_shape(shape)} {types.get(end, {}).get(name, '')}".rstrip())
        for end in ("inputs", "outputs")
        for name, shape in about.get(end, {}).items()
    ]
    told.append(("layers", f"{about['layers']:,}"))
    if about["parameters"] is not None:
        told.append(("parameters", f"{about['parameters']:,} ({_bytes(about['weight_bytes'])})"))
    needed = about.get("memory", {})
    if "total" in needed:
        at = ", ".join(_shape(shape) for shape in needed["inputs"].values())
        told.append((f"memory for {at}", f"{_bytes(needed['total'])} of textures"))
        told.append(
            ("", f"{_bytes(needed['weights'])} weights, {_bytes(needed['activations'])} tensors between layers")
        )
        told.append(("", f"{needed['draws']:,} draws, {needed['programs']:,} programs"))
    elif needed:
        told.append(("memory", needed["error"]))
    steps = about.get("host_steps", [])
    told += [("computed by NumPy" if not k else "", step) for k, step in enumerate(steps)]
    return told


def rows(about: dict[str, Any]) -> list[list[str]]:
    """The classes of layers: whether glnn has them, how many there are, which layers are not supported."""
    made = []
    for item in about["classes"]:
        wrong: Sequence[str] = item["not_supported"]
        named = ", ".join(wrong[:6]) + (f" and {len(wrong) - 6} more" if len(wrong) > 6 else "")
        made.append(["NO" if wrong else "yes", item["class"], f"{item['count']:,}", named])
    return made


def problems(about: dict[str, Any]) -> list[str]:
    """What is not supported, a line each."""
    return [f"{p['layer']} ({p['class']}): {p['problem']}" if p["layer"] else p["problem"] for p in about["problems"]]


def verdict(about: dict[str, Any]) -> str:
    """The last line."""
    count = len(about["problems"])
    if about["ok"]:
        return "glnn runs this model"
    return f"{count} thing{'s' if count != 1 else ''} that glnn does not support"


def plain(about: dict[str, Any]) -> list[str]:
    """The report as lines of plain text."""
    from ..show.tables import table

    width = max(len(name) for name, _ in pairs(about))
    lines = [f"{name:{width}}  {value}".rstrip() for name, value in pairs(about)]
    lines += ["", table(["Runs", "Class", "Layers", "Not supported"], rows(about), right=(2,))]
    if wrong := problems(about):
        lines += ["", "not supported:", *(f"  - {line}" for line in wrong)]
    if about["advice"]:
        lines += ["", about["advice"]]
    return [*lines, "", f"verdict: {verdict(about)}"]


def _rich(about: dict[str, Any]) -> bool:
    """Prints the report as tables; False if rich is not installed."""
    try:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table
    except ImportError:
        return False
    console = Console()
    whole = Table(show_header=False, box=None)
    for name, value in pairs(about):
        whole.add_row(escape(name), escape(value))
    console.print(whole)
    classes = Table("runs", "class", "layers", "not supported", title="layers", title_justify="left", box=None)
    for runs, name, count, wrong in rows(about):
        classes.add_row("[green]yes[/]" if runs == "yes" else "[red]no[/]", escape(name), count, escape(wrong))
    console.print(classes)
    for line in problems(about):
        console.print(f"[red]-[/] {escape(line)}", highlight=False, soft_wrap=True)
    if about["advice"]:
        console.print(escape(about["advice"]), highlight=False, soft_wrap=True)
    console.print(f"verdict: [bold {'green' if about['ok'] else 'red'}]{escape(verdict(about))}[/]")
    return True


def _shape(shape: Sequence[int | None] | None) -> str:
    return "(...)" if shape is None else f"({', '.join('?' if size is None else str(size) for size in shape)})"


def _bytes(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 10_000 else f"{count:,} bytes"
