"""The pytest plugin: devices as a fixture, tests inside of .glsl files, pictures as snapshots. See docs/testing.md.

pytest loads this at every start where glnn is installed, so nothing is imported here that takes time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ..errors import DeviceError, GlnnError, NoDeviceError
from . import choice
from .choice import OPENGL, Choice
from .snapshots import Collector, Snapshot
from .unused import has_snapshots

LISTS = ("dialects", "profiles", "codecs")
_TEST = re.compile(rb"#pragma[ \t]+glnn[ \t]+test\b")
MARKER = (
    "gl_device(profiles=None, dialects=None, **limits): the devices that the fixture gl_device goes through, by names "
    "of profiles and dialects; further arguments are glnn.Device's"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("glnn", "glnn: kernels and layers")
    told = "auto: tests fail without it where CI is set, else they skip; require, skip; numpy: run on Device('numpy')"
    group.addoption("--glnn-opengl", choices=OPENGL, help=f"what a test without OpenGL does. {told}")
    parser.addini("glnn_opengl", f"what a test without OpenGL does: {', '.join(OPENGL)}", default="auto")
    for name in LISTS:
        group.addoption(f"--glnn-{name}", metavar="NAMES", help=f"{name} that tests go through, with commas between")
        parser.addini(f"glnn_{name}", f"{name} that tests go through", type="args")
    group.addoption("--glnn-update", action="store_true", help="write the snapshots anew, remove the unused")
    group.addoption("--glnn-report", metavar="FILE", help="where the page of snapshots that differ is written")
    parser.addini("glnn_report", "where the page of snapshots that differ is written", default="glnn-snapshots.html")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)
    choice.begin(chosen(config))
    config.add_cleanup(choice.end)
    has_snapshots.cache_clear()
    if not hasattr(config, "workerinput"):  # not in a process that only runs tests for another
        page = config.getoption("--glnn-report") or config.getini("glnn_report")
        collector = Collector(config.rootpath / page, config.getoption("--glnn-update"))
        config.pluginmanager.register(collector, "glnn-snapshots")
        config.stash[_LEFT] = collector.run.leave
    else:
        left: list[Sequence[str]] = []
        config.workeroutput["glnn_left"] = left
        config.stash[_LEFT] = left.extend


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, which need not be there
def pytest_testnodedown(node: Any, error: Any) -> None:
    node.config.pluginmanager.get_plugin("glnn-snapshots").node_down(node, error)


def pytest_sessionfinish(session: pytest.Session) -> None:
    import sys

    corners = sys.modules.get("glnn.testing.corners")  # where nobody needed a device there is none to close
    if corners is not None:
        corners.close_devices()


def chosen(config: pytest.Config) -> Choice:
    """What the options and the ini file ask for. Raises UsageError for what glnn does not have."""
    opengl = config.getoption("--glnn-opengl") or config.getini("glnn_opengl")
    if opengl not in OPENGL:
        raise pytest.UsageError(f"glnn_opengl = {opengl}: allowed are {', '.join(OPENGL)}")
    named: dict[str, tuple[str, ...]] = {}
    for name in LISTS:
        given = config.getoption(f"--glnn-{name}")
        words = given.split(",") if given else config.getini(f"glnn_{name}")
        named[name] = tuple(word.strip() for text in words for word in text.split(",") if word.strip())
    if any(named.values()):
        check(named)
    ci = os.environ.get("CI", "").lower() not in ("", "0", "false", "no")
    required = opengl == "require" or (opengl == "auto" and ci)
    return Choice(**named, numpy=opengl == "numpy", no_opengl=failing if required else skipping)


def check(named: Mapping[str, tuple[str, ...]]) -> None:
    """Raises UsageError for names that glnn does not have."""
    from ..graph.graph import ACTIVATION_CODECS
    from ..layout.limits import DIALECTS
    from .corners import resolve

    for name, allowed in (("dialects", DIALECTS), ("codecs", ACTIVATION_CODECS)):
        unknown = [word for word in named[name] if word not in allowed]
        if unknown:
            raise pytest.UsageError(f"--glnn-{name}: {', '.join(unknown)} came; allowed are {', '.join(allowed)}")
    try:
        for profile in named["profiles"]:
            resolve(profile, "--glnn-profiles")
    except GlnnError as error:
        raise pytest.UsageError(str(error)) from None


def skipping(error: NoDeviceError) -> None:
    """Skips a test that finds no OpenGL."""
    pytest.skip(f"no OpenGL here: {str(error).splitlines()[0]} `glnn doctor` says more")


def failing(error: NoDeviceError) -> None:
    """Fails a test that finds no OpenGL: where nobody looks, a skipped test is one that never ran."""
    why = "CI is set" if os.environ.get("CI") else "glnn_opengl = require"
    pytest.fail(
        f"no OpenGL here, and {why}: {error}\n--glnn-opengl=skip skips such tests, numpy runs them without OpenGL",
        pytrace=False,
    )


# ---- devices


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "gl_device" not in metafunc.fixturenames or parametrized(metafunc):
        return
    from . import corners

    marks = list(metafunc.definition.iter_markers("gl_device"))
    named: dict[str, Any] = {}
    for mark in reversed(marks):  # the nearest to the test last
        if mark.args:
            raise pytest.UsageError(f"{metafunc.definition.nodeid}: gl_device takes names: dialects=.., profiles=..")
        named |= mark.kwargs
    try:
        devices = corners.devices(**named)
    except GlnnError as error:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: marker gl_device: {error}") from None
    metafunc.parametrize("gl_device", devices, ids=str, indirect=True, scope="session")


def parametrized(metafunc: pytest.Metafunc) -> bool:
    """Whether a test parametrizes gl_device itself."""
    names = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize") if mark.args]
    return any("gl_device" in (n.replace(" ", "").split(",") if isinstance(n, str) else n) for n in names)


@pytest.fixture(scope="session")
def gl_device(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A glnn.Device, one for each dialect and profile in turn: those of the options, or of the marker gl_device.

    Without OpenGL the test skips; where CI is set it fails (--glnn-opengl says otherwise).
    """
    from . import corners

    asked = corners.Asked.of(getattr(request, "param", {}))
    try:
        device = corners.made(**dict(asked.wishes))
    except NoDeviceError:
        raise
    except DeviceError as error:
        told = f"this OpenGL cannot be {asked}: {error}"
        if asked.named and choice.current().no_opengl is failing:  # somebody wants just this one
            pytest.fail(told, pytrace=False)
        pytest.skip(told)
    yield device
    device.close()


