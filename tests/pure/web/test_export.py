"""The exported folder: what lies in it, what the plans need of it, and that the same model makes the same bytes."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glnn
from glnn.errors import InputError
from glnn.graph import ActivationCodec, Graph
from glnn.graph.quantized import unpack4
from glnn.image import Preparation
from glnn.layers.core import Dense
from glnn.layout.cells import CellLayout
from glnn.layout.limits import Limits
from glnn.plan import make_plan
from glnn.plan.weights import WeightStore
from glnn.run.inputs import web_shapes
from glnn.testing import layer_graph
from glnn.web import VARIANTS
from glnn.web.constants import settled
from glnn.web.export import SHARD_BYTES, VERSION, pictures
from glnn.web.page import PAGE

SHAPES = {"webgl2": "es300", "webgl2-4": "es300", "webgl2-half": "es300", "webgl1": "es100", "webgl1-rgba8": "es100"}


@pytest.fixture(scope="module")
def digits(root: Path) -> glnn.Model:
    return glnn.Model.load(root / "examples" / "digits.h5")


@pytest.fixture(scope="module")
def folder(digits: glnn.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return digits.export_web(tmp_path_factory.mktemp("export"), labels=[str(i) for i in range(10)], scale="unit")


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


def plans(folder: Path) -> dict[str, dict[str, Any]]:
    return {v["name"]: json.loads((folder / v["plan"]["file"]).read_text()) for v in manifest(folder)["variants"]}


def store_of(folder: Path) -> bytes:
    return b"".join((folder / shard["file"]).read_bytes() for shard in manifest(folder)["weights"]["shards"])


def test_pixels_of_inputs_are_in_blocks(folder: Path) -> None:
    """As those of the convolutions behind it, where a device has the draw buffers: pictures are packed so as well."""
    inputs = {name: tensor["layout"]["block"] for name, plan in plans(folder).items() for tensor in plan["inputs"]}
    assert inputs["webgl2"] != [1, 1] and inputs["webgl1"] == [1, 1]
    assert any(draw["layers"][1] > 1 for draw in plans(folder)["webgl2"]["draws"])


def big_graph() -> Graph:
    """A Dense layer of 4 MB and a bit, so that a weight lies in two shards."""
    rng = np.random.default_rng(1)
    weights = {"kernel": rng.standard_normal((1030, 1000)).astype("f4"), "bias": rng.standard_normal(1000).astype("f4")}
    return layer_graph(Dense(1000), [(1, 1030)], weights)


def test_files_are_what_the_manifest_says(folder: Path) -> None:
    said = manifest(folder)
    items = [*said["weights"]["shards"], *(variant["plan"] for variant in said["variants"])]
    for item in items:
        data = (folder / item["file"]).read_bytes()
        assert len(data) == item["bytes"] and zlib.crc32(data) == item["crc32"]
        assert hashlib.sha256(data).hexdigest() == item["sha256"] and item["sha256"].startswith(item["file"][:20])
    assert {path.name for path in folder.iterdir()} == {"manifest.json", *PAGE} | {item["file"] for item in items}
    assert said["weights"]["bytes"] == sum(shard["bytes"] for shard in said["weights"]["shards"])
    assert said["labels"][3] == "3" and said["scale"] == "unit"
    assert said["inputs"] == [{"name": "image", "shape": [1, 8, 8, 1]}]


def test_all_variants_are_there_best_first(folder: Path) -> None:
    assert (
        {v["name"]: v["dialect"] for v in manifest(folder)["variants"]}
        == SHAPES
        == {k: v.dialect for k, v in VARIANTS.items()}
    )
    assert [v["name"] for v in manifest(folder)["variants"]] == list(VARIANTS)
    for variant in manifest(folder)["variants"]:
        limits = VARIANTS[variant["name"]]
        assert variant["backend"] == ("webgl2" if limits.dialect == "es300" else "webgl1")
        needed = {"MAX_TEXTURE_SIZE": limits.max_texture_size, "MAX_TEXTURE_IMAGE_UNITS": limits.texture_units}
        if limits.dialect == "es300":
            needed |= {"MAX_DRAW_BUFFERS": limits.draw_buffers, "MAX_ARRAY_TEXTURE_LAYERS": limits.array_layers}
        assert variant["limits"].keys() == needed.keys()
        assert all(1 <= variant["limits"][name] <= most for name, most in needed.items())


@pytest.mark.parametrize("name", VARIANTS)
def test_plans_carry_the_texts_with_what_no_draw_changes_as_constants(
    digits: glnn.Model, folder: Path, name: str
) -> None:
    plan, data = digits.plan({"image": (1, 8, 8, 1)}, VARIANTS[name]), plans(folder)[name]
    keys = list(plan.programs)
    assert [keys[d["program"]] for d in data["draws"]] == [d.program for d in plan.draws]
    assert {p.vertex for p in plan.programs.values()} == {data["vertex"]}
    assert [d["ints"] for d in data["draws"]] == [list(d.ints) for d in plan.draws]
    constants = 0
    for key, program in zip(keys, data["programs"], strict=True):
        lines = zip(plan.programs[key].fragment.split("\n"), program["fragment"].split("\n"), strict=True)
        for ours, sent in ((a, b) for a, b in lines if a != b):
            found = re.fullmatch(r"#define (\w+) ([PF])\[(\d+)\]\.([xyzw])", ours)
            assert found and found[1] not in ("y_H", "HALF_ZERO", "ROW0"), (
                ours
            )  # whose values texts hide from compilers
            place = 4 * int(found[3]) + "xyzw".index(found[4])
            values = {(d.ints if found[2] == "P" else d.floats)[place] for d in plan.draws if d.program == key}
            assert sent == f"#define {found[1]} ({values.pop()!r})" and not values
            constants += 1
    assert constants > 20 or VARIANTS[name].dialect == "es100"


def test_what_changes_in_a_loop_or_from_draw_to_draw_stays_a_uniform() -> None:
    text = "".join(f"#define {n} P[0].{k}\n" for n, k in zip(("ROW0", "x_G", "y_H", "x_COLS"), "xyzw", strict=True))
    draw = {"ints": [0, 3, 4, 5], "floats": [], "counts": [{"place": 3, "step": 1, "depth": 0}]}
    assert settled(text, [draw]) == text.replace("#define x_G P[0].y", "#define x_G (3)")
    assert settled(text, [draw, draw | {"ints": [0, 7, 4, 5]}]) == text


@pytest.mark.parametrize("name", VARIANTS)
def test_every_weight_lies_where_its_plan_says(digits: glnn.Model, folder: Path, name: str) -> None:
    plan, data, store = digits.plan({"image": (1, 8, 8, 1)}, VARIANTS[name]), plans(folder)[name], store_of(folder)
    assert len(data["weights"]) == len(plan.weights) > 0
    for item, weight in zip(data["weights"], plan.weights, strict=True):
        values = as_stored(weight.layout, digits.session.store.values[weight.key])
        got = np.frombuffer(store, "<f4", values.size, item["offset"])
        assert np.array_equal(got, values) and tuple(item["shape"]) == weight.shape and item["bytes"] == values.nbytes
        assert item["storage"]["lanes"] == (1 if weight.codec == "rgba8" else 4)


def as_stored(layout: Any, values: np.ndarray) -> np.ndarray:
    """What an export has of a weight's values: cells as a texture of one row would have them."""
    return np.concatenate(layout.pack(values), None)[: cell_values(layout)] if is_cells(layout) else values.reshape(-1)


