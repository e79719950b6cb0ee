"""Model.compare: quiet on a sound model, names exactly the faulty layers, whatever it is compared with."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.keras import CASES
from support.faulty import FAULTS, SHAPE, Fault, network, plant

import glnn
from glnn.errors import InputError
from glnn.graph.graph import ActivationCodec
from glnn.layers.base import Layer
from glnn.model import Model
from glnn.passes import optimize
from glnn.show.reports.comparison import CompareReport
from glnn.testing.layers import layer_graph

X = np.random.default_rng(1).normal(size=(2, *SHAPE)).astype(np.float32)
PAIRS = list(combinations(FAULTS, 2))
DEVICES: list[dict[str, Any]] = [
    {},
    {"dialect": "es100", "max_texture_size": 32},
    {"draw_buffers": 4, "max_texture_size": 64},
    {"profile": "webgl1-phone"},
    {"index": "numpy"},
    {"index": "numpy", "precision": "float64"},
]


def guilty(monkeypatch: pytest.MonkeyPatch, device: glnn.Device, *faults: Fault) -> CompareReport:
    with monkeypatch.context() as patch:
        plant(patch, *faults)
        with Model(network(), device) as model:
            return model.compare(X, verbose=0)


@pytest.mark.parametrize("options", DEVICES, ids=str)
def test_a_sound_model_is_quiet_on_every_device(options: dict[str, Any], tmp_path: Path) -> None:
    with glnn.Device(**options) as device, Model(network(), device) as model:
        report = model.compare(X, save=tmp_path / "run.npz", verbose=0)
        got = model.predict(X)
    with np.load(tmp_path / "run.npz") as run:  # the plan that is measured is the one that runs
        np.testing.assert_array_equal(run["softmax"], got)
    assert report and report.guilty == () and "no layer is guilty" in str(report)
    assert [row.name for row in report.layers][:3] == ["conv", "depthwise", "max_pool"]
    assert report.unmeasured == () and all(row.own.dead == 0 for row in report.layers)
    assert report.layers[0].own == report.layers[0].inherited  # nothing came before it


def test_every_layer_of_the_table_is_quiet(device: glnn.Device, request: pytest.FixtureRequest) -> None:
    loud = []
    layers = [case for case in CASES if isinstance(case.layer, Layer)]
    for case in layers if request.config.getoption("--whole") else layers[::40]:
        graph = layer_graph(case.layer, [x.shape for x in case.inputs], case.weights)
        with Model(graph, device) as model:
            given = dict(zip([spec.name for spec in graph.inputs], case.inputs, strict=True))
            if len({len(x) for x in case.inputs}) == 1:
                report = model.compare(given, verbose=0)
                loud += [(case.name, row.why) for row in report.layers if row.guilty]
    assert loud == []


def test_every_fault_alone(monkeypatch: pytest.MonkeyPatch, device: glnn.Device) -> None:
    assert len(FAULTS) >= 20 and len({fault.layer for fault in FAULTS}) == len(FAULTS)
    named = {fault.name: guilty(monkeypatch, device, fault).guilty for fault in FAULTS}
    assert named == {fault.name: (fault.layer,) for fault in FAULTS}


def test_faults_in_pairs(monkeypatch: pytest.MonkeyPatch, device: glnn.Device, request: pytest.FixtureRequest) -> None:
    pairs = PAIRS if request.config.getoption("--whole") else PAIRS[::9]
    for pair in pairs:
        assert set(guilty(monkeypatch, device, *pair).guilty) == {fault.layer for fault in pair}, pair


@pytest.mark.parametrize("layer", ["prelu", "residual", "bn"])
def test_a_fault_within_a_fused_draw_is_found_by_unfusing_it(
    monkeypatch: pytest.MonkeyPatch, device: glnn.Device, layer: str
) -> None:
    fault = next(fault for fault in FAULTS if fault.layer == layer)
    report = guilty(monkeypatch, device, fault)
    (row,) = [row for row in report.layers if row.guilty]
    assert layer in row.layers and row.name != layer and row.blamed == (layer,)
    assert {part.name: part.guilty for part in row.parts} == {name: name == layer for name in row.layers}
    assert all(not row.parts for row in report.layers if not row.guilty)


def test_what_is_wrong_only_when_fused_bears_the_name_of_the_draw(
    monkeypatch: pytest.MonkeyPatch, device: glnn.Device
) -> None:
    def wrong(graph: Any) -> Any:
        """A pass that folds a norm wrongly: the layers are right one by one."""
        made = optimize(graph)
        if graph.name != "sound":
            return made
        nodes = (
            n.with_(weights=n.weights | {"bias": n.weights["bias"] + 1}) if n.name == "conv" else n for n in made.nodes
        )
        return made.with_(nodes=tuple(nodes))

    with monkeypatch.context() as patch:
        patch.setattr(glnn.passes, "optimize", wrong)
        with Model(network(), device) as model:
            report = model.compare(X, verbose=0)
    assert report.guilty == ("conv",)
    assert "conv + bn + relu are right one by one, and wrong in one draw" in str(report)


def test_errors_are_told_apart(monkeypatch: pytest.MonkeyPatch, device: glnn.Device) -> None:
    report = guilty(monkeypatch, device, next(fault for fault in FAULTS if fault.layer == "depthwise"))
    rows = {row.name: row for row in report.layers}
    assert rows["conv"].own.rms < 1e-6 and rows["conv"].inherited.rms < 1e-6
    assert rows["depthwise"].own.rms > 0.1 and rows["depthwise"].own.cosine < 0.99 and rows["depthwise"].own.ulp > 1e6
    assert rows["max_pool"].own.rms == 0 and rows["max_pool"].inherited.rms > 0.1
    overflow = guilty(monkeypatch, device, next(fault for fault in FAULTS if fault.layer == "bytes"))
    row = next(row for row in overflow.layers if row.name == "bytes")
    assert row.own.infs > 0 and row.own.expected_infs == 0 and row.own.apart == row.own.infs


def test_the_report_survives_json_and_shows_itself(monkeypatch: pytest.MonkeyPatch, device: glnn.Device) -> None:
    report = guilty(monkeypatch, device, *(f for f in FAULTS if f.layer in ("bytes", "prelu")))
    again = CompareReport.from_json(report.to_json())
    assert again == report and str(again) == str(report) and not again
    page = report._repr_html_()
    assert page.count("<details>") == 2 and "<script" not in page and "<svg" in page and "http" not in page
    with pytest.raises(ValueError, match="no report of glnn compare"):
        CompareReport.from_json("[]")


# ---- other references


def test_another_device_and_a_saved_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: glnn.Device) -> None:
    with glnn.Device("numpy", precision="float64") as numpy, Model(network(), numpy) as there:
        there.compare(X, save=tmp_path / "run.npz", verbose=0)
        with Model(network(), device) as model:
            against = [model.compare(X, reference, verbose=0) for reference in (numpy, there, tmp_path / "run.npz")]
    for report in against:
        assert report and report.reference != "numpy" and all(row.reference != "numpy" for row in report.layers)
        assert 0 < report.layers[0].own.rms < 1e-6
    with np.load(tmp_path / "run.npz") as run:
        assert run["lstm"].shape == (2, 12, 6) and np.array_equal(run["input/image"], X)
    with monkeypatch.context() as patch:
        plant(patch, *(fault for fault in FAULTS if fault.layer in ("gru", "average")))
        with Model(network(), device) as model:
            assert set(model.compare(X, tmp_path / "run.npz", verbose=0).guilty) == {"gru", "average"}
    with Model(network(), device) as model, pytest.raises(InputError, match="a run on another input 'image'"):
        model.compare(X + 1, tmp_path / "run.npz")


def test_keras_is_a_reference(root: Path, model: Model, digits: tuple) -> None:
    pytest.importorskip("keras")
    x = digits[0][:3]
    for reference in ("keras", root / "examples" / "digits.h5"):
        report = model.compare(x, reference, verbose=0)
        assert report and report.reference.startswith("Keras") and {row.reference for row in report.layers} != {"numpy"}


def test_nested_and_shared_layers_of_keras(tmp_path: Path, device: glnn.Device) -> None:
    keras = pytest.importorskip("keras")
    inner = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(5, "tanh", name="a"), keras.layers.Dense(6, name="b")]
    )
    inner.name = "inner"
    shared = keras.layers.Dense(6, "sigmoid", name="shared")
    x = keras.Input((6,))
    network = keras.Model(x, shared(inner(shared(x))))
    given = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    network.save(tmp_path / "m.keras")
    with Model.load(tmp_path / "m.keras", device=device) as model:
        report = model.compare(given, "keras", verbose=0)
        assert [row.name for row in report.layers] == ["shared", "inner/a", "inner/b", "shared"]
        assert report and all(row.reference.startswith("Keras") for row in report.layers)
        network.get_layer("inner").get_layer("a").set_weights([w + 0.1 for w in inner.get_layer("a").get_weights()])
        assert model.compare(given, network, verbose=0).guilty == ("inner/a",)
        assert network.get_layer("shared")(given).shape == (4, 6)  # hooks are gone
        assert "call" not in vars(network.get_layer("shared"))


def test_a_quantized_model_against_itself_and_the_one_before(model: Model, digits: tuple) -> None:
    x = digits[0][:8]
    with model.quantize("uint8", activations="float16", calibrate=x, verbose=0) as small:
        assert small.compare(x, verbose=0)  # its shaders do what its codes say
    with model.quantize("uint8", verbose=0) as small:
        assert small.compare(x, verbose=0)
        against = small.compare(x, model, verbose=0)
    assert {"conv1", "conv2", "hidden"} <= set(against.guilty)
    with model.quantize("float16", activations="uint8", calibrate=x, verbose=0) as small:
        assert any(isinstance(c, ActivationCodec) and c.codec == "uint8" for c in small.optimized.activations.values())
        assert small.compare(x, verbose=0)


def test_samples_in_pieces_are_one_comparison(device: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(2).normal(size=(5, *SHAPE)).astype(np.float32)
    with Model(network(), device) as model:
        whole = model.compare(x, verbose=0)
        monkeypatch.setattr("glnn.measure.quantize.ranges.BATCH_BYTES", 1)
        pieces = model.compare(x, verbose=0)
    assert pieces.samples == 5 and [row.name for row in pieces.layers] == [row.name for row in whole.layers]
    for one, other in zip(pieces.layers, whole.layers, strict=True):
        assert one.own.nmse == pytest.approx(other.own.nmse, rel=0.2, abs=1e-15)
        assert one.own.largest == pytest.approx(other.own.largest, rel=0.2, abs=1e-12)


def test_channels_first_is_measured_layer_by_layer(tmp_path: Path, device: glnn.Device) -> None:
    keras = pytest.importorskip("keras")
    layers = [keras.layers.Conv2D(4, 3, data_format="channels_first", name=f"c{k}") for k in range(3)]
    network = keras.Sequential([keras.Input((3, 9, 8)), *layers, keras.layers.Flatten(), keras.layers.Dense(2)])
    network.save(tmp_path / "m.keras")
    with Model.load(tmp_path / "m.keras", device=device) as model:
        report = model.compare(np.random.default_rng(0).normal(size=(2, 3, 9, 8)).astype(np.float32), verbose=0)
    assert {"c0", "c1", "c2"} <= {row.name for row in report.layers} and report


def test_what_is_refused(model: Model, tmp_path: Path) -> None:
    x = np.zeros((1, 8, 8, 1), np.float32)
    with pytest.raises(InputError, match="compare: input 'image'.*expected"):
        model.compare(x[..., 0])
    with pytest.raises(InputError, match="no sample"):
        model.compare(x[:0])
    with pytest.raises(InputError, match="allowed are 'numpy', 'keras'"):
        model.compare(x, "torch")
    with pytest.raises(InputError, match=r"no\.npz: no such file"):
        model.compare(x, tmp_path / "no.npz")
    with pytest.raises(InputError, match="the name of an .npz"):
        model.compare(x, save=tmp_path / "run.txt")
    np.savez(tmp_path / "other.npz", something=x)
    with pytest.raises(InputError, match="none of the model's layers is in it; it has something"):
        model.compare(x, tmp_path / "other.npz")
    np.savez(tmp_path / "shape.npz", conv1=x, pool=x)
    with pytest.raises(InputError, match="layer 'pool' made .* there"):
        model.compare(x, tmp_path / "shape.npz")
    with Model(network()) as made, pytest.raises(InputError, match="the model was made here"):
        made.compare(X, "keras")


def test_what_it_took_is_given_back(device: glnn.Device) -> None:
    with Model(network(), device) as model:
        model.predict(X)
        before = device.counts()
        model.compare(X, verbose=0)
        assert device.counts() == before
