"""Writes docs/onnx-operators.md and tests/data/onnx-refused.json: the backend tests of the package onnx on shaders.

    make onnx            (some minutes)

A case that fails for another reason than one of glnn's errors ends the run with a list, and nothing is written.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support import onnx_suite  # noqa: E402

from glnn import errors  # noqa: E402
from glnn.operators import VOCABULARIES  # noqa: E402

REFUSALS = (errors.UnsupportedError, errors.InputError, errors.LimitError, errors.GraphError)
DOMAINS = {"": "ai.onnx"}


def main() -> int:
    """Run all cases; write what came of them."""
    passed: dict[str, list[float]] = defaultdict(list)
    refused: dict[str, str] = {}
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    by_kind: Counter[str] = Counter()
    wrong: list[str] = []
    cases = onnx_suite.every_case()
    for name, test in cases.items():
        case = onnx_suite.read(test)
        told = about(case)
        try:
            passed[told].append(onnx_suite.judge(case))
            by_kind[case.kind] += 1
        except AssertionError as error:
            if name in onnx_suite.DIFFERING:
                reasons[told][onnx_suite.DIFFERING[name]] += 1
            else:
                wrong.append(f"{name}: {str(error)[:300]}")
        except REFUSALS as error:
            refused[name] = reason(error)
            reasons[told][refused[name]] += 1
        except Exception as error:
            wrong.append(f"{name}: {type(error).__name__}: {str(error)[:300]}")
    for line in wrong:
        print(line)
    print(f"{sum(by_kind.values())} of {len(cases)} passed, {len(refused)} refused, {len(wrong)} wrong")
    if wrong:
        return 1
    grouped: dict[str, list[str]] = defaultdict(list)
    for name, why in sorted(refused.items()):
        grouped[why].append(name)
    (ROOT / "tests" / "data" / "onnx-refused.json").write_text(json.dumps(grouped, indent=1, sort_keys=True) + "\n")
    (ROOT / "docs" / "onnx-operators.md").write_text(page(passed, reasons, by_kind, len(cases)))
    return 0


def about(case: onnx_suite.Case) -> str:
    """The operator that a case of one node is about; else its kind."""
    if case.kind != "node":
        return case.kind
    base = re.sub("_expanded.*", "", case.name)
    nodes = case.model.graph.node
    if "_expanded" in case.name and base in onnx_suite.every_case():
        nodes = onnx_suite.read(onnx_suite.every_case()[base]).model.graph.node
    return str(nodes[0].op_type) if nodes else "none"


def reason(error: Exception) -> str:
    """What a refusal says, without the place and the values of one case."""
    items = getattr(error, "items", None)
    text = items[0] if items else str(error)
    return re.sub(r"^(/\S*: )|(node '[^']*':? ?)|(\([^)]*\) cannot take .*?: )", "", text).split("\n")[0][:140]


def page(passed: dict, reasons: dict, by_kind: Counter, total: int) -> str:
    """docs/onnx-operators.md."""
    words = VOCABULARIES["onnx"].words
    rows = []
    for (domain, name), known in sorted(words.items()):
        errors_, why = (
            passed.get(name, []) if not domain else [],
            reasons.get(name, Counter()) if not domain else Counter(),
        )
        count = len(errors_) + sum(why.values())
        since = ", ".join(str(word.since) for word in known)
        worst = f"{max(errors_):.0f}" if errors_ else ""
        tests = f"{len(errors_)}/{count}" if count else ""
        label = name if not domain else f"{domain}.{name}"
        host = " (host)" if known[-1].host else ""
        rows.append(f"| {label}{host} | {since} | {tests} | {worst} | {'; '.join(why)} |")
    others = sorted(set(reasons) - {name for domain, name in words if not domain})
    rest = [f"| {name} | | 0/{sum(reasons[name].values())} | | {'; '.join(reasons[name])} |" for name in others]
    kinds = ", ".join(f"{count} {kind}" for kind, count in by_kind.items())
    right = sum(by_kind.values())
    return (
        f"""# Operators of ONNX

Written by `make onnx`, which runs the backend tests of the package onnx through the shaders at the suite's
tolerance: {right} of {total} pass ({kinds}). The other {total - right} do not, for the reasons below.
How ONNX files are read is told in [onnx.md](onnx.md).

"Opsets": from which on an operator has its present or an earlier form. "Tests": passed of those about it. "Error": the
largest, in float32 steps (ULP) of the largest value of a case's output. An operator marked "host" depends on values: it
runs in NumPy where it stands.

| Operator | Opsets | Tests | Error | What is refused |
| --- | --- | --- | --- | --- |
"""
        + "\n".join([*rows, *rest])
        + "\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
