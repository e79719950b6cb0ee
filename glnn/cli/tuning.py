"""glnn tune: measures how a device draws a model fastest, and keeps it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .options import add_device, add_model
from .usage import Parser, positive, sizes

if TYPE_CHECKING:
    from ..model import Model
    from ..plan import tables


def arguments(p: Parser) -> None:
    """The arguments of glnn tune."""
    add_model(p)
    shape = "shape of a sample, where the model has it free"
    p.add_argument("--input-shape", type=sizes, metavar="H,W,C", help=shape)
    batch = "samples of a prediction (default 1); of several also how many are best run at once"
    p.add_argument("--batch", type=positive, metavar="N", help=batch)
    seconds = "after which nothing more is begun (default 120)"
    p.add_argument("--seconds", type=positive, default=120, metavar="N", help=seconds)
    p.add_argument("--json", action="store_true", help="print what was measured as JSON")
    table = "also add what was found to the table of a renderer, as the package has them"
    p.add_argument("--table", type=Path, metavar="FILE.json", help=table)
    add_device(p)


def run(args: Namespace) -> None:
    """glnn tune MODEL. Raises InputError."""
    from ..model import Model
    from ..plan import tables
    from .device import wanted

    with wanted(args) as device, Model.load(args.model, args.weights, args.metadata, device) as model:
        shapes = {}
        for spec in model.inputs:
            sample = args.input_shape or spec.shape[1:]
            if None in sample:
                raise InputError(f"input {spec.name!r} is {spec.shape}: give a sample's shape with --input-shape")
            shapes[spec.name] = (args.batch or spec.shape[0] or 1, *sample)
        if args.table is not None and args.table.exists():
            keep(args.table, model, tables.Table())  # before long work
        made = model.tune(shapes, args.seconds)
        if args.table is not None:
            keep(args.table, model, model.session.table)
    print(made.to_json() if args.json else made)


def keep(path: Path, model: Model, table: tables.Table) -> None:
    """Adds a table to one of the package's files. Raises InputError where that is none, or of other limits."""
    from ..plan import tables

    try:
        tables.add_to(path, model.session.place, table)
    except ValueError as error:
        raise InputError(f"--table {path}: {error}. Name a table of this renderer, or a new file") from None
