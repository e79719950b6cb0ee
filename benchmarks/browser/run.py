"""Times an exported page beside TensorFlow.js and ONNX Runtime Web (both on WebGL) in one Chromium, by turns.

    python benchmarks/browser/run.py                  MobileNetV2-224, the same seeded weights for all
    python benchmarks/browser/run.py --json FILE --check

Needs Chromium, npm (to fetch the peers once) and the extras develop and web. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "tests")]

import models  # noqa: E402
import timing  # noqa: E402
from support.browser import RENDERERS, launch, missing, serve  # noqa: E402
from to_onnx import channels_first, to_onnx  # noqa: E402
from to_tfjs import write_tfjs  # noqa: E402

import glnn  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

# npm package: (version, the one file of it that is used)
PACKAGES = {
    "@tensorflow/tfjs": ("4.22.0", "dist/tf.min.js"),
    "onnxruntime-web": ("1.30.0", "dist/ort.webgl.min.js"),
}
TITLES = {
    "glnn": "glnn",
    "tfjs": "TensorFlow.js webgl",
    "ort": "ONNX Runtime Web webgl",
    "ort-packed": "the same, packed",
}
PEERS = ("tfjs", "ort")
GOALS = {"steady": 0.6, "first": 0.5}  # of the fastest peer's time
TOLERANCE = 1e-4  # of the largest output: all must agree before they are compared
TURN = 10  # predictions of one contestant in a row
MOST = 600_000  # milliseconds that anything may take


def fetch_packages(folder: Path) -> None:
    """The peers' files from npm, kept in folder; only the one file of each package is unpacked, and no script runs."""
    for package, (version, member) in PACKAGES.items():
        place = folder / package.rsplit("/", 1)[-1]
        target, stamp = place / Path(member).name, place / f"version-{version}"
        if target.exists() and stamp.exists():
            continue
        npm = shutil.which("npm")
        if not npm:
            raise SystemExit("the peers come from npm, which is not installed (Debian: apt-get install -y npm)")
        print(f"fetching {package}@{version} from npm (once) ...", file=sys.stderr)
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            command = [npm, "pack", "--silent", f"{package}@{version}", "--pack-destination", temporary]
            subprocess.run(command, check=True, cwd=temporary, stdout=subprocess.DEVNULL)
            [archive] = Path(temporary).glob("*.tgz")
            with tarfile.open(archive) as tar:
                file = tar.extractfile(f"package/{member}")
                assert file is not None
                target.write_bytes(file.read())
        stamp.touch()


def build_site(folder: Path) -> np.ndarray:
    """The pages, the peers and the network in every contestant's format; what onnxruntime says of the input."""
    import onnxruntime

    fetch_packages(folder / "npm")
    for name in ("page.html", "contestants.js"):
        shutil.copy(HERE / name, folder / name)
    with glnn.Model.load(models.network_file("mobilenetv2")) as model:
        name, shape = model.inputs[0].name, tuple(d or 1 for d in model.inputs[0].shape)
        x = models.sample(shape)
        (folder / "input-nhwc.bin").write_bytes(x.tobytes())
        (folder / "input-nchw.bin").write_bytes(channels_first(x).tobytes())
        onnx = to_onnx(model.graph, {name: shape}).SerializeToString()
        (folder / "model.onnx").write_bytes(onnx)
        write_tfjs(model.optimized, {name: shape}, folder / "tfjs")
        shutil.rmtree(folder / "glnn", ignore_errors=True)
        model.export_web(folder / "glnn", input_shape=shape)
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    return session.run(None, {name: channels_first(x)})[0].reshape(-1)


def open_page(browser: Browser, url: str, name: str) -> Page:
    """A page with one contestant, its GPU process started, nothing loaded."""
    page = browser.new_page()
    page.set_default_timeout(MOST)
    page.on("pageerror", lambda error: print(f"{name}: {error}", file=sys.stderr))
    page.goto(f"{url}page.html?name={name}")
    page.wait_for_function("window.ready")
    return page


def first(page: Page, name: str, expected: np.ndarray) -> dict[str, Any]:
    """The stages of a first prediction. SystemExit where its result differs from onnxruntime's."""
    before = cpu_ms()
    result = page.evaluate("first()")
    result["cpu"] = cpu_ms() - before
    output = np.array(result.pop("output"), np.float64)
    result["error"] = float(np.abs(output - expected).max() / np.abs(expected).max())
    if not result["error"] <= TOLERANCE:
        raise SystemExit(f"{TITLES[name]} differs from onnxruntime by {result['error']:.1e} of the largest output")
    return result


