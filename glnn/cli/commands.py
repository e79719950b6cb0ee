"""The glnn command: predict, summary, quantize, doctor, export-web, serve. Only images need a package, Pillow."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import GlnnError, InputError
from .reading import read_input, read_inputs, read_labels

if TYPE_CHECKING:
    import numpy as np

BAR = 30  # characters of a full bar
PICTURE = ("scale", "fit", "filter", "background", "levels")  # options of glnn.image.read


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line -> exit code: 0 if well, 1 after an error of glnn.errors. Wrong usage: SystemExit(2)."""
    args = parser().parse_args(argv)
    try:
        return int(args.run(args) or 0)
    except GlnnError as error:
        print(f"glnn: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of the output went away: `glnn summary model.h5 | head`
        sys.stderr.close()
        return 1


def parser() -> argparse.ArgumentParser:
    """The arguments of the command and what each subcommand runs."""
    top = argparse.ArgumentParser(prog="glnn", description="Run neural networks as GLSL kernels, headless.")
    top.add_argument("--version", action="version", version=f"glnn {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    p = command(commands, "predict", predict, "run a model on a file and print what comes out")
    add_model(p)
    p.add_argument("input", type=Path, help="a .npy or .npz array, or an image: .png, .jpg, ...")
    p.add_argument("--top", type=positive, default=5, metavar="N", help="how many classes to print (default 5)")
    p.add_argument("--labels", type=Path, metavar="FILE", help="names of the classes, one a line, in the model's order")
    add_picture(p)
    p.add_argument("--save", type=Path, metavar="FILE.npz", help="also write the outputs as arrays")

    p = command(commands, "summary", summary, "print the layers of a model; needs no OpenGL")
    add_model(p)

    p = command(commands, "quantize", quantize, "write a model with its weights in fewer bits, as a .glnn file")
    add_model(p, weights="--weights-file")
    p.add_argument("out", type=Path, metavar="OUT.glnn", help="the file to write")
    p.add_argument(
        "--weights",
        choices=("float32", "float16", "uint16", "uint8", "uint4", "auto"),
        default="uint8",
        metavar="CODEC",
        help="float32, float16, uint16, uint8 (default), uint4, or auto: the cheapest for each layer",
    )
    p.add_argument("--per-tensor", action="store_true", help="one scale for a layer, not one for each output channel")
    p.add_argument(
        "--activations",
        choices=("float16", "rgba8", "uint8"),
        metavar="CODEC",
        help="how tensors between layers are stored: float16, rgba8 (soft float), uint8 (needs --calibrate)",
    )
    p.add_argument(
        "--calibrate",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="inputs to measure on: .npy or .npz arrays, or images; 8 to 32 samples are enough",
    )
    p.add_argument("--skip", action="append", default=[], metavar="NAME", help="a layer to leave, * matches any part")
    p.add_argument("--max-drift", type=float, metavar="SHARE", help="of the output, for --weights auto (default 0.005)")
    p.add_argument(
        "--report",
        nargs="?",
        const="-",
        metavar="FILE",
        help="print a table of the layers, or write it to FILE.html or FILE.json",
    )
    add_picture(p)

    p = command(commands, "doctor", doctor, "print what OpenGL offers here, and whether glnn can use it")
    p.add_argument("--json", action="store_true", help="print the report as JSON")

    p = command(commands, "export-web", export_web, "write a model as a web page that runs it; needs no OpenGL")
    add_model(p)
    p.add_argument("folder", type=Path, help="where to write: a folder for any web server")
    p.add_argument("--input-shape", type=sizes, metavar="H,W,C", help="shape of a sample, where the model has it free")
    p.add_argument("--variants", metavar="NAMES", help="which variants to write, with commas between (default: all)")
    p.add_argument("--labels", type=Path, metavar="FILE", help="names of the classes, one a line, in the model's order")
    add_picture(p, levels=False)

    p = command(commands, "serve", serve, "serve an exported folder to this machine's browser")
    p.add_argument("folder", type=Path, help="what export-web wrote")
    p.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1 (default 8000; 0: any that is free)")
    return top


def add_picture(p: argparse.ArgumentParser, levels: bool = True) -> None:
    """The arguments for how an image becomes a model's input; levels: of files whose values may be of any type."""
    p.add_argument(
        "--scale",
        choices=("raw", "unit", "signed", "imagenet", "torch", "caffe"),
        default="raw",
        help="an image's values: raw 0..255 (default), unit 0..1, signed -1..1, imagenet or torch, caffe",
    )
    p.add_argument(
        "--fit",
        choices=("stretch", "crop", "pad"),
        default="stretch",
        help="an image of another shape: stretch it (default), crop its middle, or pad it with the background",
    )
    p.add_argument(
        "--filter",
        choices=("nearest", "box", "bilinear", "bicubic", "lanczos"),
        default="bilinear",
        help="how an image is resized (default bilinear)",
    )
    p.add_argument(
        "--background", default="white", metavar="COLOUR", help="behind alpha: white (default), black, #rrggbb"
    )
    if levels:
        text = "an image's black and white, where its type does not tell: 0,4095"
        p.add_argument("--levels", type=numbers, metavar="BLACK,WHITE", help=text)


def picture(args: argparse.Namespace) -> dict[str, Any]:
    """What `add_picture` read, as arguments of glnn.image.read."""
    return {name: value for name, value in vars(args).items() if name in PICTURE}


def numbers(text: str) -> tuple[float, float]:
    """Two numbers from the command line with a comma between."""
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not two numbers with a comma between") from None
    return low, high


def sizes(text: str) -> tuple[int, ...]:
    """A shape from the command line: whole numbers with commas or x between."""
    return tuple(positive(part) for part in text.replace("x", ",").split(","))


def command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int | None], text: str
) -> argparse.ArgumentParser:
    """A subcommand whose function is `run`."""
    p: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    p.set_defaults(run=run)
    return p


