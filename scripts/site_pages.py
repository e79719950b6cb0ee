"""Hooks of MkDocs for the site (`make docs`): pages that lie elsewhere in the repository, and links out of docs/.

The Markdown of the repository links as its files lie, so that it can be read in any checkout. The site has, beside
docs/, README.md as its first page, the other pages of PAGES and the notebooks with what they printed; any other file
that a page links to is published beside them as it is. What a link leads to must exist: the build is strict.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = {  # of the repository -> of the site
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md",
}
LINK = re.compile(r"(!?\[(?:[^\]\[]|\[[^\]]*\])*\]\()([^)\s]+)(\))")
FENCES = re.compile(r"(?ms)^```.*?^```$")
PICTURES = {"image/png": "png", "image/jpeg": "jpg", "image/svg+xml": "svg"}
OUTPUT = '<div class="glnn-output" data-output="{}"></div>'
OUTPUTS: dict[str, list[str]] = {}  # page -> HTML that Markdown must not touch


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages that do not lie in docs/, and the files that pages link to."""
    from mkdocs.structure.files import File

    def add(uri: str, **what: Any) -> None:
        if files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, **what))

    for source, uri in PAGES.items():
        add(uri, content=text(ROOT / source))
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        page, pictures, OUTPUTS[site_path(notebook)] = convert(json.loads(text(notebook)), notebook.stem)
        add(site_path(notebook), content=page)
        for name, content in pictures.items():
            add(f"tutorials/{name}", content=content)
    for page in [file for file in files if file.src_uri.endswith(".md")]:
        for link in LINK.findall(FENCES.sub("", page.content_string)):
            target = linked(page.src_uri, link[1])
            if target and target.is_file() and not target.is_relative_to(DOCS) and target.suffix != ".md":
                if target.suffix != ".ipynb":
                    add(site_path(target), abs_src_path=str(target))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Links as the repository has them become links of the site."""
    parts, at = [], 0
    for fence in FENCES.finditer(markdown):
        parts += [relinked(markdown[at : fence.start()], page.file.src_uri), fence[0]]
        at = fence.end()
    return "".join(parts) + relinked(markdown[at:], page.file.src_uri)


def on_page_content(content: str, page: Any, config: Any, files: Any) -> str:
    """Puts in what cells printed as HTML."""
    for i, output in enumerate(OUTPUTS.get(page.file.src_uri, ())):
        content = content.replace(OUTPUT.format(i), f'<div class="glnn-output">{output}</div>')
    return content


# ---- links


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def repository_path(uri: str) -> Path:
    """The file of the repository that a page of the site is made of."""
    for source, page in PAGES.items():
        if uri == page:
            return ROOT / source
    if uri.startswith("tutorials/"):
        return ROOT / "notebooks" / f"{Path(uri).stem}.ipynb"
    return DOCS / uri


def site_path(path: Path) -> str:
    """Where the site has a file of the repository."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    source = path.relative_to(ROOT).as_posix()
    if path.suffix == ".ipynb":
        return f"tutorials/{path.stem}.md"
    return PAGES.get(source, f"files/{source.replace('/.', '/').lstrip('.')}")


def linked(uri: str, link: str) -> Path | None:
    """The file of the repository that a link on a page means; None for addresses and for headings of the page."""
    place = link.partition("#")[0]
    if not place or "://" in link or link.startswith("mailto:"):
        return None
    target = Path(os.path.normpath(repository_path(uri).parent / place))
    return target if target.is_relative_to(ROOT) else None


def relinked(markdown: str, uri: str) -> str:
    """A page's Markdown with links of the site. MkDocs complains of those to what is not there."""

    def of(match: re.Match[str]) -> str:
        target = linked(uri, match[2])
        if target is None or not target.exists():
            return match[0]
        anchor = match[2].partition("#")[2]
        place = os.path.relpath(site_path(target), os.path.dirname(uri) or ".").replace(os.sep, "/")
        return f"{match[1]}{place}{'#' * bool(anchor)}{anchor}{match[3]}"

    return LINK.sub(of, markdown)


# ---- notebooks


def convert(notebook: dict[str, Any], name: str) -> tuple[str, dict[str, bytes | str], list[str]]:
    """A notebook as Markdown, its pictures by file name, and the HTML that its cells printed."""
    parts: list[str] = []
    pictures: dict[str, bytes | str] = {}
    outputs: list[str] = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"]).strip("\n")
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", ()):
            data = {
                kind: "".join(value) for kind, value in output.get("data", {}).items() if isinstance(value, str | list)
            }
            picture = next((kind for kind in PICTURES if kind in data), None)
            if output["output_type"] == "stream":
                parts.append(printed("".join(output["text"])))
            elif "text/html" in data:
                parts.append(OUTPUT.format(len(outputs)))
                outputs.append(data["text/html"])
            elif picture:
                file = f"{name}-{len(pictures) + 1}.{PICTURES[picture]}"
                pictures[file] = data[picture] if picture == "image/svg+xml" else base64.b64decode(data[picture])
                parts.append(f"![what the cell shows]({file}){{ .glnn-figure }}")
            else:
                parts.append(printed(data["text/plain"]))
    parts.insert(1, f"*This page is the notebook `notebooks/{name}.ipynb` of the repository, with what it printed.*")
    return "\n\n".join(parts) + "\n", pictures, outputs


def printed(words: str) -> str:
    """Text that a cell printed, as a block beside its code."""
    return f'<pre class="glnn-printed">{html.escape(words.rstrip(), quote=False)}</pre>'.replace("\n", "&#10;")
