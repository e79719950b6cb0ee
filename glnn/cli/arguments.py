"""The arguments of the command: what each subcommand takes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .. import __version__
from .completion import SHELLS
from .options import CODECS, add_device, add_labels, add_model, add_page, add_picture, add_reading
from .usage import Parser, meant, one_of, positive, share, sizes

ACTIVATIONS = ("float16", "rgba8", "uint8")
EXAMPLES = {
    "": (
        "glnn predict model.h5 cat.jpg --labels names.txt\n"
        "glnn quantize model.h5 small.glnn --codec uint8 --report\n"
        "glnn export-web model.h5 site && glnn serve site"
    ),
    "predict": (
        "glnn predict model.h5 cat.jpg --scale signed --top 3\n"
        "glnn predict model.h5 photos/ --json > results.jsonl\n"
        "glnn predict model.h5 data.npz:images --output results.npz\n"
        "glnn predict model.h5 cat.jpg --profile webgl1-phone"
    ),
    "check": (
        "glnn check model.h5\nglnn check model.h5 --batch 8 --shape 224,224,3 --profile webgl1-phone\n"
        "glnn check model.h5 --json"
    ),
    "compare": (
        "glnn compare model.h5 photos/ --scale unit\n"
        "glnn compare model.h5 data.npz:images --reference keras --report report.html\n"
        "glnn compare model.h5 cat.jpg --profile webgl1-phone --json\n"
        "glnn compare model.h5 cat.jpg --save run.npz && glnn compare model.h5 cat.jpg --reference run.npz\n"
        "glnn compare --from phone.json site"
    ),
    "quantize": (
        "glnn quantize model.h5 small.glnn --calibrate photos/ --scale unit --report report.html\n"
        "glnn quantize model.h5 small.glnn --codec auto --calibrate data.npz:images --max-drift 0.01"
    ),
    "convert": "glnn convert model.onnx model.glnn\nglnn convert https://example.org/model.json model.glnn",
    "export-web": (
        "glnn export-web model.h5 site --labels names.txt && glnn serve site\n"
        "glnn export-web detector.onnx site --output boxes --output scores"
    ),
    "profile": (
        "glnn profile model.h5\n"
        "glnn profile model.h5 cat.jpg --draws --perfetto trace.json\n"
        "glnn profile model.h5 --json > before.json && glnn profile small.glnn --against before.json"
    ),
    "tune": (
        "glnn tune model.h5\n"
        "glnn tune model.h5 --input-shape 224,224,3 --batch 16 --seconds 300\n"
        "glnn tune model.h5 --json > tuned.json"
    ),
    "completion": (
        "glnn completion bash > ~/.local/share/bash-completion/completions/glnn\n"
        "glnn completion zsh > ~/.zfunc/_glnn\n"
        "glnn completion fish > ~/.config/fish/completions/glnn.fish"
    ),
    "serve": "glnn serve site --host 0.0.0.0 --port 9000",
}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments with `command` and the `parser` of it. Wrong ones: SystemExit(2) after one message on stderr."""
    top, commands = parsers()
    if not arguments:
        top.print_help(sys.stderr)
        raise SystemExit(2)
    name = arguments[0]
    if name not in commands:
        if not name.startswith("-"):
            top.error(f"no command {name!r}{meant(name, commands)}; there are {', '.join(commands)}")
        top.check_options("", arguments[:1])
        top.parse_args(arguments)  # --help, --version
        top.error("a command is missing")
    parser = commands[name]
    parser.check_options(name, arguments[1:])
    args, left = parser.parse_known_args(arguments[1:])
    if left and left[0].startswith("-"):
        parser.error(f"no option {left[0]}")
    if left:
        parser.error(f"{' '.join(left)} is too much; write files one after another, options before or after them")
    args.command, args.parser = name, parser
    return args


