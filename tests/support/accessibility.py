"""What axe-core finds on a page that not everyone can use."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page


@cache
def axe() -> str:
    """The script. Without it a test skips; with GLNN_REQUIRE_WEB=1 it fails."""
    spec = find_spec("axe_playwright_python")
    if spec is None or not spec.submodule_search_locations:
        why = "axe-core is not installed: pip install -e .[web]"
        if os.environ.get("GLNN_REQUIRE_WEB") == "1":
            pytest.fail(f"{why} (GLNN_REQUIRE_WEB=1 asks for the browser tests)")
        pytest.skip(why)
    return Path(spec.submodule_search_locations[0], "axe.min.js").read_text(encoding="utf-8")


def findings(page: Page) -> list[str]:
    """The violations of axe-core's rules, each with the elements that it was found at."""
    page.evaluate(axe())
    found = page.evaluate("axe.run().then(({violations}) => violations)")
    return [f"{v['id']}: {v['help']}: {[node['html'] for node in v['nodes']]}" for v in found]