def add_model(p: argparse.ArgumentParser, weights: str = "--weights") -> None:
    """The arguments that name a model's files."""
    p.add_argument("model", type=Path, help="a model file, or a folder that holds one")
    p.add_argument(weights, type=Path, metavar="FILE", help="the weights, where the model file has none")
    p.add_argument("--metadata", type=Path, metavar="FILE", help="the metadata of Keras.js weights")


def positive(text: str) -> int:
    """A whole number of at least 1, from the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def summary(args: argparse.Namespace) -> None:
    """glnn summary MODEL."""
    from ..formats import load
    from ..show.summary import summary as text

    print(text(load(args.model, weights=args.weights, metadata=args.metadata)))


def doctor(args: argparse.Namespace) -> int:
    """glnn doctor: exit code 1 where glnn cannot run here."""
    from .doctor import report

    return report(json=args.json)


def quantize(args: argparse.Namespace) -> None:
    """glnn quantize MODEL OUT.glnn."""
    from ..formats.native.write import checked_path
    from ..model import Model

    out, target = checked_path(args.out), args.report  # before long work
    if target not in (None, "-") and Path(target).suffix.lower() not in (".html", ".json"):
        raise InputError(f"--report {target}: a report is written as .html or .json; without a file it is printed")
    with Model.load(args.model, weights=args.weights_file, metadata=args.metadata) as model:
        x = read_inputs(args.calibrate, model.inputs, **picture(args)) if args.calibrate else None
        settings = {"calibrate": x, "skip": args.skip, "max_drift": args.max_drift}
        small = model.quantize(args.weights, not args.per_tensor, args.activations, **settings)
        with small:
            small.save(out)
            report = small.report
    assert report is not None
    print(report if target == "-" else "\n".join(report.totals()))
    if target not in (None, "-"):
        text = report.to_html() if Path(target).suffix.lower() == ".html" else report.to_json() + "\n"
        try:
            Path(target).write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"--report {target}: {error}; {out} is written") from error
    print(f"{out}: {out.stat().st_size:,} bytes")


def export_web(args: argparse.Namespace) -> None:
    """glnn export-web MODEL FOLDER."""
    from ..model import Model

    labels = read_labels(args.labels) if args.labels else None
    variants = args.variants.split(",") if args.variants else None
    with Model.load(args.model, weights=args.weights, metadata=args.metadata) as model:
        folder = model.export_web(args.folder, args.input_shape, variants, labels, **picture(args))
    print(f"{folder}: look at it with: glnn serve {folder}")


def serve(args: argparse.Namespace) -> None:
    """glnn serve FOLDER: until it is interrupted."""
    from ..web import serve as start

    with start(args.folder, args.port) as server:
        print(f"http://127.0.0.1:{server.server_port}/  (Ctrl+C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def predict(args: argparse.Namespace) -> None:
    """glnn predict MODEL INPUT."""
    import numpy as np

    from ..model import Model

    names = read_labels(args.labels) if args.labels else None
    with Model.load(args.model, weights=args.weights, metadata=args.metadata) as model:
        x = read_input(args.input, model.inputs, **picture(args))
        outputs = by_name(model.predict(x, verbose=0), [spec.name for spec in model.outputs])
    for name, y in outputs.items():
        for i, sample in enumerate(y):
            print(f"{name}[{i}] {sample.shape}" if len(outputs) > 1 or len(y) > 1 else f"{name} {sample.shape}")
            print("\n".join(describe(sample, args.top, names)))
    if args.save:
        np.savez(args.save, **outputs)  # type: ignore[arg-type]  # the stub sees only its own keywords


def by_name(result: Any, names: Sequence[str]) -> dict[str, np.ndarray]:
    """What predict gave (an array, a list or a dict) as a dict by output name."""
    if isinstance(result, Mapping):
        return dict(result)
    return dict(zip(names, result if isinstance(result, list | tuple) else [result], strict=True))


def describe(sample: np.ndarray, top: int, names: Sequence[str] | None) -> Iterator[str]:
    """Lines about one sample of an output: its largest values with their classes, or the range of an image or map."""
    import numpy as np

    if sample.ndim != 1:
        yield (
            f"  min {sample.min():.6g}  mean {sample.mean():.6g}  max {sample.max():.6g}" if sample.size else "  empty"
        )
        return
    if names is not None and len(names) != sample.size:
        raise InputError(
            f"--labels: {len(names)} names for {sample.size} classes. Give one name a line, in the model's order"
        )
    bars = bool(sample.size) and sample.min() >= 0 and sample.max() <= 1  # probabilities
    order = np.argsort(-sample, kind="stable")[:top]
    labels = [names[i] if names else str(i) for i in order]
    width = max(map(len, labels), default=0)
    for label, value in zip(labels, sample[order], strict=True):
        bar = "  " + "#" * round(float(value) * BAR) if bars else ""
        yield f"  {label:<{width}}  {value:>10.6g}{bar}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