def is_cells(layout: Any) -> bool:
    return isinstance(layout, CellLayout)


def cell_values(layout: CellLayout) -> int:
    return layout.runs * layout.run_texels * layout.lanes


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("codec", ["float16", "uint16", "uint8", "uint4"])
def test_shards_hold_the_codes_themselves(digits: glnn.Model, tmp_path: Path, codec: str, per_channel: bool) -> None:
    model = digits.quantize(codec, per_channel, verbose=0)
    store, data = store_of(model.export_web(tmp_path)), plans(tmp_path)
    for name, limits in VARIANTS.items():
        plan, seen = model.plan({"image": (1, 8, 8, 1)}, limits), set()
        for item, weight in zip(data[name]["weights"], plan.weights, strict=True):
            held = store[item["offset"] : item["offset"] + item["bytes"]]
            values = model.session.store.values[weight.key]
            codes = getattr(values, "codes", values)
            seen.add(item["codec"])
            expected = as_stored(weight.layout, codes)
            if item["codec"] == "uint4":
                got = unpack4(np.frombuffer(held, "u1"), expected.shape)
            else:
                got = np.frombuffer(held, codes.dtype.newbyteorder("<"))
            assert np.array_equal(got, expected) and item["offset"] % codes.itemsize == 0, weight.key
            assert item["storage"] == {
                key: getattr(weight.storage, key) for key in ("codec", "format", "lanes", "text")
            }
        assert seen == {codec, "rgba8" if limits.float_target == "rgba8" else "float32"}


