"""One layer of a guilty draw alone: its own plan, on given inputs, judged as every layer is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import passes
from ...graph.graph import ActivationCodec, Graph, Node, TensorSpec
from ...run.session import Session
from ...show.reports.comparison import PartRow
from ..steps.segments import Chain
from ..steps.stepping import rounded
from .halves import rounded_by_halves
from .noise import last_bits
from .tally import Tally
from .verdict import tolerance, verdict


def alone_graph(node: Node, shapes: Sequence[tuple[int, ...]]) -> Graph:
    """A graph of one layer, with inputs x0, x1, .. of these shapes (batch first)."""
    specs = tuple(TensorSpec(f"x{k}", tuple(shape)) for k, shape in enumerate(shapes))
    inner = node.with_(inputs=tuple(spec.name for spec in specs))
    return Graph(node.label, specs, (inner,), node.outputs)


def alone(session: Session, node: Node, inputs: Sequence[np.ndarray]) -> PartRow | None:
    """How a layer draws on inputs (float32) when nothing is fused with it; None for one that draws nothing."""
    graph = alone_graph(node, [x.shape for x in inputs])
    given = {f"x{k}": x for k, x in enumerate(inputs)}
    with session.on(passes.optimize(graph)) as one:
        got = one.run(given, batch_size=len(inputs[0]), verbose=0)
        plan = one.plan({name: array.shape for name, array in given.items()})
    codecs = {tensor.name: ActivationCodec(tensor.codec) for tensor in (*plan.inputs, *plan.outputs)}
    if not plan.draws:
        return None
    half = session.device.limits.precision == "mediump"
    wide = Chain(graph, np.float64, given)
    read = {name: rounded(array, codecs[name]) for name, array in given.items()}
    rng = np.random.default_rng(0)
    noisy = read if half else {name: last_bits(array, rng) for name, array in read.items()}
    narrow = Chain(graph, np.float16 if half else np.float32, noisy)
    own, noise, halves = Tally(), Tally(brief=True), Tally(brief=True)
    for name in node.outputs:
        own.add(got[name], wide.value(name))
        noise.add(rounded(narrow.value(name), codecs[name]), wide.value(name))
    codec = "float16" if half or "float16" in {c.codec for c in codecs.values()} else "float32"
    kernels = ", ".join(dict.fromkeys(draw.kernel for draw in plan.draws))
    most, guilty = tolerance(noise, codec, half), bool(verdict(own, noise, codec, half))
    if guilty and half:
        for name in node.outputs:
            sound = rounded_by_halves(session.device.limits, graph.nodes, given, name, wide.value(name))
            halves.add(got[name], sound)
        guilty = bool(verdict(halves, noise, codec, True))
    return PartRow(node.label, node.kind, kernels, own.errors, noise.errors.rms, most, guilty)
