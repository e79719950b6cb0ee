"""pytest within pytest, with glnn's plugin, whether the installed glnn has its entry point or is older than that."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import entry_points

import moderngl  # noqa: F401
import pytest

import glnn

# pytester forgets what an inner run imported, and NumPy, for one, cannot be imported twice: so all is there before.
for module in pkgutil.walk_packages(glnn.__path__, "glnn."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)

_REGISTERED = any(point.value == "glnn.testing.plugin" for point in entry_points(group="pytest11"))
PLUGIN = () if _REGISTERED else ("-p", "glnn.testing.plugin")


def run(pytester: pytest.Pytester, *args: str) -> pytest.RunResult:
    """What pytest says in the pytester's folder."""
    return pytester.runpytest_inprocess(*PLUGIN, "-p", "no:cacheprovider", *args)
