"""A plan as a notebook shows it: a graph and a table of its draws, and the GLSL that they are drawn with."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any

from ...graph.shapes import shape_text
from .. import html
from ..tables import Cell, as_html
from .glsl import listing

if TYPE_CHECKING:
    from ...kernels.assemble import ShaderText
    from ...plan.plan import Made, Plan, TensorPlan

TEXTS = 400_000  # characters of GLSL as HTML that the view of a plan holds at most
ROW, LANE, LEFT, RIGHT = 22, 12, 40, 470  # pixels: of a row of the graph, of an arc's lane, of boxes' sides


def plan_html(plan: Plan) -> str:
    """The view of a plan: what it is, and closed boxes for the graph, the draws and the texts."""
    ends = " -> ".join(", ".join(f"{t.name} {shape_text(t.shape)}" for t in end) for end in (plan.inputs, plan.outputs))
    lines = [
        f"{len(plan.draws)} draws, {len(plan.programs)} programs in {plan.words}, {len(plan.slots)} slots",
        f"{plan.weight_bytes:,} bytes of weights, {plan.activation_bytes:,} of activations",
    ]
    head = html.title(f"Plan {ends}") + "".join(f"<div>{escape(line)}</div>" for line in lines)
    return html.view(
        head,
        html.box("graph", f'<div class="scroll">{graph_svg(plan)}</div>'),
        html.box("draws", f'<div class="scroll">{as_html("", *draws_table(plan))}</div>'),
        html.box("tensors and slots", f'<div class="scroll">{as_html("", *tensors_table(plan))}</div>'),
        html.box("GLSL", texts(plan)),
    )  # fmt: skip


def text_html(text: ShaderText) -> str:
    """The view of a shader's text: its listing, and the values of its uniforms."""
    ints = ", ".join(f"{name} = {value}" for name, value in zip(text.names, text.ints, strict=False))
    notes = [f"kernel {text.kernel}", text.dialect, text.key[:12]]
    samplers = f"<div>{html.note('textures: ' + ', '.join(text.samplers))}</div>" if text.samplers else ""
    uniforms = f"<div>{html.note('P: ' + ints)}</div>" if ints else ""
    return html.title(", ".join(notes)) + samplers + uniforms + listing(text.fragment, text.origins)


def texts(plan: Plan) -> str:
    """A closed box for each program, up to TEXTS characters in all; the rest is named."""
    users: dict[str, list[int]] = {}
    for number, draw in enumerate(plan.draws):
        users.setdefault(draw.program, []).append(number)
    parts, held = [], 0
    for key, text in plan.programs.items():
        numbers = users.get(key, [])
        labels = ", ".join(dict.fromkeys(plan.draws[n].label for n in numbers[:4])) + ", .." * (len(numbers) > 4)
        words = f"<code>{escape(text.kernel)}</code>{html.note(f'draws {_some(numbers)}: {labels}')}"
        body = text_html(text)
        held += len(body)
        shown = body if held <= TEXTS else html.note(f"plan.programs[{key!r}] shows it")
        parts.append(html.box(words, shown))
    return "".join(parts)


def draws_table(plan: Plan) -> tuple[list[str], list[list[Cell]]]:
    """The draws: number, layer, kernel, what they draw to, what they read, bytes that they write."""
    header = ["Draw", "Layer", "Type", "Output shape", "Reads", "Turns"]
    rows: list[list[Cell]] = []
    turns = list(_turns(plan.steps))
    for number, draw in enumerate(plan.draws):
        first, count = draw.layers
        layers = f"[{first}:{first + count}]" if plan.slots[draw.target].layers else ""
        target = f"slot {draw.target}{layers}: {draw.viewport[1]} x {draw.viewport[0]} texels"
        reads = ", ".join(dict.fromkeys(f"{kind} {n}" for kind, n, _ in draw.textures))
        rows.append([str(number), draw.label, draw.kernel, target, reads, f"{turns[number]:,}"])
    return header, rows


def tensors_table(plan: Plan) -> tuple[list[str], list[list[Cell]]]:
    """The inputs, the tensors between and the outputs: layer, shape, codec, how they lie, after how many steps."""
    header = ["Layer", "Output shape", "Codec", "Note", "Slots", "Steps"]
    rows: list[list[Cell]] = [_tensor_row(spec.name, spec.codec, spec, "given") for spec in plan.inputs]
    rows += [_tensor_row(item.label, item.codec.codec, item, str(item.steps)) for item in plan.made]
    rows += [_tensor_row(f"output {spec.name}", spec.codec, spec, "end") for spec in plan.outputs]
    return header, rows


def _tensor_row(label: str, codec: str, lying: TensorPlan | Made, steps: str) -> list[Cell]:
    lies = repr(lying.layout).partition(": ")[2].rstrip(">")
    part = "in another, " if getattr(lying, "section", None) else ""
    return [label, shape_text(lying.shape), codec, part + lies, ", ".join(map(str, lying.slots)), steps]


def _some(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:6])) + (f" and {len(numbers) - 6} more" if len(numbers) > 6 else "")


def _turns(steps: Iterable[Any], turns: int = 1) -> Iterable[int]:
    for step in steps:
        if hasattr(step, "steps"):
            yield from _turns(step.steps, turns * step.count)
        else:
            yield turns


# ---- the graph


