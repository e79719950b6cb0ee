"""The glnn command: a function for each of its subcommands. Only images need a package, Pillow."""

from __future__ import annotations

import importlib
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import GlnnError, InputError
from . import environment
from .arguments import parse, parsers
from .notices import forget, notice, rest, say
from .options import page, picture

INTERRUPTED = 130  # the exit code of shells for a program that Ctrl+C ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line -> exit code: 0 well, 1 failed, 130 interrupted. Wrong usage: SystemExit(2)."""
    try:
        try:
            forget()
            args = parse(sys.argv[1:] if argv is None else argv)
            for text in environment.unknown(os.environ):
                notice(text)
            bring(getattr(args, "modules", ()))
            code = RUN[args.command](args) or 0
            rest()
            return code
        finally:
            sys.stdout.flush()
    except GlnnError as error:
        say(str(error))
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the output went away: `glnn summary model.h5 | head`
        silence()
    except MemoryError:
        say("out of memory. Give smaller or fewer inputs at once")
    except OSError as error:  # a full disk behind the output, say
        say(f"{error.filename or 'the output cannot be written'}: {error.strerror or error}")
        silence()
    return 1


def bring(modules: Sequence[str]) -> None:
    """Imports the modules of --import, which register layers. Raises InputError for one that fails."""
    for name in modules:
        if "" not in sys.path:
            sys.path.insert(0, "")  # as for `python -m`
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever the user's own module stumbles over
            raise InputError(
                f"--import {name}: {type(error).__name__}: {error}. Give the name of a module (my_layers for "
                "my_layers.py in this folder)"
            ) from error


def silence() -> None:
    """Sends what Python would still write at its end nowhere: there it would fail again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def predict(args: Namespace) -> int:
    """glnn predict MODEL INPUT..."""
    from .predicting import predict

    return predict(args)


def summary(args: Namespace) -> None:
    """glnn summary MODEL."""
    from ..formats import load
    from ..show.summary import summary

    print(summary(load(args.model, args.weights, args.metadata)))


def check(args: Namespace) -> int:
    """glnn check MODEL: exit code 1 for what is not supported, 2 for what cannot be read."""
    from .checking import check

    return check(args)


def compare(args: Namespace) -> int:
    """glnn compare MODEL [INPUT...]: exit code 1 where a layer or a draw is wrong, 2 where it could not be compared."""
    if args.page is not None:
        from .field import compare_page

        return compare_page(args)
    from .comparing import compare

    return compare(args)


def doctor(args: Namespace) -> int:
    """glnn doctor: exit code 1 where glnn cannot run here."""
    from .device import wishes
    from .doctor import report

    return report(json=args.json, **wishes(args))


def quantize(args: Namespace) -> None:
    """glnn quantize MODEL OUT.glnn."""
    if args.codec == "auto" and not args.calibrate:
        args.parser.error("--codec auto measures how far the output drifts: give inputs with --calibrate")
    if args.activations == "uint8" and not args.calibrate:
        args.parser.error("--activations uint8 takes its ranges from inputs: give them with --calibrate")
    if args.max_drift is not None and args.codec != "auto":
        args.parser.error(f"--max-drift is for --codec auto; {args.codec} loses what it loses")
    if args.key is not None and not args.calibrate:
        args.parser.error("--key is for the inputs of --calibrate")
    from ..formats.native.write import checked_path
    from ..model import Model
    from .checks import Watch
    from .device import wanted
    from .reading import find, read_inputs
    from .writing import checked_target, replacing

    out = checked_path(args.out)  # before long work
    target = None
    if args.report not in (None, "-"):
        target = checked_target(Path(args.report), (".html", ".json"), "--report")
    with wanted(args) as device, Model.load(args.model, args.weights, args.metadata, device) as model:
        x = None
        if args.calibrate:
            watch = Watch(model.graph, args.scale)
            x = read_inputs(find(args.calibrate), model.inputs, args.key, watch.add, **picture(args))
        settings = {"calibrate": x, "skip": args.skip, "max_drift": args.max_drift}
        with model.quantize(args.codec, not args.per_tensor, args.activations, **settings) as small:
            small.save(out)
            report = small.report
    assert report is not None
    print(report if args.report == "-" else "\n".join(report.totals()))
    print(f"{out}: {out.stat().st_size:,} bytes")
    if target is not None:
        text = report.to_html() if target.suffix.lower() == ".html" else report.to_json() + "\n"
        with replacing(target, "--report") as file:
            file.write(text.encode())


def convert(args: Namespace) -> None:
    """glnn convert MODEL OUT.glnn."""
    from ..formats import load
    from ..formats.native.write import checked_path, save

    out = checked_path(args.out)  # before long work
    save(load(args.model, args.weights, args.metadata), out)
    print(f"{out}: {out.stat().st_size:,} bytes")


def tune(args: Namespace) -> None:
    """glnn tune MODEL."""
    from .tuning import run

    run(args)


def profile(args: Namespace) -> None:
    """glnn profile MODEL."""
    from .profiling import run

    run(args)


def export_web(args: Namespace) -> None:
    """glnn export-web MODEL FOLDER."""
    from ..model import Model
    from .reading import find, read_inputs, read_labels

    labels = read_labels(args.labels) if args.labels else None
    variants = args.variants.split(",") if args.variants is not None else None
    with Model.load(args.model, args.weights, args.metadata) as model:
        settings = {"force": args.force, "check": args.check, "outputs": args.outputs, "fetch": args.fetch}
        settings |= {**picture(args), **page(args)}
        if args.check_input is not None:
            settings["check"] = read_inputs(find([args.check_input]), model.inputs, **picture(args))
        folder = model.export_web(args.folder, args.input_shape, variants, labels, **settings)
    print(f"{folder}: look at it with: glnn serve {folder}")
    if settings["check"] is not False:
        print("and check a GPU with the same address and ?check at its end")


def serve(args: Namespace) -> None:
    """glnn serve FOLDER: until it is interrupted."""
    from ..web.serve import EVERY, PORT
    from ..web.serve import serve as start

    with start(args.folder, args.port, args.host) as server:
        if args.port is None and server.server_port != PORT:
            notice(f"port {PORT} is in use; this is {server.server_port}")
        if args.host in EVERY:
            notice("everyone on this machine's networks can read the folder, without a password")
        first, *others = server.urls()
        with suppress(KeyboardInterrupt):
            print("\n".join([f"{first}  (Ctrl+C ends it)", *others]), flush=True)
            server.serve_forever()
    print()


def completion(args: Namespace) -> None:
    """glnn completion SHELL."""
    from .completion import script

    print(script(args.shell))


def help_(args: Namespace) -> None:
    """glnn help [COMMAND | env]."""
    top, commands = parsers()
    if args.topic == "env":
        print(environment.text())
    else:
        (commands[args.topic] if args.topic else top).print_help()


RUN: dict[str, Callable[[Namespace], int | None]] = {
    "predict": predict,
    "summary": summary,
    "check": check,
    "compare": compare,
    "quantize": quantize,
    "convert": convert,
    "doctor": doctor,
    "profile": profile,
    "tune": tune,
    "export-web": export_web,
    "serve": serve,
    "completion": completion,
    "help": help_,
}
