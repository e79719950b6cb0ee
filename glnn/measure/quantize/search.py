"""The cheapest codec for each layer whose model keeps to a drift of its output.

Each layer is measured alone, in uint8 and in uint4, on the first samples; from it on alone the model is drawn again.
Drifts of single layers add in squares, nearly; what is planned on that assumption is run as a whole on all samples, and
mended until it holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ...errors import QuantizationError
from ...graph.graph import Graph, Node
from ...quant import Encoder, check_weights, nbytes, quantizable
from ...run.session import Arrays, Session
from ...show.progress import Progress
from .ranges import batches, fixed_batch, output_rows, outputs
from .reruns import Reruns

PROBES = 4  # samples at most on which layers are measured one by one; the whole is run on all
TRIES = 6  # runs of a whole plan
ENOUGH = 0.85  # of the allowed drift: a plan that comes so near is not improved
MEASURED = ("uint8", "uint4")
UINT16 = 1 / 257  # its step over uint8's, so its drift: too small to be measured beside float32's own
Measure = Callable[[Mapping[str, str]], float]


@dataclass
class Layer:
    """Nodes that share weights, and for each codec (bytes, drift squared); `codec` is what is planned."""

    nodes: list[Node]
    costs: dict[str, tuple[int, float]] = field(default_factory=dict)
    codec: str = "float32"

    def cheaper(self) -> list[tuple[float, str]]:
        """The codecs that take fewer bytes than the planned one, as (bytes saved per drift added, codec)."""
        now = self.costs[self.codec]
        saved = {codec: now[0] - size for codec, (size, _) in self.costs.items()}
        return [(gain / max(self.costs[codec][1] - now[1], 1e-30), codec) for codec, gain in saved.items() if gain > 0]


def cheapest(
    session: Session,
    graph: Graph,
    encoder: Encoder,
    arrays: Arrays,
    expected: Arrays,
    skipped: set[str],
    max_drift: float,
    verbose: object = "auto",
) -> dict[str, str]:
    """A codec by node name such that the outputs drift from `expected` by at most max_drift on all samples.

    Raises QuantizationError where the outputs are not finite, or where the codecs of activations drift further alone.
    """
    for node in graph.nodes:
        if quantizable(node) and node.name not in skipped:
            check_weights(node)
    for name, values in expected.items():
        if not np.isfinite(values).all():
            raise QuantizationError(
                f"output {name!r} holds NaN or infinity on the calibration inputs; range_report shows where"
            )
    layers = group([node for node in graph.nodes if quantizable(node) and node.name not in skipped])
    probe = next(batches(graph, few(graph, arrays)))
    behind = {node.name: len(graph.nodes) - k for k, node in enumerate(graph.nodes)}
    alone = {layer.nodes[0].name: behind[layer.nodes[0].name] * samples(probe) for layer in layers}
    whole, done = len(graph.nodes) * samples(arrays), 0
    progress = Progress(len(MEASURED) * sum(alone.values()) + TRIES * whole, verbose, "layers of a sample")

    def drawn(work: int) -> None:
        nonlocal done
        done += work
        progress.update(min(done, progress.total - 1))

    def measure(chosen: Mapping[str, str]) -> float:
        made = outputs(session, graph.with_(nodes=encoder.apply(chosen).nodes), arrays)
        drawn(whole)
        return drift(expected, made)

    own = 0.0  # drift of the activations' codecs alone
    if graph.activations:
        own = measure({})
        if not own <= max_drift:
            raise QuantizationError(
                f"the codecs of activations alone drift by {own:.3g}, more than max_drift={max_drift:g}. "
                "Allow more, skip layers, or store activations in float16"
            )
    with Reruns(session, probe) as reruns:
        baseline = reruns.run(graph)
        for layer in layers:
            price(layer, encoder, lambda nodes: drift(baseline, reruns.run(graph.with_(nodes=nodes))))
            drawn(len(MEASURED) * alone[layer.nodes[0].name])
    best = settle(layers, max_drift**2 - own**2, lambda chosen: measure(chosen) / max_drift)
    progress.update(progress.total)
    return best


def price(layer: Layer, encoder: Encoder, measure: Callable[[tuple[Node, ...]], float]) -> None:
    """Finds what a layer costs in each codec. measure: how far nodes, this layer's in a codec, drift."""
    first = layer.nodes[0]
    layer.costs["float32"] = nbytes(first), 0.0  # as they are
    sizes = {codec: nbytes(first.with_(weights=encoder.weights(first, codec))) for codec in MEASURED}
    for codec, size in sizes.items():
        if size < layer.costs["float32"][0]:
            chosen = {node.name: codec for node in layer.nodes}
            layer.costs[codec] = size, measure(encoder.apply(chosen).nodes) ** 2
    if "uint8" in layer.costs:  # a byte more for each value
        size = sizes["uint8"] + sum(a.size for a in first.weights.values() if a.ndim >= 2)
        if size < layer.costs["float32"][0]:
            layer.costs["uint16"] = size, layer.costs["uint8"][1] * UINT16**2