def edges(plan: Plan) -> list[tuple[int, int]]:
    """Which draw reads what which one made: pairs of numbers, -1 for what was given. Repeats as in their first turn."""
    writers: dict[int, set[int]] = {slot: {-1} for spec in plan.inputs for slot in spec.slots}
    found: dict[tuple[int, int], None] = {}
    number = 0

    def walk(steps: Iterable[Any]) -> None:
        nonlocal number
        for step in steps:
            if hasattr(step, "steps"):
                walk(step.steps)
                for a, b in step.swaps:  # after it, what was carried lies in one of the two
                    both = writers.get(a, set()) | writers.get(b, set())
                    writers[a], writers[b] = set(both), both
                continue
            for kind, slot, _ in step.textures:
                for writer in sorted(writers.get(slot, ())) if kind == "slot" else ():
                    found[writer, number] = None
            if step.layers[0] == 0 and not step.move:
                writers[step.target] = set()
            writers.setdefault(step.target, set()).add(number)
            number += 1

    walk(plan.steps)
    return list(found)


def graph_svg(plan: Plan) -> str:
    """The draws from top to bottom, each an entry; what it reads of an earlier one than the last comes by an arc."""
    draws = plan.draws
    lanes: list[int] = []  # the row down to which each lane of arcs is taken
    marks = []
    for start, end in sorted(edges(plan), key=lambda edge: (edge[0], edge[1])):
        y0, y1 = (ROW * (start + 1) + ROW * 0.5, ROW * (end + 1) + ROW * 0.5)
        if end - start == 1:
            marks.append(f'<path d="M{LEFT + 14} {y0 + 8}V{y1 - 8}" marker-end="url(#glnn-tip)"/>')
            continue
        lane = next((k for k, row in enumerate(lanes) if row <= start), len(lanes))
        lanes[lane:] = [end, *lanes[lane + 1 :]]
        x = RIGHT + LANE * (lane + 1)
        marks.append(
            f'<path d="M{RIGHT} {y0}H{x - 5}Q{x} {y0} {x} {y0 + 5}V{y1 - 5}Q{x} {y1} {x - 5} {y1}H{RIGHT + 3}" '
            'marker-end="url(#glnn-tip)"/>'
        )
    rows = [_row(0, "input", ", ".join(f"{t.name} {shape_text(t.shape)}" for t in plan.inputs), "")]
    outputs = {slot: spec.name for spec in plan.outputs for slot in spec.slots}
    last = {draw.target: number for number, draw in enumerate(draws)}
    for number, draw in enumerate(draws):
        size = f"{draw.layers[1]} x {draw.viewport[1]} x {draw.viewport[0]}"
        ends = outputs.get(draw.target, "") if last[draw.target] == number else ""
        rows.append(_row(number + 1, draw.kernel, draw.label, f"{size} -> output {ends}" if ends else size))
    brackets = [
        f'<path d="M{LEFT - 4 - 8 * depth} {ROW * (a + 1) + 3}h-4V{ROW * (b + 1) - 3}h4"/>'
        f'<text x="{LEFT - 10 - 8 * depth}" y="{ROW * (a + 1) + 15}" text-anchor="end" stroke="none" '
        f'fill="currentColor">x{count:,}</text>'
        for a, b, count, depth in _repeats(plan.steps)
    ]
    width, height = RIGHT + LANE * (len(lanes) + 2), ROW * (len(draws) + 1) + 4
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-size="12" role="img" '
        f'aria-label="{len(draws)} draws and what they read of each other">'
        '<defs><marker id="glnn-tip" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="6" markerHeight="6" '
        'orient="auto">'
        '<path d="M0 0L6 3L0 6z" fill="var(--glnn-edge)"/></marker></defs>'
        f'{"".join(rows)}<g fill="none" stroke="var(--glnn-edge)">{"".join(marks)}</g>'
        f'<g fill="none" stroke="currentColor" opacity=".6">{"".join(brackets)}</g></svg>'
    )


def _row(row: int, kernel: str, label: str, size: str) -> str:
    y = ROW * row
    shown = label if len(label) <= 34 else label[:33] + "…"
    return (
        f"<g><title>{escape(f'{kernel}: {label} {size}')}</title>"
        f'<rect x="{LEFT}" y="{y + 3}" width="{RIGHT - LEFT}" height="{ROW - 6}" rx="4" fill="rgba(128,128,128,.14)"/>'
        f'<text x="{LEFT + 24}" y="{y + 15}" fill="var(--glnn-type)">{escape(kernel)}</text>'
        f'<text x="{LEFT + 130}" y="{y + 15}" fill="currentColor">{escape(shown)}</text>'
        f'<text x="{RIGHT - 8}" y="{y + 15}" fill="currentColor" opacity=".65" text-anchor="end">{escape(size)}</text>'
        "</g>"
    )


def _repeats(steps: Iterable[Any], at: int = 0, depth: int = 0) -> list[tuple[int, int, int, int]]:
    """Of each repeat: the first draw and the one after the last, its turns, how many are around it."""
    found, now = [], at
    for step in steps:
        if hasattr(step, "steps"):
            end = now + sum(1 for _ in _turns(step.steps))
            found += [(now, end, step.count, depth), *_repeats(step.steps, now, depth + 1)]
            now = end
        else:
            now += 1
    return found
