"""Breaks model files of every format, and arguments, by the thousand, for glnn: `make fuzz` (docs/fuzzing.md).

    python scripts/fuzz.py --files 10000 --seed 1 --json out.json --keep folder

Ends with 1 where one did what none may: another exception than glnn's, a crash, 5 s, 500 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main() -> int:
    """Runs it -> the exit status."""
    from support.fuzz.run import KINDS, fuzzed

    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--files", type=int, default=10_000, help="how many, of all kinds together")
    told.add_argument("--seed", type=int, default=1)
    told.add_argument("--first", type=int, default=0, help="number of the first of each kind")
    told.add_argument("--only", help="kinds whose name holds this")
    told.add_argument("--keep", type=Path, help="a folder for the files that show a fault")
    told.add_argument("--json", type=Path, help="a file for the figures")
    given = told.parse_args()
    forms = [form for form in KINDS if not given.only or given.only in form]
    counts = {form: -(-given.files // len(forms)) for form in forms}
    faults, rows = 0, {}
    for form, count in counts.items():
        tally = fuzzed({form: count}, given.seed, given.first, given.keep)[form]
        errors = ", ".join(f"{name} {number}" for name, number in tally.errors.most_common())
        print(
            f"| {form} | {tally.files} | {tally.loaded} | {tally.computed} | {errors} | {tally.slowest:.2f} s | "
            f"{tally.largest:.0f} MB | {len(tally.faults)} |",
            flush=True,
        )
        for fault in tally.faults:
            print("   ", json.dumps(fault), file=sys.stderr, flush=True)
        faults += len(tally.faults)
        rows[form] = vars(tally)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