def settle(layers: list[Layer], allowed: float, measure: Measure) -> dict[str, str]:
    """The plan of fewest bytes, of a few tried, that holds: measure(plan), drift over what is allowed, is at most 1."""
    best: dict[str, str] | None = None
    fewest, low, high, factor = math.inf, 0.0, math.inf, 1.0
    seen: set[tuple] = set()
    for _ in range(TRIES):
        plan(layers, allowed * factor)
        key = tuple(layer.codec for layer in layers)
        if key in seen:
            break
        seen.add(key)
        ratio = measure(codecs(layers))
        size = sum(layer.costs[layer.codec][0] for layer in layers)
        if ratio <= 1:
            low = factor
            if size < fewest:
                best, fewest = codecs(layers), size
            if ratio > ENOUGH or not any(layer.cheaper() for layer in layers):
                break
            factor = math.sqrt(low * high) if high < math.inf else factor * min(16.0, (0.95 / max(ratio, 1e-6)) ** 2)
        else:
            high = factor
            wanted = factor * (0.9 / ratio) ** 2 if math.isfinite(ratio) else factor / 16
            factor = math.sqrt(low * high) if low > 0 else wanted
    return best if best is not None else back_off(layers, measure)


def back_off(layers: list[Layer], measure: Measure) -> dict[str, str]:
    """Raises the layers that drift most, twice as many each time, until the whole holds; float32 holds."""
    count = 1
    while measure(codecs(layers)) > 1:
        worst = sorted((la for la in layers if la.codec != "float32"), key=lambda la: -la.costs[la.codec][1])
        if not worst:
            break
        for layer in worst[:count]:
            above = [c for c, (size, _) in layer.costs.items() if size > layer.costs[layer.codec][0]]
            layer.codec = min(above, key=lambda c: layer.costs[c][0], default="float32")
        count *= 2
    return codecs(layers)


def plan(layers: list[Layer], allowed: float) -> None:
    """Sets each layer's codec: from float32 down, the step that saves the most bytes per drift that still fits."""
    for layer in layers:
        layer.codec = "float32"
    used = 0.0
    while True:
        steps = [
            (gain, i, codec)
            for i, layer in enumerate(layers)
            for gain, codec in layer.cheaper()
            if used + layer.costs[codec][1] - layer.costs[layer.codec][1] <= allowed
        ]
        if not steps:
            return
        _, i, codec = max(steps)
        used += layers[i].costs[codec][1] - layers[i].costs[layers[i].codec][1]
        layers[i].codec = codec


def codecs(layers: list[Layer]) -> dict[str, str]:
    """The planned codec of each node, by node name."""
    return {node.name: layer.codec for layer in layers for node in layer.nodes if layer.codec != "float32"}


def group(nodes: list[Node]) -> list[Layer]:
    """Nodes as layers: those that share their weights belong together."""
    found: dict[tuple, Layer] = {}
    for node in nodes:
        key = tuple(sorted(node.origins[name] for name, array in node.weights.items() if array.ndim >= 2))
        found.setdefault(key, Layer([])).nodes.append(node)
    return list(found.values())


def few(graph: Graph, arrays: Arrays) -> Arrays:
    """A few of the samples, evenly from all."""
    count = samples(arrays)
    chosen = sorted({round(i) for i in np.linspace(0, count - 1, min(PROBES, count))})
    return arrays if fixed_batch(graph) else {name: a[chosen] for name, a in arrays.items()}


def samples(arrays: Arrays) -> int:
    """How many samples there are."""
    return len(next(iter(arrays.values())))


def drift(expected: Arrays, got: Arrays) -> float:
    """The largest drift of an output; inf where one is NaN."""
    drifts = [row.drift for row in output_rows(expected, got)]
    return math.inf if any(map(math.isnan, drifts)) else max(drifts)