# ---- pictures

_SNAPSHOT = pytest.StashKey[Snapshot]()
_LEFT = pytest.StashKey[Callable[[Sequence[Sequence[str]]], None]]()  # takes (file, test) of tests that do not run


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if has_snapshots(item.path.parent):
            item.config.stash[_LEFT]([(str(item.path), item.name)])


@pytest.fixture
def snapshot(request: pytest.FixtureRequest) -> Snapshot:
    """snapshot(picture): holds it to the PNG file beside the test; `pytest --glnn-update` writes it."""
    taken = Snapshot(request.path, request.node.name, request.config.getoption("--glnn-update"))
    request.node.stash[_SNAPSHOT] = taken
    return taken


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome = yield
    taken = item.stash.get(_SNAPSHOT, None)
    report = outcome.get_result()  # type: ignore[attr-defined]
    if has_snapshots(item.path.parent):
        report.glnn_place = [str(item.path), item.name]
    if taken is not None and call.when == "call":
        report.glnn_differing, report.glnn_written, report.glnn_used = taken.differing, taken.written, taken.used


# ---- tests in kernels' files


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix == ".glsl" and _TEST.search(file_path.read_bytes()):
        return KernelFile.from_parent(parent, path=file_path)
    return None


class KernelFile(pytest.File):
    """A kernel's file, whose pragmas hold tests."""

    def collect(self) -> Iterator[pytest.Item]:
        from .kernel_tests import read_tests

        try:
            shown = os.path.relpath(self.path, self.config.invocation_params.dir)
            text = self.path.read_text(encoding="utf-8")
            tests = read_tests(text, shown)
        except (GlnnError, UnicodeDecodeError) as error:
            raise self.CollectError(str(error)) from error
        for test in tests:
            yield KernelItem.from_parent(self, name=test.name, test=test, text=text)


class KernelItem(pytest.Item):
    """A test of a kernel's file."""

    def __init__(self, *, test: Any, text: str, **options: Any):
        super().__init__(**options)
        self.test, self.text = test, text

    def runtest(self) -> None:
        from .kernel_tests import run_test

        run_test(self.test, self.text)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What differs, or what is wrong with the kernel: Python's own lines say nothing of it."""
        if isinstance(excinfo.value, GlnnError | AssertionError):
            line = self.text.splitlines()[self.test.line - 1].strip()
            return f"{excinfo.value}\n\n    {self.test.line}: {line}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.test.line - 1, self.name