def measure_first(
    playwright: Playwright, url: str, names: list[str], renderer: str, reps: int, expected: np.ndarray
) -> dict[str, list[dict[str, Any]]]:
    """First predictions by turns, each in a new browser with an empty shader cache."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(reps):
        for name in names:
            with launch(playwright, renderer, cold=True) as browser:
                results[name].append(first(open_page(browser, url, name), name, expected))
    return results


def cpu_ms() -> float:
    """CPU milliseconds of all processes below this one, the browser's among them (Linux; elsewhere NaN)."""
    parents, spent = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        pid = int(stat.parent.name)
        parents[pid], spent[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
    below = {os.getpid()}
    for _ in parents:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        if not more:
            break
        below |= more
    return 1e3 * sum(spent[pid] for pid in below - {os.getpid()}) / os.sysconf("SC_CLK_TCK") if spent else float("nan")


def measure_steady(
    playwright: Playwright, url: str, names: list[str], renderer: str, reps: int, expected: np.ndarray
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Milliseconds of a prediction, by the clock (a turn is the median of ten) and of CPU time (their mean).

    The contestants take turns in pages of one browser.
    """
    with launch(playwright, renderer) as browser:
        pages = {name: open_page(browser, url, name) for name in names}
        for name, page in pages.items():
            first(page, name, expected)
            page.evaluate("steady(5)")
        times: dict[str, list[float]] = {name: [] for name in names}
        spent: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(reps):
            for name, page in pages.items():
                page.wait_for_timeout(1e3 * timing.PAUSE)
                before = cpu_ms()
                values = page.evaluate(f"steady({TURN})")
                spent[name].append((cpu_ms() - before) / TURN)
                times[name].append(float(np.median(values)))
    return times, spent


def report(kind: str, times: dict[str, list[float]], notes: dict[str, str]) -> dict[str, Any]:
    """Prints the lines of a kind ("first", "steady", "CPU", "CPU 1st") and the verdict; the figures as plain data."""
    for name, values in times.items():
        print(f"{kind:<8} {TITLES[name]:<24} {timing.Spread.of(values).text(digits=1):>28}  {notes.get(name, '')}")
    figures: dict[str, Any] = {name: asdict(timing.Spread.of(values)) for name, values in times.items()}
    if "glnn" in times and len(times) > 1:
        fastest = min((name for name in times if name != "glnn"), key=lambda name: np.median(times[name]))
        spread = timing.ratio(times["glnn"], times[fastest])
        figures |= {"ratio": asdict(spread), "fastest": fastest}
        if kind in GOALS:
            figures["met"] = bool(spread.median <= GOALS[kind])
        verdict = f"goal <= {GOALS[kind]:g} {'met' if figures['met'] else 'MISSED'}" if kind in GOALS else ""
        print(f"{kind:<8} glnn / {TITLES[fastest]:<17} {spread.text():>28}  {verdict}\n")
    return figures


def main() -> int:
    """Runs the benchmark; the exit code is 1 with --check where a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="glnn,tfjs,ort", help=f"comma list of: {', '.join(TITLES)}")
    parser.add_argument("--renderer", choices=[r for r in RENDERERS if r != "none"], default="llvmpipe")
    parser.add_argument("--reps", type=int, default=9, help="turns of ten steady predictions (default 9)")
    parser.add_argument("--first-reps", type=int, default=3, help="new browsers for first predictions (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE too")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a goal is missed")
    args = parser.parse_args()
    names = args.only.split(",")
    if unknown := set(names) - set(TITLES):
        parser.error(f"--only: there is no {', '.join(sorted(unknown))}; there are {', '.join(TITLES)}")
    if lacking := missing():
        raise SystemExit(lacking)
    from playwright.sync_api import sync_playwright

    site = models.cache_folder() / "browser"
    site.mkdir(exist_ok=True)
    expected = build_site(site)
    with ExitStack() as stack:
        url = stack.enter_context(serve(site))
        playwright = stack.enter_context(sync_playwright())
        firsts = measure_first(playwright, url, names, args.renderer, args.first_reps, expected)
        steady, spent = measure_steady(playwright, url, names, args.renderer, args.reps, expected)

    print(f"MobileNetV2-224, milliseconds: median (quartiles); load average {timing.load_average():.2f}")
    print("".join(f"  {runs[0]['about']}, differs by {runs[0]['error']:.0e}\n" for runs in firsts.values()))
    totals = {name: [run["load"] + run["predict"] for run in runs] for name, runs in firsts.items()}
    notes = {name: _stages(runs) for name, runs in firsts.items()}
    results = {"first": report("first", totals, notes), "steady": report("steady", steady, {})}
    results["CPU"] = report("CPU", spent, {})
    results["CPU 1st"] = report("CPU 1st", {name: [run["cpu"] for run in runs] for name, runs in firsts.items()}, {})
    if args.json:
        machine = {"cpus": os.cpu_count(), "load_average": timing.load_average(), "renderer": args.renderer}
        args.json.write_text(json.dumps({"machine": machine, "stages": firsts, **results}, indent=2) + "\n")
    return int(args.check and not all(result.get("met", True) for result in results.values()))


def _stages(runs: list[dict[str, Any]]) -> str:
    medians = {stage: float(np.median([run[stage] for run in runs])) for stage in ("load", "predict", "library")}
    return "load {load:.0f} + predict {predict:.0f}; before it the library {library:.0f}".format(**medians)


if __name__ == "__main__":
    sys.exit(main())
