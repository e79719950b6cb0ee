"""The hooks of the site: links out of docs/, and notebooks as pages. What MkDocs makes of them, `make docs` tells."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def site(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_pages", root / "scripts" / "site_pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("page", "link", "of_the_site"),
    [
        ("index.md", "docs/kernels.md#pragmas", "kernels.md#pragmas"),
        ("kernels.md", "../README.md", "index.md"),
        ("kernels.md", "../README.md#what-works", "index.md#what-works"),
        ("kernels.md", "../notebooks/10_from_pytorch.ipynb", "tutorials/10_from_pytorch.md"),
        ("decisions/README.md", "../kernels.md", "../kernels.md"),
        ("tutorials/01_first_prediction.md", "../docs/compare.md", "../compare.md"),
        ("tutorials/01_first_prediction.md", "02_textures.ipynb", "02_textures.md"),
        ("tutorials/07_char_rnn.md", "../examples/train_writer.py", "../files/examples/train_writer.py"),
        ("contributing.md", ".pre-commit-config.yaml", "files/pre-commit-config.yaml"),
        ("kernels.md", "#pragmas", "#pragmas"),
        ("kernels.md", "https://example.org/a.md", "https://example.org/a.md"),
        ("kernels.md", "../nothing.md", "../nothing.md"),  # for MkDocs to complain of
    ],
)
def test_links_of_the_repository_become_links_of_the_site(
    site: ModuleType, page: str, link: str, of_the_site: str
) -> None:
    assert site.relinked(f"see [it]({link}), ![x]({link})", page) == f"see [it]({of_the_site}), ![x]({of_the_site})"


def test_a_notebook_becomes_a_page_with_all_that_it_printed(site: ModuleType, root: Path) -> None:
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        page, pictures, outputs = site.convert(notebook, path.stem)
        printed = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
        assert page.count("glnn-printed") + page.count("glnn-figure") + page.count("glnn-output") == len(printed) > 0
        assert len(pictures) == page.count("glnn-figure") and len(outputs) == page.count("data-output")
        assert page.startswith("# ") and page.count("```python") == sum(
            c["cell_type"] == "code" for c in notebook["cells"]
        )


def test_what_a_cell_printed_is_no_markup(site: ModuleType) -> None:
    cell = {"cell_type": "code", "source": ["f()"], "outputs": [{"output_type": "stream", "text": ["<b>\n", "# a"]}]}
    page, _, _ = site.convert({"cells": [{"cell_type": "markdown", "source": ["# T"]}, cell]}, "n")
    assert "&lt;b&gt;&#10;# a</pre>" in page
