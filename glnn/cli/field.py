"""glnn compare --from: the draws of a page that was opened with ?check, beside Python's."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

OK, WRONG = 0, 1  # exit codes


def compare_page(args: Namespace) -> int:
    """glnn compare --from PAGE.json MODEL_OR_FOLDER -> exit code: 0 all draws are right, 1 one is wrong."""
    from ..measure.field import beside_folder, beside_model, read_page

    page = read_page(args.page)
    if isinstance(args.model, Path) and (args.model / "manifest.json").is_file() and not args.inputs:
        report = beside_folder(page, args.model)
    else:
        from ..model import Model
        from .options import picture
        from .reading import find, read_inputs

        with Model.load(args.model, args.weights, args.metadata) as model:
            x = read_inputs(find(args.inputs), model.inputs, args.key, **picture(args)) if args.inputs else None
            report = beside_model(page, model.session.graph, model.session.store, x)
    print(report.to_json() if args.json else report)
    return OK if report.ok else WRONG
