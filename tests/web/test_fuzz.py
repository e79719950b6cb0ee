"""Exported folders broken by the hundred, one page for all: an error of the runner, or a model that predicts."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from support.fuzz.pages import broken_folder
from support.replays import Exported

if TYPE_CHECKING:
    from playwright.sync_api import Page

BATCH = 12  # folders that a page is told at once
SECONDS = 5

# Loads each folder, whose changed files come from here instead of the server, and predicts with what loads.
TRY = """async ([url, variant, name, folders]) => {
  const real = window.fetch, told = [];
  for (const files of folders) {
    window.fetch = (address, options) => {
      const bytes = files[new URL(address, location.href).pathname.split("/").pop()];
      return bytes ? Promise.resolve(new Response(new Uint8Array(bytes))) : real(address, options);
    };
    const begun = performance.now();
    let loaded;
    const result = await soon(settle((async () => {
      loaded = await (await import(`${url}runner.js`)).load(url, {variant});
      const outputs = await loaded.predict({[name]: given});
      return Object.values(outputs).map((values) => values.length);
    })())).catch((error) => ({failed: ["hang", "", String(error)]}));
    if (loaded) loaded.dispose();
    told.push({...result, loaded: !!loaded, ms: performance.now() - begun});
  }
  window.fetch = real;
  return told;
}"""


@pytest.mark.parametrize("count", [pytest.param(2000, marks=pytest.mark.whole), 24])
def test_broken_folders(new_page: Callable[[], Page], digits: Exported, count: int) -> None:
    page, rng, codes = new_page(), random.Random(count), Counter[str]()
    digits.open(page, variant="webgl2")
    page.evaluate("model.dispose()")
    faults = []
    for _ in range(0, count, BATCH):
        made = [broken_folder(digits.folder, "webgl2", rng) for _ in range(BATCH)]
        arguments = [digits.url, "webgl2", digits.model.inputs[0].name, [files for _, files in made]]
        for (what, _), told in zip(made, page.evaluate(TRY, arguments), strict=True):
            name, code, message = told.get("failed", ("", "", ""))
            codes[code or name or "loads"] += 1
            if (name and name != "GlnnError") or told["ms"] > 1000 * SECONDS or (name and len(message) < 20):
                faults.append((what, name, code, message[:300], round(told["ms"])))
    assert not faults, (len(faults), faults[:20])
    assert codes["bad-data"] > count / 10, codes
    assert page.evaluate("contexts.every(gl => gl.isContextLost())")  # and what was made in them went with them
    digits.open(page, variant="webgl2")  # and the page goes on
    assert digits.predict(page)
