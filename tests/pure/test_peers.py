"""benchmarks/peers: the forms of a network that contestants get compute the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glnn

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("benchmarks/peers", "benchmarks"):
        monkeypatch.syspath_prepend(str(ROOT / folder))


def image_net() -> Any:
    """Each layer of images that the networks have, in a small one."""
    from networks import Net

    net = Net("images", (8, 8, 3))
    x = net.conv(net.pad("x", 1), 4, 3, 2, "relu", 0.7, padding="valid")
    x = net.conv(x, 0, 3, act="relu6", norm=1.0, kind="DepthwiseConv2D")
    x = net.scaled(
        "InstanceNormalization", [net.conv(x, 4, 3, 2, bias=False, kind="Conv2DTranspose")], epsilon=1e-5, groups=4
    )
    sides = [net.conv(x, 4, 1, act="relu"), net.act(net.add("Add", [x, net.conv(x, 4, 3)]), "tanh")]
    x = net.pool(net.add("Concatenate", sides, (*net.shapes[x][:2], 8), axis=-1), 3, 2)
    net.dense(net.dense(net.mean(x), 6, "relu"), 5, "softmax")
    return net


@pytest.mark.parametrize("name", ["images", "encoder", "lstm"])
def test_the_forms_of_a_network_agree(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import networks
    from to_onnx import channels_first, to_onnx
    from to_tfjs import write_tfjs

    monkeypatch.setattr(networks, "TOKENS", 4)
    monkeypatch.setattr(networks, "WORDS", 50)
    net = image_net() if name == "images" else networks.NETWORKS[name]()
    net.write(tmp_path / "layers")
    write_tfjs(net, tmp_path / "graph")
    x = net.sample().astype(np.float32)
    layers, graph = (glnn.Model.load(tmp_path / form / "model.json") for form in ("layers", "graph"))
    expected = layers.reference(x)
    assert tuple(layers.graph.specs({"x": x.shape})[layers.graph.outputs[0]].shape) == (1, *net.layers[-1].shape)
    np.testing.assert_allclose(graph.reference(x), expected, atol=2e-5)
    onnx = tmp_path / "model.onnx"
    onnx.write_bytes(to_onnx(layers.graph, {"x": x.shape}).SerializeToString())
    np.testing.assert_allclose(glnn.Model.load(onnx).reference(channels_first(x)), expected, atol=2e-5)


def test_margins_normalisation_and_activation_go_into_the_convolution(tmp_path: Path) -> None:
    from networks import Net
    from to_tfjs import fused, write_tfjs

    net = Net("small", (9, 9, 3))
    net.conv(
        net.conv(net.pad("x", 1), 8, 3, 2, "relu6", 0.7, padding="valid"),
        0,
        3,
        act="relu",
        norm=1.0,
        kind="DepthwiseConv2D",
    )
    assert [layer.kind for layer in fused(net.layers)] == ["Conv2D", "DepthwiseConv2D"]
    net.write(tmp_path / "layers")
    write_tfjs(net, tmp_path / "graph")
    operators = [
        node["op"] for node in json.loads((tmp_path / "graph" / "model.json").read_text())["modelTopology"]["node"]
    ]
    assert {"_FusedConv2D", "FusedDepthwiseConv2dNative"} == set(operators) - {"Placeholder", "Const"}
    layers, graph = (glnn.Model.load(tmp_path / form / "model.json") for form in ("layers", "graph"))
    np.testing.assert_allclose(graph.reference(net.sample()), layers.reference(net.sample()), atol=1e-5)


def test_a_page_of_figures_tells_shares_of_the_faster_form() -> None:
    from goals import fastest

    figures = {"tfjs-webgl-layers": {"ms": {"median": 3.0}}, "tfjs-webgl-graph": {"ms": {"median": 2.0}}}
    assert fastest(figures) == "tfjs-webgl-graph"
    assert fastest(figures | {"tfjs-webgl-graph": {"fault": "wrong"}}) == "tfjs-webgl-layers"
    assert fastest({"glnn-page": {"ms": {"median": 1.0}}}) is None