@pytest.mark.parametrize(("codec", "part"), [("uint16", 1 / 2), ("uint8", 1 / 4), ("uint4", 1 / 8)])
def test_quantized_exports_are_that_much_smaller(tmp_path: Path, codec: str, part: float) -> None:
    model, sizes = glnn.Model(big_graph()), {}
    for name, made in (("float", model), (codec, model.quantize(codec, verbose=0))):
        folder = made.export_web(tmp_path / name, variants=["webgl2", "webgl1"])
        sizes[name] = sum(path.stat().st_size for path in folder.iterdir())
    assert part < sizes[codec] / sizes["float"] < part + 0.03


def test_values_are_stored_once(digits: glnn.Model, folder: Path) -> None:
    """Though each variant names them, and cells are filled up to four channels."""
    layouts = {
        w.key: w.layout for name in VARIANTS for w in digits.plan({"image": (1, 8, 8, 1)}, VARIANTS[name]).weights
    }
    assert all(map(is_cells, layouts.values()))
    assert len(store_of(folder)) == 4 * sum(map(cell_values, layouts.values()))


def test_the_same_model_makes_the_same_bytes(root: Path, folder: Path, tmp_path: Path) -> None:
    again = glnn.Model.load(root / "examples" / "digits.h5").export_web(
        tmp_path, labels=[str(i) for i in range(10)], scale="unit"
    )
    files = sorted(path.name for path in folder.iterdir())
    assert sorted(path.name for path in again.iterdir()) == files
    for name in files:
        assert (again / name).read_bytes() == (folder / name).read_bytes(), name


def test_large_weights_lie_in_shards(tmp_path: Path) -> None:
    model = glnn.Model(big_graph())
    said = manifest(model.export_web(tmp_path, variants=["webgl2", "webgl1"]))
    sizes = [shard["bytes"] for shard in said["weights"]["shards"]]
    assert (
        len(sizes) == 2 and max(sizes) == SHARD_BYTES <= 4_000_000 and sum(sizes) == 4 * (1032 * 1000 + 1000)
    )  # cells of 4 x 4
    assert [v["name"] for v in said["variants"]] == ["webgl2", "webgl1"]


def test_own_limits_make_own_variants(tmp_path: Path, digits: glnn.Model) -> None:
    said = manifest(digits.export_web(tmp_path, variants={"tiny": Limits(64, 2, 4, "float32", "es300")}))
    (variant,) = said["variants"]
    needed = variant["limits"]
    assert variant["name"] == "tiny" and needed["MAX_TEXTURE_SIZE"] <= 64 and needed["MAX_DRAW_BUFFERS"] <= 2


@pytest.mark.parametrize("wrong", [["webgl3"], [], "webgl2", {"mine": Limits(dialect="gl330")}])
def test_wrong_variants_are_refused(tmp_path: Path, digits: glnn.Model, wrong: Any) -> None:
    with pytest.raises(InputError, match="variant"):
        digits.export_web(tmp_path, variants=wrong)


def test_wrong_scales_and_folders_are_refused(tmp_path: Path, digits: glnn.Model) -> None:
    with pytest.raises(InputError, match="scale.*raw"):
        digits.export_web(tmp_path, scale="half")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="folder"):
        digits.export_web(tmp_path / "file", variants=["webgl1"])


def test_labels_are_one_for_each_class(tmp_path: Path, digits: glnn.Model) -> None:
    with pytest.raises(InputError, match="labels: 9 names for .10. classes"):
        digits.export_web(tmp_path, labels=[str(i) for i in range(9)])
    assert not list(tmp_path.iterdir())


