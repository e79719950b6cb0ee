"""Makes fused.glnn, of version 1 of the format: sums and activations that passes had fused into layers, and answers.

Nothing writes version 1 any more. Check out commit 9f092f8, the last that does, and run this there:
`PYTHONPATH=<that checkout> python make.py`; test_native_version1.py reads what it makes.
"""

from pathlib import Path

import numpy as np

from glnn import passes, quant
from glnn.formats.native.write import save
from glnn.graph import ActivationCodec, Graph, Node, TensorSpec, reference, validate
from glnn.layers.activation import Activation, ReLU
from glnn.layers.conv import Conv2D, DepthwiseConv2D
from glnn.layers.core import Dense
from glnn.layers.merging import Add, Average, Maximum, Subtract
from glnn.layers.normalization import BatchNormalization
from glnn.layers.pooling import GlobalAveragePooling2D, MaxPooling2D
from glnn.layers.resizing import ZeroPadding2D

HERE = Path(__file__).parent
RNG = np.random.default_rng(7)
STEPS = [
    ("pad", ZeroPadding2D(1), "x"),
    ("first", Conv2D(6, 3, use_bias=False), "pad"),
    ("norm", BatchNormalization(), "first"),
    ("relu", ReLU(), "norm"),
    ("branch", Conv2D(6, 3, padding="same"), "relu"),
    ("sum", Add(), "branch,relu"),
    ("sum relu", ReLU(6.0), "sum"),
    ("plain", Conv2D(6, 1), "sum relu"),
    ("plain sum", Add(), "sum relu,plain"),
    ("pool", MaxPooling2D(2), "plain sum"),
    ("alone", BatchNormalization(scale=False), "pool"),
    ("tanh", Activation("tanh"), "alone"),
    ("depthwise", DepthwiseConv2D(3, padding="same", activation="relu"), "tanh"),
    ("mean", Average(), "depthwise,tanh,pool"),
    ("mean elu", Activation("elu"), "mean"),
    ("most", Maximum(), "mean,tanh"),
    ("most relu", ReLU(), "most"),
    ("less", Subtract(), "most relu,mean elu"),
    ("less sigmoid", Activation("sigmoid"), "less"),
    ("global", GlobalAveragePooling2D(), "less sigmoid"),
    ("scores", Dense(4, activation="softmax"), "global"),
]


def network() -> Graph:
    specs = (TensorSpec("x", (None, 8, 6, 3)),)
    nodes = []
    for name, layer, read in STEPS:
        reads = tuple(read.split(","))
        shapes = Graph("part", specs, tuple(nodes), ()).specs()
        weights = {}
        for spec in layer.weight_specs(*[shapes[r].shape for r in reads]):
            values = RNG.normal(size=spec.shape)
            values = np.abs(values) + 0.3 if "variance" in spec.name else values / max(1, np.sqrt(values[..., 0].size))
            weights[spec.name] = values.astype(np.float32)
        nodes.append(Node(name, layer, reads, (name,), weights, f"block/{name}"))
    return validate(Graph("fused", specs, tuple(nodes), ("scores", "most relu"), ("scores", "map")))


def main() -> None:
    graph = passes.optimize(network())
    coded = quant.Encoder(graph).apply({"branch": "uint8", "first": "uint4", "scores": "float16"})
    coded = coded.with_(activations={graph.nodes[0].outputs[0]: ActivationCodec("float16")})
    x = RNG.normal(size=(3, 8, 6, 3)).astype(np.float32)
    for name, one in (("fused", graph), ("coded", coded)):
        save(validate(one), HERE / f"{name}.glnn")
        answers = reference.run(one, {"x": x.astype(np.float64)})
        np.savez_compressed(HERE / f"{name}.npz", x=x, **{k: np.asarray(v) for k, v in answers.items()})
    print([(node.name, node.layer) for node in graph.nodes])


if __name__ == "__main__":
    main()
