"""Arguments that several commands share: a model's files, how inputs are read, labels, the device."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .usage import Parser, one_of, two_numbers

CODECS = ("float32", "float16", "uint16", "uint8", "uint4", "auto")
# These three are glnn.image's, told without loading it.
SCALES = ("raw", "unit", "signed", "imagenet", "torch", "caffe")
FITS = ("stretch", "crop", "pad")
FILTERS = ("nearest", "box", "bilinear", "bicubic", "lanczos")
TEXT = {  # of glnn.web, told in the same way; the first is what is done where nothing is said
    "standardize": ("lower_and_strip_punctuation", "lower", "strip_punctuation", None),
    "split": ("whitespace", "character"),
    "padding": ("post", "pre"),
}
PICTURE = ("scale", "fit", "filter", "background", "levels")  # the options of add_picture


def place(text: str) -> Path | str:
    """A path, or a URL as it stands."""
    return text if "://" in text else Path(text)


def add_model(p: Parser) -> None:
    """The arguments that name a model's files."""
    p.add_argument("model", type=place, metavar="MODEL", help="a model file, a folder that holds one, or a URL")
    weights = "the file of the weights, where the model file has none; found beside the model by itself"
    p.add_argument("--weights", type=weights_file, metavar="FILE", help=weights)
    p.add_argument("--metadata", type=place, metavar="FILE", help="the metadata of Keras.js weights")
    modules = "a Python module that registers layers of your own (@glnn.register_layer), from here or installed"
    p.add_argument("--import", dest="modules", action="append", default=[], metavar="MODULE", help=modules)


def add_reading(p: Parser) -> None:
    """The arguments that say how inputs are read."""
    p.add_argument("--key", help="which array of an .npz is the input; FILE.npz:KEY says it for one file")
    add_picture(p)


def add_picture(p: Parser, levels: bool = True) -> None:
    """The arguments for how a picture becomes a model's input, see `picture`.

    levels: of files whose values may be of any type.
    """
    scale = "a picture's values: raw 0..255 (default), unit 0..1, signed -1..1, imagenet or torch, caffe; arrays stay"
    p.add_argument("--scale", type=one_of(SCALES), default="raw", metavar="RANGE", help=scale)
    fit = "a picture of another shape: stretch it (default), crop its middle, or pad it with the background"
    p.add_argument("--fit", type=one_of(FITS), default="stretch", metavar="HOW", help=fit)
    filter = f"how a picture is resized: {', '.join(FILTERS)} (default bilinear)"
    p.add_argument("--filter", type=one_of(FILTERS), default="bilinear", metavar="NAME", help=filter)
    background = "behind alpha: white (default), black, #rrggbb"
    p.add_argument("--background", default="white", metavar="COLOUR", help=background)
    if levels:
        text = "a picture's black and white, where its type does not tell: 0,4095"
        p.add_argument("--levels", type=two_numbers, metavar="BLACK,WHITE", help=text)


def picture(args: argparse.Namespace) -> dict[str, Any]:
    """What `add_picture` read, by the names that reading takes."""
    return {name: value for name, value in vars(args).items() if name in PICTURE}


def add_labels(p: Parser) -> None:
    """The argument for the names of classes."""
    p.add_argument("--labels", type=Path, metavar="FILE", help="names of the classes, one a line, in the model's order")


def add_page(p: Parser) -> None:
    """The arguments for what the exported page takes besides pictures, see `page`."""
    group = p.add_argument_group("page", "what a page for text or numbers is told; docs/web-page.md has the rules")
    tokens = "the page takes text: its tokens, one a line, in the order of their numbers"
    group.add_argument("--vocabulary", type=Path, metavar="FILE", help=tokens)
    for name, choices in TEXT.items():
        known = ", ".join(f"{choice or 'none'}{' (default)' if choice == choices[0] else ''}" for choice in choices)
        named = one_of(tuple(choice or "none" for choice in choices))
        group.add_argument(f"--{name}", type=named, metavar="HOW", help=f"with --vocabulary: {known}")
    group.add_argument("--columns", type=Path, metavar="FILE", help="names of the numbers that it takes, one a line")
    example = "what it offers to try: a picture, a text, or an .npy file; may be said several times"
    group.add_argument("--example", dest="examples", action="append", type=Path, metavar="FILE", help=example)


def page(args: argparse.Namespace) -> dict[str, Any]:
    """What `add_page` read, by the names that export_web takes; only what was said. Raises InputError."""
    from .reading import read_example, read_lines

    made = {name: getattr(args, name) for name in TEXT if getattr(args, name) is not None}
    if made.get("standardize") == "none":
        made["standardize"] = None
    for name in ("vocabulary", "columns"):
        if getattr(args, name) is not None:
            made[name] = read_lines(getattr(args, name), f"--{name}")
    if args.examples:
        made["examples"] = {path.stem: read_example(path, args.vocabulary is not None) for path in args.examples}
    return made


def add_device(p: Parser) -> None:
    """The arguments for the device; what is not given is taken from the environment."""
    device = p.add_argument_group("device", "limits to run under; without them the best that OpenGL offers")
    limits = "the limits of another device: a name that `glnn doctor` lists, or what `glnn doctor --json` wrote there"
    device.add_argument("--profile", metavar="NAME", help=limits)
    device.add_argument("--dialect", metavar="NAME", help="the GLSL of the kernels: es300, es100 or gl330")
    told = "where kernels run: fragment, compute, or auto: compute on GPUs that have it"
    device.add_argument("--stage", metavar="NAME", help=told)
    precision = "highp, or mediump for the half floats of phones; with --device numpy also float64"
    device.add_argument("--precision", metavar="NAME", help=precision)
    device.add_argument("--device", metavar="NAME", help="numpy: without OpenGL, in NumPy (slow)")
    device.add_argument("--device-index", type=int, metavar="N", help="which GPU (default: the first that works)")


def weights_file(text: str) -> Path | str:
    """A file of weights, and no codec: that was once said by the same option."""
    if text in CODECS:
        raise argparse.ArgumentTypeError(f"{text} is a codec, now --codec {text}; --weights names a file of weights")
    return place(text)