def parsers() -> tuple[Parser, dict[str, Parser]]:
    """The command's own parser, and those of its subcommands by name."""
    top = Parser(prog="glnn", description="Run neural networks as GLSL kernels, headless.")
    top.add_argument("--version", action="version", version=f"glnn {__version__}")
    added = top.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    made: dict[str, Parser] = {}
    for name, (about, fill) in COMMANDS.items():
        made[name] = added.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        fill(made[name])
        made[name].epilog = examples(name)
    top.epilog = (
        f"{examples('')}\n\n`glnn COMMAND --help` tells of a command's arguments, `glnn help env` of the environment\n"
        "variables that glnn reads (GLNN_...). Exit codes of glnn check: 0 the model runs, 1 something of it is not\n"
        "supported, 2 it cannot be read; of glnn compare: 0 no layer is guilty, 1 one is, 2 it could not be\n"
        "compared; of all others: 0 well, 1 failed, 2 wrong usage, 130 interrupted."
    )
    return top, made


def examples(name: str) -> str | None:
    """The examples below a command's help."""
    return "examples:\n  " + EXAMPLES[name].replace("\n", "\n  ") if name in EXAMPLES else None


def predict(p: Parser) -> None:
    """The arguments of glnn predict."""
    add_model(p)
    p.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="pictures (.png, .jpg), arrays (.npy, .npz, FILE.npz:KEY), folders of these, patterns such as 'a/*.png'",
    )
    add_reading(p)
    p.add_argument("--top", type=positive, default=5, metavar="N", help="how many classes to print (default 5)")
    add_labels(p)
    p.add_argument("--json", action="store_true", help="print a line of JSON for each sample, with all values")
    p.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the outputs as arrays, .npz or .npy")
    add_device(p)


def summary(p: Parser) -> None:
    """The arguments of glnn summary."""
    add_model(p)


def check(p: Parser) -> None:
    """The arguments of glnn check."""
    add_model(p)
    p.add_argument("--batch", type=positive, default=1, metavar="N", help="samples of the prediction (default 1)")
    p.add_argument("--shape", type=sizes, metavar="H,W,C", help="shape of a sample, where the model has it free")
    profile = "whose memory is told: a profile that `glnn doctor` lists, or what its --json wrote elsewhere"
    p.add_argument("--profile", metavar="NAME", help=profile)
    p.add_argument("--json", action="store_true", help="print the report as JSON")


def compare(p: Parser) -> None:
    """The arguments of glnn compare."""
    add_model(p)
    given = "samples, as for predict (default: one of seeded random numbers); 1 to 8 are enough"
    p.add_argument("inputs", nargs="*", metavar="INPUT", help=given)
    against = "numpy (default); keras or onnxruntime, on the same file; another file of theirs; a run by --save"
    p.add_argument("--reference", default="numpy", metavar="WHAT", help=against)
    p.add_argument("--json", action="store_true", help="print the report as JSON")
    p.add_argument("--report", metavar="FILE", help="write it to FILE.html, with maps of the errors, or FILE.json")
    p.add_argument("--save", type=Path, metavar="FILE.npz", help="write what every layer made, by its name")
    page = "instead: the JSON of a page that was opened with ?check, beside MODEL or the folder that it came from"
    p.add_argument("--from", dest="page", type=Path, metavar="FILE", help=page)
    p.add_argument("--shape", type=sizes, metavar="H,W,C", help="shape of a random sample, where the model has it free")
    add_reading(p)
    add_device(p)


def quantize(p: Parser) -> None:
    """The arguments of glnn quantize."""
    add_model(p)
    p.add_argument("out", type=Path, metavar="OUT.glnn", help="the file to write")
    codecs = f"of the weights: {', '.join(CODECS[:-1])} or auto, the cheapest for each layer (default uint8)"
    p.add_argument("--codec", type=one_of(CODECS), default="uint8", metavar="CODEC", help=codecs)
    p.add_argument("--per-tensor", action="store_true", help="one scale for a layer, not one for each output channel")
    stored = "how tensors between layers are stored: float16, rgba8 (soft float), uint8 (needs --calibrate)"
    p.add_argument("--activations", type=one_of(ACTIVATIONS), metavar="CODEC", help=stored)
    measured = "inputs to measure on, given as for predict; 8 to 32 samples are enough"
    p.add_argument("--calibrate", nargs="+", metavar="INPUT", help=measured)
    p.add_argument("--skip", action="append", default=[], metavar="NAME", help="a layer to leave, * matches any part")
    p.add_argument("--max-drift", type=share, metavar="SHARE", help="of the output, for --codec auto (default 0.005)")
    report = "print a table of the layers, or write it to FILE.html or FILE.json"
    p.add_argument("--report", nargs="?", const="-", metavar="FILE", help=report)
    add_reading(p)
    add_device(p)