def test_input_shapes_are_checked(digits: glnn.Model) -> None:
    specs = digits.inputs
    assert web_shapes(specs, None) == web_shapes(specs, (8, 8, 1)) == web_shapes(specs, {"image": [1, 8, 8, 1]})
    assert web_shapes(specs, (5, 8, 8, 1)) == {"image": (5, 8, 8, 1)}
    for wrong in ((8, 9, 1), (8, 8), (0, 8, 8, 1), (1, 8, 8, 1, 1), (8.0, 8, 1), {"picture": (8, 8, 1)}):
        with pytest.raises(InputError, match="input_shape"):
            web_shapes(specs, wrong)


def test_the_manifest_tells_how_pictures_are_prepared(tmp_path: Path, digits: glnn.Model) -> None:
    how = {"scale": "signed", "fit": "crop", "filter": "lanczos", "background": "#010203"}
    digits.export_web(tmp_path / "a", variants=["webgl1"], **how)
    assert manifest(tmp_path / "a")["picture"] == Preparation(**how).data()
    with pytest.raises(InputError, match="scale 'caffe' is for red, green and blue, not for 1 channels"):
        digits.export_web(tmp_path / "b", scale="caffe")
    assert not (tmp_path / "b").exists()


def test_the_manifest_tells_where_channels_are(tmp_path: Path, digits: glnn.Model) -> None:
    """[height, width, channels, rows, columns]: a matrix whose transpose is the input, or the picture of an output."""
    digits.export_web(tmp_path / "a", variants=["webgl1"])
    assert manifest(tmp_path / "a")["pictures"] == [[8, 8, 1, 64, 1], None]
    first, last = (1, 3, 5, 6), (1, 5, 6, 3)
    assert pictures([last], [last, (1, 10), first]) == [[5, 6, 3, 90, 1], [5, 6, 3, 90, 1], None, None]
    assert pictures([first], [first, last, (1, 2, 2, 2)]) == [
        [5, 6, 3, 30, 3],
        [5, 6, 3, 3, 30],
        [5, 6, 3, 90, 1],
        None,
    ]
    assert pictures([first, first], [last]) == [None, [5, 6, 3, 90, 1]] and pictures([(1, 7)], [first]) == [None, None]
    page = np.arange(90).reshape(5, 6, 3)
    _, _, _, rows, columns = pictures([first], [])[0] or []
    np.testing.assert_array_equal(page.reshape(rows, columns).T.reshape(3, 5, 6), page.transpose(2, 0, 1))


def test_versions_of_a_folder_agree(folder: Path) -> None:
    runner = (folder / "runner.js").read_text()
    [version] = re.findall(r"const VERSION=(\d+);", runner)
    assert (
        {manifest(folder)["version"], *(plan["version"] for plan in plans(folder).values())}
        == {int(version)}
        == {VERSION}
    )


def test_a_variant_tells_all_that_it_needs(tmp_path: Path, digits: glnn.Model) -> None:
    codecs = {node.outputs[0]: ActivationCodec("float16") for node in digits.optimized.nodes[:-1]}
    model = glnn.Model(digits.optimized.with_(activations=codecs)).quantize("uint4", verbose=0)
    limits = {"split": Limits(16, 4, 16, "float32", "es300"), "webgl1": VARIANTS["webgl1"]}
    split, plain = manifest(model.export_web(tmp_path, variants=limits))["variants"]
    assert split["targets"] == plain["targets"] == ["float16", "float32"]
    assert split["formats"] == ["float16", "float32", "rg32ui"]
    assert plain["formats"] == ["float16", "float32", "rgba8"]
    plan = model.plan({"image": (1, 8, 8, 1)}, limits["split"])
    depths = [weight.layout.depth for weight in plan.weights] + [slot.layers for slot in plan.slots]
    needed = split["limits"]
    assert needed["MAX_ARRAY_TEXTURE_LAYERS"] == max(depths) > needed["MAX_DRAW_BUFFERS"] >= 1
    assert plain["limits"].keys() == {"MAX_TEXTURE_SIZE", "MAX_TEXTURE_IMAGE_UNITS"}


def test_export_needs_no_device(digits: glnn.Model) -> None:
    assert digits.session._device is None
    assert make_plan(digits.optimized, {"image": (1, 8, 8, 1)}, VARIANTS["webgl1"], WeightStore(digits.optimized)).draws
