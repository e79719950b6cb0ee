"""Writes docs/peers-steady.svg, docs/peers-first.svg and the tables of docs/performance.md. `make api`, or --check.

All of it from docs/peers.json, the figures that `make peers` measured.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "benchmarks" / "peers"), str(ROOT / "scripts")]

from contestants import TITLES  # noqa: E402
from goals import FIRST_GOAL, GOALS, OURS, fastest  # noqa: E402
from make_pictures import WIDTH, svg, written  # noqa: E402

DOCS = ROOT / "docs"
BEGIN, END = "<!-- peers: written by scripts/make_peers.py -->", "<!-- /peers -->"
NETWORKS = {
    "mnist": "MNIST CNN, 28 x 28",
    "squeezenet": "SqueezeNet 1.1, 227 x 227",
    "mobilenetv2": "MobileNetV2, 224 x 224",
    "resnet50": "ResNet50, 224 x 224",
    "style": "fast style transfer, 256 x 256",
    "lstm": "LSTM of 128, 80 words",
    "encoder": "transformer encoder, 128 x 256",
}
KINDS = {"steady": "steady predictions", "first": "first prediction with load, cold shader cache"}
LEFT, BAR, ROW = 210, 13, 17  # pixels: where bars begin, their height, what a row takes
ENDS = (0.001, 12.0)  # of the axis: shares of the base's time


def place(share: float) -> float:
    """Where a share of the base's time lies on the axis, which is logarithmic."""
    low, high = map(math.log, ENDS)
    return LEFT + (WIDTH - LEFT - 90) * (min(max(math.log(share), low), high) - low) / (high - low)


def chart(networks: Mapping[str, Any], kind: str) -> str:
    """A picture of all networks' figures of a kind: bars of time beside the faster form of TensorFlow.js on WebGL."""
    parts, y = [], 42
    for share in (0.01, 0.1, 1, 10):
        told = f"{share:g} x" if share != 1 else "TensorFlow.js webgl"
        parts.append(f'<text class="note" x="{place(share):.0f}" y="18" text-anchor="middle">{told}</text>')
    begin = y - 14
    for name, title in NETWORKS.items():
        figures = networks.get(name, {}).get(kind, {}).get("contestants", {})
        base = fastest(figures)
        if base is None:
            continue
        parts.append(f'<text class="name" x="12" y="{y}">{escape(title)}</text>')
        y += 8
        rows = [(figures[who]["ms"]["median"], who) for who in TITLES if "ms" in figures.get(who, {})]
        for ms, who in sorted(rows):
            share = ms / figures[base]["ms"]["median"]
            ours = "gl" if who in OURS else "box"
            width = place(share) - LEFT
            parts.append(f'<text x="{LEFT - 6}" y="{y + 11}" text-anchor="end">{escape(TITLES[who])}</text>')
            parts.append(f'<rect class="{ours}" x="{LEFT}" y="{y}" width="{width:.0f}" height="{BAR}" rx="2"/>')
            parts.append(f'<text x="{LEFT + width + 6:.0f}" y="{y + 11}">{milliseconds(ms)}</text>')
            y += ROW
        y += 24
    lines = [
        f'<path class="line" stroke-opacity="{0.8 if share == 1 else 0.2}" d="M{place(share):.0f} {begin}V{y - 24}"/>'
        for share in (0.01, 0.1, 1, 10)
    ]
    return svg(y - 10, f"{KINDS[kind]}: time beside TensorFlow.js' WebGL backend", lines + parts)


def milliseconds(ms: float) -> str:
    return f"{ms / 1e3:.2f} s" if ms >= 1000 else f"{ms:.3g} ms"


def tables(data: Mapping[str, Any]) -> str:
    """The page's part between its marks: the machine, pictures, and a table of each kind."""
    machine, networks = data["machine"], data["networks"]
    lines = [
        f"{machine['cpus']} cores of an {machine['cpu']}, no GPU; {machine['system']}, Python {machine['python']}, "
        f"headless Chromium {machine.get('chromium', '')} on Mesa's {machine['renderer']} through ANGLE.",
    ]
    for kind, title in KINDS.items():
        lines += ["", f"### {title[0].upper()}{title[1:]}", "", f"![{title}](peers-{kind}.svg)", ""]
        here = {name: networks[name][kind] for name in NETWORKS if kind in networks.get(name, {})}
        lines += ["| | " + " | ".join(here) + " |", "| --- |" + " --- |" * len(here)]
        for who, title_of in TITLES.items():
            cells = [cell(run["contestants"], who) for run in here.values()]
            if any(cells):
                lines.append(f"| {title_of} | {' | '.join(cells)} |")
        for who in OURS:
            shares = [share(run["contestants"], who, goal(kind, name)) for name, run in here.items()]
            lines.append(f"| **share, {TITLES[who]}** | {' | '.join(shares)} |")
    faults = sorted(
        f"- {TITLES[who]}, {NETWORKS[name]}: {of['fault'].split('. ')[0][:140]}"
        for name, kinds in networks.items()
        for who, of in kinds.get("steady", {}).get("contestants", {}).items()
        if "fault" in of
    )
    lines += ["", "Who does not take part, and why:", "", *faults] if faults else []
    return "\n".join(lines)


def goal(kind: str, name: str) -> float:
    return (FIRST_GOAL if kind == "first" else GOALS.get(name, math.inf)) if name in GOALS else math.inf


def cell(figures: Mapping[str, Any], who: str) -> str:
    of = figures.get(who, {})
    return milliseconds(of["ms"]["median"]) if "ms" in of else "fails" if "fault" in of else ""


def share(figures: Mapping[str, Any], who: str, most: float) -> str:
    """Of the time of the faster form of TensorFlow.js on WebGL, with the goal where there is one."""
    base = fastest(figures)
    if base is None or "ms" not in figures.get(who, {}):
        return ""
    value = figures[who]["ms"]["median"] / figures[base]["ms"]["median"]
    return f"{value:.2f}" + (f" (goal {most:g}{'' if value <= most else ', missed'})" if most < math.inf else "")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is not up to date")
    check = parser.parse_args().check
    data = json.loads((DOCS / "peers.json").read_text(encoding="utf-8"))
    page = (DOCS / "performance.md").read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    made = {f"peers-{kind}.svg": chart(data["networks"], kind) for kind in KINDS}
    made["performance.md"] = f"{before}{BEGIN}\n{tables(data)}\n{END}{after}"
    return written(made, check)


if __name__ == "__main__":
    sys.exit(main())
