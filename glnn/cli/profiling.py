"""glnn profile: where a prediction's time goes, as a table, JSON or a trace file for Perfetto."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..small_files import read_small
from .options import add_device, add_model, add_reading, picture
from .usage import Parser, one_of, positive, sizes

if TYPE_CHECKING:
    import numpy as np

    from ..model import Model
    from ..show.reports.profiles import Profile

TIMERS = ("auto", "queries", "clock")  # glnn.device.timers', told without loading it


def arguments(p: Parser) -> None:
    """The arguments of glnn profile."""
    add_model(p)
    inputs = "what to predict on, as for glnn predict (default: random numbers from 0 to 1)"
    p.add_argument("inputs", nargs="*", metavar="INPUT", help=inputs)
    p.add_argument("--batch", type=positive, metavar="N", help="samples of the prediction (default 1, or those given)")
    p.add_argument("--shape", type=sizes, metavar="H,W,C", help="shape of a random sample, where the model has it free")
    p.add_argument("--repeat", type=positive, default=10, metavar="N", help="predictions to measure (default 10)")
    timer = "how draws are timed: queries of the driver, clock (a finish behind each), auto (default)"
    p.add_argument("--timer", type=one_of(TIMERS), default="auto", metavar="HOW", help=timer)
    first = "leave out what the first prediction takes besides: planning, compiling, uploading weights"
    p.add_argument("--no-first", dest="first", action="store_false", help=first)
    p.add_argument("--draws", action="store_true", help="print each draw as well")
    p.add_argument("--json", action="store_true", help="print the profile as JSON")
    trace = "write a trace that https://ui.perfetto.dev opens"
    p.add_argument("--perfetto", type=Path, metavar="FILE.json", help=trace)
    p.add_argument("--against", type=Path, metavar="FILE.json", help="print it beside a profile that --json wrote")
    add_reading(p)
    add_device(p)


def run(args: Namespace) -> None:
    """glnn profile MODEL."""
    from ..model import Model
    from .device import wanted
    from .writing import checked_target, replacing

    if args.inputs and args.shape:
        args.parser.error("--shape is for random samples; inputs have their own")
    target = checked_target(args.perfetto, (".json",), "--perfetto") if args.perfetto else None
    before = read_profile(args.against) if args.against else None  # before long work
    with wanted(args) as device, Model.load(args.model, args.weights, args.metadata, device) as model:
        made = model.profile(samples(model, args), args.repeat, args.timer, args.first)
    if target is not None:
        with replacing(target, "--perfetto") as file:
            file.write(made.to_perfetto().encode())
    shown = made if before is None else before.compare(made)
    print(shown.to_json() if args.json else shown)
    if args.draws and not args.json:
        print(f"\n{made.by_draw()}")
    if target is not None:
        print(f"{target}: open it at https://ui.perfetto.dev", file=sys.stderr)


def samples(model: Model, args: Namespace) -> dict[str, np.ndarray]:
    """What to predict on, by input name. Raises InputError."""
    import numpy as np

    from .reading import find, read_inputs

    if args.inputs:
        options: dict[str, Any] = picture(args)
        arrays = read_inputs(find(args.inputs), model.inputs, args.key, **options)
        count = len(next(iter(arrays.values())))
        if not args.batch:
            return arrays
        return {k: np.resize(a, (args.batch, *a.shape[1:])) for k, a in arrays.items()} if count else arrays
    made, rng = {}, np.random.default_rng(0)
    for spec in model.inputs:
        shape = args.shape or spec.shape[1:]
        free = args.shape is None and None in shape
        unlike = len(shape) != len(spec.shape) - 1 or any(
            own not in (None, given) for own, given in zip(spec.shape[1:], shape, strict=False)
        )
        if free or unlike:
            given = "its sizes are free" if free else f"--shape {','.join(map(str, shape))} does not fit"
            raise InputError(
                f"input {spec.name!r} is {spec.shape}: {given}. Give a sample's shape with --shape, or files to "
                "predict on"
            )
        made[spec.name] = rng.random((args.batch or spec.shape[0] or 1, *shape), np.float32)
    return made


def read_profile(path: Path) -> Profile:
    """The profile in a file that glnn profile --json wrote. Raises InputError."""
    from ..show.reports.profiles import Profile

    try:
        return Profile.from_json(read_small(path).decode("utf-8"))
    except InputError as error:
        raise InputError(f"--against {path}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"--against {path}: {why}. Give a file that glnn profile --json wrote") from error
