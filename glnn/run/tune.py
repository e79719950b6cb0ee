"""Measures on a device which recipes, blocks, fetches and pieces are the fastest for a graph, and keeps them."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph.exact import whole_numbers
from ..graph.graph import Graph, Node, TensorSpec
from ..graph.shapes import canonical
from ..graph.weight import Weight
from ..layout.blocks import BLOCKS, Blocks
from ..plan import tables
from ..plan.choice import BY_COST, Choice, Chosen, Pair, Workload
from ..plan.plan import Plan, make_plan
from ..plan.weights import WeightStore
from ..primitives.expr import RESULT
from ..primitives.fuse import with_finish
from ..show.progress import Progress
from ..show.reports.tuned import Row, Tuned
from .contest import contest
from .executor import Executor
from .resident import Resident

if TYPE_CHECKING:
    from .session import Session

SECONDS = 120.0  # after which a tuner begins nothing more
FOR_BLOCKS = 0.5  # share of them that blocks may take
FOR_FETCHES = 0.6  # ... and the forms of fetches after them
FOR_PIECES = 0.25  # share of them that is left for pieces
PIECES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
NEAR = 1.05  # a smaller piece is taken that costs at most so much more for each sample
SEED = 5


def tune(
    session: Session, shapes: Mapping[str, Sequence[int]], seconds: float = SECONDS, pieces: bool = False,
    verbose: Any = "auto",
) -> Tuned:  # fmt: skip
    """Measures what a session's graph can be drawn with, for inputs of these shapes (batch first), and keeps it.

    First the blocks of pixels for the whole network, then how it fetches texels, then the recipes of each workload
    with these, at last the whole as it was and as it is now, by turns: what is not faster is not kept. pieces: also how
    many samples are best run at once, up to the batch of the shapes. What is found is drawn with from now on, by this
    session too, and written to this machine's table; where that can't be, a warning says so.
    """
    until = time.monotonic() + seconds
    shapes = {name: tuple(map(int, shape)) for name, shape in shapes.items()}
    device, graph = session.device, session.graph
    inputs = seeded(graph, shapes)
    began = time.monotonic()
    bar = Progress(100, verbose, "% of the time")

    def step() -> None:
        bar.update(min(99, round(100 * (time.monotonic() - began) / max(seconds, 1e-3))))

    blocks, by_blocks = best_blocks(session, shapes, inputs, time.monotonic() + FOR_BLOCKS * seconds, step)
    fetch, by_fetch = best_fetch(session, shapes, inputs, blocks, began + FOR_FETCHES * seconds, step)
    plan = session.plan(shapes, choice=Choice(blocks=blocks, fetch=fetch))
    cut = pieces and not graph.states and all(spec.shape[0] is None for spec in graph.inputs)
    rows = best_recipes(session, plan, until - (FOR_PIECES * seconds if cut else 0), step)
    recipes = {row.key: row.chosen for row in rows}
    choices = {"before": BY_COST, "after": Choice(recipes, blocks, fetch=fetch)}
    makers = {name: partial(_executor, session, shapes, choice) for name, choice in choices.items()}
    whole = contest(device, makers, inputs, graph.name, step=step, whole=True)
    kept = whole.best == "after"
    table = tables.Table(recipes if kept else {}, {})
    told: dict[str, Any] = {"tuned": [tables.shapes_key(shapes)]}
    if kept:
        told["fetch"] = fetch
        told["blocks"] = {f"{h}x{w}": f"{bh}x{bw}" for (h, w), (bh, bw) in sorted(blocks.items())}
    before, after = whole.seconds["before"], whole.seconds.get("after", whole.seconds["before"])
    table.networks[tables.network(graph)] = told
    session.learn(table)
    sizes: dict[int, float] = {}
    if cut and (sizes := best_piece(session, shapes, until, step)):
        least = min(sizes.values())
        sample = {name: shape[1:] for name, shape in shapes.items()}
        piece = min(size for size, each in sizes.items() if each <= NEAR * least)
        told["pieces"] = {tables.shapes_key(sample): piece}
        session.learn(table)
    path = keep(session, table)
    bar.update(100)
    used = blocks if kept else {}
    return Tuned(
        graph.name, device.renderer, tuple(rows), used, by_blocks, plan.fetch if kept else "", by_fetch, before, after,
        kept, sizes, path,
    )  # fmt: skip


def is_tuned(session: Session, shapes: Mapping[str, Sequence[int]]) -> bool:
    """Whether this was measured before, here or on this machine."""
    told = session.table.networks.get(tables.network(session.graph), {})
    return tables.shapes_key(shapes) in told.get("tuned", ())


def keep(session: Session, table: tables.Table) -> str:
    """Writes a table to this machine's -> the file; "", with a warning, where none can be written."""
    place = session.place
    try:
        return str(tables.write(place, table))
    except OSError as error:
        lost = f"{place.path}: {error}. What was measured is not kept; name a folder in GLNN_CACHE"
        warnings.warn(lost, stacklevel=3)
        return ""