def convert(p: Parser) -> None:
    """The arguments of glnn convert."""
    add_model(p)
    p.add_argument("out", type=Path, metavar="OUT.glnn", help="the file to write")


def doctor(p: Parser) -> None:
    """The arguments of glnn doctor."""
    p.add_argument("--json", action="store_true", help="print the report as JSON, a profile for other machines")
    add_device(p)


def profile(p: Parser) -> None:
    """The arguments of glnn profile."""
    from .profiling import arguments

    arguments(p)


def tune(p: Parser) -> None:
    """The arguments of glnn tune."""
    from .tuning import arguments

    arguments(p)


def export_web(p: Parser) -> None:
    """The arguments of glnn export-web."""
    add_model(p)
    p.add_argument("folder", type=Path, help="where to write: a new or an empty folder, or an earlier export")
    p.add_argument("--input-shape", type=sizes, metavar="H,W,C", help="shape of a sample, where the model has it free")
    cut = "a tensor or layer that the page gives instead of the model's outputs; may be said several times"
    p.add_argument("--output", dest="outputs", action="append", metavar="NAME", help=cut)
    p.add_argument("--variants", metavar="NAMES", help="which variants to write, with commas between (default: all)")
    add_labels(p)
    add_picture(p, levels=False)
    add_page(p)
    fetch = "how WebGL2 fetches texels: texture (default) or texelFetch; which is faster is up to the visitors' GPUs"
    p.add_argument("--fetch", metavar="FORM", help=fetch)
    about = "let the page, opened with ?check, compare each draw on its GPU with what Python gives"
    p.add_argument("--check", action="store_true", help=about)
    p.add_argument("--check-input", metavar="INPUT", help="the same, on this input, given as for predict")
    p.add_argument("--force", action="store_true", help="write into a folder that holds other things as well")


def serve(p: Parser) -> None:
    """The arguments of glnn serve."""
    p.add_argument("folder", type=Path, help="what export-web wrote")
    p.add_argument("--port", type=int, help="0: any that is free (default: the first free one from 8000 on)")
    host = "the address to listen on (default 127.0.0.1: this machine alone; 0.0.0.0: everyone on the network)"
    p.add_argument("--host", default="127.0.0.1", help=host)


def completion(p: Parser) -> None:
    """The arguments of glnn completion."""
    p.add_argument("shell", type=one_of(SHELLS), help=f"one of {', '.join(SHELLS)}")


def help_(p: Parser) -> None:
    """The arguments of glnn help."""
    topics = (*(name for name in COMMANDS if name != "help"), "env")
    p.add_argument("topic", nargs="?", type=one_of(topics), help=f"one of {', '.join(topics)}")


COMMANDS: dict[str, tuple[str, Callable[[Parser], None]]] = {
    "predict": ("run a model on files and print what comes out", predict),
    "summary": ("print the layers of a model; needs no OpenGL", summary),
    "check": ("tell what a model holds, and what of it glnn does not do; needs no OpenGL", check),
    "compare": ("tell which layers of a model are wrong on a device, each by itself", compare),
    "quantize": ("write a model with its weights in fewer bits, as a .glnn file", quantize),
    "convert": ("write a model of any format that is read as a .glnn file; needs no OpenGL", convert),
    "doctor": ("print what OpenGL offers here, and whether glnn can use it", doctor),
    "profile": ("tell where the time of a prediction goes, by layer and by draw", profile),
    "tune": ("measure how a device draws a model fastest, and keep it for later runs", tune),
    "export-web": ("write a model as a web page that runs it; needs no OpenGL", export_web),
    "serve": ("serve an exported folder to a browser", serve),
    "completion": ("print what lets a shell complete this command", completion),
    "help": ("tell of a command, or of the environment variables", help_),
}
