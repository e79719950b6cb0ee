"""Options, paths and fixtures that all tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["GLNN_TUNE"] = "0"  # no test's plan follows from what was measured on this machine
os.environ["GLNN_COMPILE_AHEAD"] = "0"  # nor is anything done otherwise where programs take long to link
# Before anything imports Keras or JAX.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# A test computes once what JAX compiles: compiling well takes twice as long as all else.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

import pytest
from hypothesis import HealthCheck, settings
from support import seeds, shares

import glnn

ROOT = Path(__file__).parent.parent
MODELS = Path(os.environ.get("GLNN_TEST_MODELS", ROOT.parent / "shared" / "models"))

# A machine that does other work as well is slow; that is no fault of what is tested.
SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", derandomize=True, **SLOW)  # what turns red on a push is what the push changed
settings.register_profile("whole", **SLOW)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="the whole test matrix, not the small one")


def pytest_configure(config: pytest.Config) -> None:
    shares.whole = config.getoption("--whole")
    settings.load_profile("whole" if shares.whole else "same")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    seeds.rewind()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any) -> Iterator[None]:
    """What tests share draws the same for whichever of them comes first, and changes nothing for that one."""
    if fixturedef.scope == "function":
        return (yield)
    seeds.rewind()
    made = yield
    seeds.rewind()
    return made


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects cases of the whole matrix, instead of skipping them: what a run prints should be worth reading."""
    if config.getoption("--whole"):
        return
    whole = [item for item in items if item.get_closest_marker("whole")]  # item.keywords holds ids of parameters too
    if whole:
        items[:] = [item for item in items if not item.get_closest_marker("whole")]
        config.hook.pytest_deselected(items=whole)


@pytest.fixture(scope="module", autouse=True)
def compiled() -> Iterator[None]:
    """What JAX compiled for a module of tests goes with it: it grew to gigabytes."""
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def models() -> Path:
    """A folder of real trained models (GLNN_TEST_MODELS); tests that need it skip where it is missing."""
    if not MODELS.is_dir():
        pytest.skip("no folder of trained models here: set GLNN_TEST_MODELS")
    return MODELS


@pytest.fixture(scope="session")
def device() -> Iterator[glnn.Device]:
    """One device for all tests that need no limits of their own."""
    device = glnn.Device()
    yield device
    device.close()