def seeded(graph: Graph, shapes: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray]:
    """Inputs out of a seed, by name; whole numbers 0 and 1 where they are looked up by."""
    rng, whole = np.random.default_rng(SEED), whole_numbers(graph)
    kinds = {spec.name: spec.dtype for spec in graph.inputs}
    return {
        name: rng.integers(0, 2, shape).astype(np.float32)
        if name in whole or "int" in str(kinds.get(name)) or "bool" in str(kinds.get(name))
        else rng.standard_normal(shape, np.float32)
        for name, shape in shapes.items()
    }


# ---- blocks


def best_blocks(
    session: Session, shapes: Mapping[str, Sequence[int]], inputs: Mapping[str, np.ndarray], until: float,
    step: Callable[[], None],
) -> tuple[dict[Pair, Pair], dict[str, float]]:  # fmt: skip
    """The blocks of pixels, by image size, in which the whole network is the fastest, none where those estimated are;
    and the seconds of all that were tried.
    """
    limits = session.device.limits
    sizes = sorted({canonical(made.shape)[1:3] for made in session.plan(shapes, choice=BY_COST).makes})
    sizes = [size for size in sizes if min(size) > 1]
    if limits.draw_buffers < 2 or limits.dialect == "es100" or not sizes or time.monotonic() >= until:
        return {}, {}
    candidates: dict[str, dict[Pair, Pair]] = {"as estimated": {}, "each size its own": of_sizes(sizes, None, session)}
    for block in (b for b in BLOCKS if b in ((2, 4), (1, 8), (1, 7), (2, 2), (1, 4))):
        candidates[f"{block[0]}x{block[1]}"] = of_sizes(sizes, block, session)
    distinct = {tuple(sorted(blocks.items())): name for name, blocks in reversed(candidates.items())}
    names = [name for name in candidates if name in distinct.values()]
    makers = {n: partial(_executor, session, shapes, Choice(blocks=candidates[n])) for n in names}
    outcome = contest(session.device, makers, inputs, session.graph.name, until, step)
    return candidates[outcome.best], outcome.seconds


def of_sizes(sizes: Iterable[Pair], block: Pair | None, session: Session) -> dict[Pair, Pair]:
    """This block for each image size that it fits, for others their own; None: for each its own."""
    buffers = session.device.limits.draw_buffers
    return {size: Blocks(None, ((size, block),) if block else ()).of(*size, buffers) for size in sizes}


def _executor(session: Session, shapes: Mapping[str, Sequence[int]], choice: Choice) -> Executor:
    return session.trial(session.plan(shapes, choice=choice))


# ---- fetches


def best_fetch(
    session: Session, shapes: Mapping[str, Sequence[int]], inputs: Mapping[str, np.ndarray],
    blocks: Mapping[Pair, Pair], until: float, step: Callable[[], None],
) -> tuple[str, dict[str, float]]:  # fmt: skip
    """The form of fetches with which the whole network is the fastest in these blocks, and the seconds of each."""
    forms = session.device.limits.fetches
    if len(forms) == 1 or time.monotonic() >= until:
        return forms[0], {}
    makers = {form: partial(_executor, session, shapes, Choice(blocks=blocks, fetch=form)) for form in forms}
    outcome = contest(session.device, makers, inputs, session.graph.name, until, step)
    return outcome.best, outcome.seconds


