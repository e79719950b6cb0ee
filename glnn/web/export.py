"""A model as a folder of static files that runner.js replays: manifest, plans with shader texts, weights in shards.

The weights lie there once: float32, float16, or codes (uint4 two to a byte), those of inner loops in the order of their
cells, as textures of all variants hold them (layout/cells.py), constant tensors row-major. The runner lays the latter
into the textures of the variant that it picks, as layout/tiles.py and layout/codec.py say. Every file but the page's
own is named by its SHA-256; the same model makes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..arguments import FLAG, NAME, NAMES, PATH, SHAPES, VERBOSE, checked, mapping, told
from ..device.profiles import PROFILES
from ..errors import InputError, UnsupportedError
from ..graph.mixed import Mixed
from ..graph.shapes import Shape
from ..image import Preparation, picture_axes
from ..image.prepare import FIRST, LAST
from ..layout.cells import CellLayout
from ..layout.codec import activation_storage
from ..layout.limits import FETCHES, Limits
from ..layout.tiles import Layout
from ..plan.choice import Choice
from ..plan.plan import Plan, make_plan
from ..plan.steps import turns_of
from ..plan.weights import WeightStore
from ..show.progress import Progress
from .constants import settled
from .folder import checked_folder, write
from .golden import Check, golden_data
from .kinds import page_data
from .page import PAGE, sent
from .shards import collect

if TYPE_CHECKING:
    from ..graph.graph import Graph

VERSION = 4  # of manifest.json and of the plans beside it
SHARD_BYTES = 4_000_000
PICTURE = ("fit", "filter", "background")  # what prepares pictures, besides their scale
BACKENDS = {"es300": "webgl2", "es100": "webgl1"}
# What the runner may pick from, best first: all of WebGL2, what WebGL2 guarantees, phones without float32 targets,
# WebGL1 with float textures, and WebGL1 with nothing but bytes.
VARIANTS: dict[str, Limits] = {
    "webgl2": PROFILES["webgl2-desktop"].limits,
    "webgl2-4": PROFILES["webgl2-tablet"].limits,
    "webgl2-half": PROFILES["webgl2-phone"].limits,
    "webgl1": PROFILES["webgl1-desktop"].limits,
    "webgl1-rgba8": PROFILES["webgl1-phone"].limits,
}


VARIANT = mapping("Limits by name", lambda one: isinstance(one, Limits))


@checked(
    folder=PATH, input_shapes=SHAPES, variants=NAMES | VARIANT, labels=NAMES, force=FLAG, verbose=VERBOSE, fetch=NAME,
)  # fmt: skip
def export_web(
    graph: Graph,
    store: WeightStore,
    folder: str | os.PathLike[str],
    input_shapes: Mapping[str, Sequence[int]],
    variants: Mapping[str, Limits] | Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    scale: str = "raw",
    force: bool = False,
    verbose: Any = "auto",
    check: Check | None = None,
    fetch: str | None = None,
    **options: Any,
) -> Path:
    """Writes an (optimised) graph for input shapes by name, batch first, into a folder -> the folder.

    variants: names out of VARIANTS, or Limits by name, best first; None: all of VARIANTS
    labels:   names of the classes, shown by the page
    scale:    values of a picture: "raw", "unit", "signed", "imagenet", "torch", "caffe", see glnn.image.read
    force:    write into a folder that holds other things than an earlier export
    verbose:  1 shows a progress bar, 0 none, "auto" one on a terminal when it takes long
    check:    inputs, and what measures a plan's draws on them, for pages opened with ?check; see Model.export_web
    fetch:    how WebGL2 fetches texels: "texture", which is what None stands for, or "texelFetch", see docs/tuning.md
    options:  fit, filter and background of pictures, see glnn.image.read; vocabulary, standardize, split and padding of
              text, columns of numbers, and examples, see kinds.page_data

    Raises InputError (also for a folder of other things), LimitError (a tensor that does not fit a variant),
    UnsupportedError.
    """
    if graph.states:
        kept = f"option stateful=True (of {', '.join(graph.states)}: a page keeps no state between predictions)"
        raise UnsupportedError(f"exporting {graph.name!r}", [kept])
    prepare = Preparation(scale, **{key: options.pop(key) for key in PICTURE if key in options})
    limits, choice = chosen(variants), Choice(fetch=fetch)
    if fetch not in (None, *FETCHES["es300"]):
        raise InputError(f"fetch: {told(fetch)}: WebGL2 has {', '.join(FETCHES['es300'])}; None takes the first")
    place = checked_folder(folder, force)
    progress, plans, golden = Progress(len(limits), verbose, "variants"), {}, {}
    for name, limit in limits.items():
        plans[name] = make_plan(graph, input_shapes, limit, store, choice=choice)
        if check is not None:
            golden[name] = text(golden_data(name, *check.measure(plans[name])))
        progress.update(len(plans))
    layouts = {w.key: w.layout for plan in plans.values() for w in plan.weights}
    cells = {key for key, layout in layouts.items() if isinstance(layout, CellLayout)}
    blob, places = collect({key: store.filed(key) for key in layouts}, cells)
    files: dict[str, bytes] = {}
    first = next(iter(plans.values()))
    seen = pictures([t.shape for t in first.inputs], [t.shape for t in first.outputs])
    if seen[0]:
        prepare.check(seen[0][2])
    classes = [t.shape[-1] for t in first.outputs if len(t.shape) == 2 or "vocabulary" in options]
    if labels is not None and len(labels) not in classes:
        raise InputError(f"labels: {len(labels)} names for {classes or 'no'} classes. Give one for each, in order")

    def add(data: bytes, suffix: str) -> dict[str, Any]:
        sha256 = hashlib.sha256(data).hexdigest()
        files[name := f"{sha256[:20]}.{suffix}"] = data
        return {"file": name, "bytes": len(data), "sha256": sha256, "crc32": zlib.crc32(data)}

    manifest = {
        "version": VERSION,
        "name": graph.name,
        "inputs": [{"name": t.name, "shape": t.shape} for t in first.inputs],
        "outputs": [{"name": t.name, "shape": t.shape} for t in first.outputs],
        "scale": scale,
        "picture": prepare.data(),
        "pictures": seen,
        "labels": list(labels) if labels is not None else None,
        "page": page_data([(t.name, t.shape) for t in first.inputs], seen[0], add, **options),
        "weights": {
            "bytes": len(blob),
            "shards": [add(blob[i : i + SHARD_BYTES], "bin") for i in range(0, len(blob), SHARD_BYTES)],
        },
        "variants": [
            {"name": name, **needs(plan), "plan": add(text(plan_data(plan, places, store.mixed)), "json")}
            for name, plan in plans.items()
        ],
    }
    if check is not None:
        given = [{"name": name, **add(x.astype("<f4").tobytes(), "bin")} for name, x in check.inputs.items()]
        manifest["check"] = {
            "seed": check.seed,
            "inputs": given,
            "golden": {k: add(v, "json") for k, v in golden.items()},
        }
    files["manifest.json"] = text(manifest)
    files.update((name, sent(name)) for name in PAGE)
    return write(place, files)


def pictures(inputs: Sequence[Shape], outputs: Sequence[Shape]) -> list[list[int] | None]:
    """How the page shows the only input and each output as a picture, None where it cannot.

    As [height, width, channels, rows, columns]: taken as a matrix of so many rows and columns and written column by
    column, the page's picture, whose channels are last, becomes the input, and an output becomes such a picture.
    """
    axes = picture_axes(inputs[0]) if len(inputs) == 1 else None
    made = [sizes(inputs[0], axes, False) if axes else None]
    for shape in outputs:  # with channels where the input has them
        own = picture_axes(shape, (FIRST, LAST) if axes == FIRST else (LAST,))
        made.append(sizes(shape, own, True) if own and shape[own[0]] * shape[own[1]] > 1 else None)
    return made


def sizes(shape: Shape, axes: tuple[int, int, int], back: bool) -> list[int]:
    """An entry of `pictures`; back: for an output."""
    height, width, channels = (shape[axis] for axis in axes)
    turned = [height * width, channels] if axes == FIRST else [height * width * channels, 1]
    return [height, width, channels, *(reversed(turned) if back and axes == FIRST else turned)]


def chosen(variants: Mapping[str, Limits] | Sequence[str] | None) -> dict[str, Limits]:
    """Limits by name, best first. Raises InputError for names that are not known and dialects that no browser has."""
    if variants is None:
        return dict(VARIANTS)
    given = variants
    if not isinstance(variants, Mapping):
        unknown = [name for name in variants if name not in VARIANTS]
        if unknown or isinstance(variants, str):
            variants = {}
        variants = {name: VARIANTS[name] for name in VARIANTS if name in variants}
    if not variants:
        raise InputError(f"variants: {told(given)}: give one or more of {', '.join(VARIANTS)}, or Limits by name")
    for name, limits in variants.items():
        if limits.dialect not in BACKENDS:
            raise InputError(f"variant {name!r}: dialect {limits.dialect!r}; browsers have {', '.join(BACKENDS)}")
    return dict(variants)


def needs(plan: Plan) -> dict[str, Any]:
    """What a device must have for a plan; `limits`: what the plan really uses of these, by their names in WebGL."""
    sizes = [*(w.layout.size for w in plan.weights), *((s.width, s.height) for s in plan.slots)]
    limits = {
        "MAX_TEXTURE_SIZE": max((max(size) for size in sizes), default=1),
        "MAX_TEXTURE_IMAGE_UNITS": max((len(d.textures) for d in plan.draws), default=0),
    }
    if plan.limits.dialect != "es100":
        limits["MAX_DRAW_BUFFERS"] = max((d.layers[1] for d in plan.draws), default=1)
        limits["MAX_ARRAY_TEXTURE_LAYERS"] = max(
            [1, *(s.layers for s in plan.slots), *(w.layout.depth for w in plan.weights)]
        )
    formats = {s.format for s in plan.slots} | {w.storage.format for w in plan.weights}
    drawn = {plan.slots[d.target].format for d in plan.draws}
    return {
        "backend": BACKENDS[plan.limits.dialect],
        "dialect": plan.limits.dialect,
        "float_target": plan.limits.float_target,
        "formats": sorted(formats),
        "targets": sorted(drawn | {plan.limits.float_target}),
        "limits": limits,
    }


def plan_data(
    plan: Plan, places: Mapping[str, tuple[int, int]], mixed: Mapping[str, Mixed] | None = None
) -> dict[str, Any]:
    """A plan's JSON with what the runner could not derive: where weights lie, sizes of layouts, lanes of texels.

    Of weights that are combinations of what lies there it says how they are mixed. Its programs are a list, and draws
    name them by their numbers.
    """
    data = json.loads(plan.to_json()) | {"version": VERSION}
    data["vertex"] = next((t.vertex for t in plan.programs.values()), "")
    numbers = {key: number for number, key in enumerate(data["programs"])}
    data["programs"] = list(data["programs"].values())
    for program in data["programs"]:
        del program["vertex"]
    for draw, turns in zip(data["draws"], turns_of(plan.steps), strict=True):
        draw["program"], draw["turns"] = numbers[draw["program"]], turns
    for number, program in enumerate(data["programs"]):
        program["fragment"] = settled(program["fragment"], [d for d in data["draws"] if d["program"] == number])
    array = plan.limits.dialect != "es100"
    for item, weight in zip(data["weights"], plan.weights, strict=True):
        if mixed and weight.key in mixed:
            item["mix"] = mixed[weight.key].matrix
        item["offset"], item["bytes"] = places[item.pop("key")]
        item["layout"] = layout_data(weight.layout, array)
    for name in ("inputs", "outputs"):
        for item, tensor in zip(data[name], getattr(plan, name), strict=True):
            item["lanes"] = activation_storage(tensor.codec).lanes
            item["layout"] = layout_data(tensor.layout, array)
    return data


def layout_data(layout: Layout | CellLayout, array: bool) -> dict[str, Any]:
    """The numbers of a layout that the runner packs and unpacks with. array: whether tensors lie in array textures."""
    names = ["size", "width", "height", "parts", "textures"]
    if isinstance(layout, CellLayout):
        return {name: getattr(layout, name) for name in names} | {"depth": layout.depth, "layers": 1}
    names += ["layers", "dims", "block", "tile", "flat", "columns", "part_rows"]
    depth = layout.depth if array else 0  # 0: a plain 2D texture
    return {name: getattr(layout, name) for name in names} | {"depth": depth}


def text(data: Any) -> bytes:
    """JSON bytes, the same for the same data."""
    return json.dumps(data, separators=(",", ":")).encode()
