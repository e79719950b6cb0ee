"""What all views in a notebook share: one style for light and dark, boxes that open, pages that stand alone.

A view is static HTML with its style in it, so that a saved notebook shows it without a server or this package. Colours
are the notebook's own (`inherit`, translucent greys) but where they must tell something: those are the variables of
`_LIGHT` and `_DARK`, chosen by the notebook's theme where it says one, else by the system's.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape as escape

_LIGHT = (
    "--glnn-key:#8250df;--glnn-type:#0550ae;--glnn-number:#0a6640;--glnn-note:#6e7781;--glnn-pragma:#953800;"
    "--glnn-call:#6639ba;--glnn-line:#57606a;--glnn-edge:#0969da;--glnn-bad:#cf222e;--glnn-paper:#ffffff"
)
_DARK = (
    "--glnn-key:#d2a8ff;--glnn-type:#79c0ff;--glnn-number:#7ee787;--glnn-note:#8b949e;--glnn-pragma:#ffa657;"
    "--glnn-call:#d2a8ff;--glnn-line:#9ea7b3;--glnn-edge:#58a6ff;--glnn-bad:#ff7b72;--glnn-paper:#161b22"
)
# JupyterLab, VS Code, Colab, in this order; they go before what the system wishes.
_LIGHTS = '[data-jp-theme-light="true"] .glnn,.vscode-light .glnn,html[theme="light"] .glnn'
_DARKS = '[data-jp-theme-light="false"] .glnn,.vscode-dark .glnn,html[theme="dark"] .glnn'
STYLE = (
    f".glnn{{{_LIGHT};font-size:13px;line-height:1.45}}"
    f"@media (prefers-color-scheme:dark){{.glnn{{{_DARK}}}}}"
    f"{_LIGHTS}{{{_LIGHT}}}{_DARKS}{{{_DARK}}}"
    ".glnn details{margin:2px 0}.glnn summary{cursor:pointer}.glnn details>div{padding:2px 0 6px 18px}"
    ".glnn .title{font-weight:600}.glnn .note{opacity:.7}.glnn .bad{color:var(--glnn-bad);font-weight:600}"
    ".glnn .scroll{overflow:auto;max-height:520px}"
    ".glnn code,.glnn pre{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12px}"
)


def view(*parts: str) -> str:
    """A fragment for a notebook: parts of HTML under the common style."""
    return f'<div class="glnn"><style>{STYLE}</style>{"".join(parts)}</div>'


def page(title: str, body: str) -> str:
    """A fragment as a page that needs no other file, light or dark as the system is."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="color-scheme" content="light dark">'
        "<style>:root{color-scheme:light dark}body{font-family:system-ui,sans-serif;margin:2em}</style></head>\n"
        f"<body>{body}</body></html>\n"
    )


def title(words: str, *notes: str) -> str:
    """A line in bold, with notes behind it."""
    return f'<div><span class="title">{escape(words)}</span>{"".join(map(note, notes))}</div>'


def note(words: str) -> str:
    """Words that matter less, behind others."""
    return f' <span class="note">{escape(words)}</span>' if words else ""


def box(summary: str, body: str, opened: bool = False) -> str:
    """What opens at a click: a line of HTML, and what is below it."""
    return f"<details{' open' if opened else ''}><summary>{summary}</summary><div>{body}</div></details>"


def boxes(pairs: Iterable[tuple[str, str]]) -> str:
    """Boxes one below the other, all closed."""
    return "".join(box(summary, body) for summary, body in pairs)


class Fragment:
    """A piece of HTML that a notebook shows."""

    def __init__(self, *parts: str):
        self._parts = parts

    def _repr_html_(self) -> str:
        return view(*self._parts)

    def to_html(self) -> str:
        """It as a page that needs no other file."""
        return page("glnn", self._repr_html_())