# ---- recipes


def best_recipes(session: Session, plan: Plan, until: float, step: Callable[[], None]) -> list[Row]:
    """For each workload of a plan that can be drawn in several ways the fastest, the largest workloads first."""
    groups: dict[str, list[Chosen]] = {}
    for item in plan.chosen:
        if len(item.able) > 1:
            groups.setdefault(item.workload.key, []).append(item)
    rows = []
    for key, items in sorted(groups.items(), key=lambda one: -work(one[1][0].workload) * len(one[1])):
        if time.monotonic() > until:
            break
        labels, first = [item.label for item in items], items[0]
        outcome = recipes_of(session, first, plan.fetch, until, step)
        rows.append(Row(key, labels[0], len(labels), first.recipe, outcome.best, outcome.seconds, outcome.dropped))
    return rows


def work(workload: Workload) -> float:
    """About how many products a workload takes: which to measure first."""
    made = workload.primitive.shape(*workload.shapes)
    weights = max((math.prod(w.shape) / w.shape[-1] for w in workload.weights.values() if w.ndim > 1), default=1)
    return weights * math.prod(d for d in made if isinstance(d, int))


def recipes_of(session: Session, item: Chosen, fetch: str, until: float, step: Callable[[], None]) -> Any:
    """The contest of a workload's recipes with fetches of this form, that which would be drawn first."""
    workload, limits = item.workload, session.device.limits
    graph = alone(workload)
    shapes = {spec.name: tuple(d or 1 for d in spec.shape) for spec in graph.inputs}
    pairs = zip(graph.inputs, workload.lying, strict=True)
    lying = {spec.name: how for spec, how in pairs if how is not None and how[1].codec != "uint8"}
    store, made = WeightStore(graph), workload.primitive.shape(*workload.shapes)
    sizes = [canonical(shape)[1:3] for shape in (*workload.shapes, tuple(d or 1 for d in made))]
    blocks = dict(zip(sizes, workload.blocks, strict=True))
    resident = Resident(session.device, store.values)

    def make(name: str) -> Executor:
        plan = make_plan(graph, shapes, limits, store, lying, Choice(blocks=blocks, forced=name, fetch=fetch))
        return Executor(plan, session.device, resident)

    names = [item.recipe, *(name for name in item.able if name != item.recipe)]
    try:
        makers = {name: partial(make, name) for name in names}
        return contest(session.device, makers, seeded(graph, shapes), f"layer {item.label!r}", until, step)
    finally:
        with session.device.use():
            resident.release()


def alone(workload: Workload) -> Graph:
    """A graph of a workload's primitive alone, without a finish."""
    primitive, own = workload.primitive, workload.primitive.weights(*workload.shapes)
    if hasattr(primitive, "finish"):
        primitive = with_finish(primitive, RESULT)
    given = {spec.name: workload.weights[spec.name] for spec in own}
    weights = {name: array.values if isinstance(array, Weight) else array for name, array in given.items()}
    names = tuple(f"x{k}" for k in range(len(workload.shapes)))
    specs = tuple(TensorSpec(name, shape) for name, shape in zip(names, workload.shapes, strict=True))
    return Graph("workload", specs, (Node("workload", primitive, names, ("y",), weights),), ("y",))


# ---- pieces


def best_piece(
    session: Session, shapes: Mapping[str, Sequence[int]], until: float, step: Callable[[], None]
) -> dict[int, float]:
    """Seconds for each sample by the size of a piece, up to the batch of the shapes; none where time is too short."""
    batch = next(iter(shapes.values()))[0]
    sizes: dict[int, float] = {}
    for size in (size for size in PIECES if size <= batch):
        if time.monotonic() > until:
            return {}  # those that were not reached may be the fastest
        arrays = seeded(session.graph, {name: (size, *shape[1:]) for name, shape in shapes.items()})
        session.run(arrays, size, 0)
        times = []
        for _ in range(3):
            start = time.perf_counter()
            session.run(arrays, size, 0)
            times.append(time.perf_counter() - start)
        sizes[size] = min(times) / size
        step()
    return sizes
