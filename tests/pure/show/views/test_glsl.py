"""GLSL in colours: every character stays, and what is what is told."""

from __future__ import annotations

import html
import re

import pytest

from glnn.kernels.files import kernel_names, read_shader
from glnn.show.views.glsl import coloured, listing


def plain(text: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", text))


@pytest.mark.parametrize("kernel", kernel_names())
def test_nothing_of_a_kernel_is_lost(kernel: str) -> None:
    text = read_shader(f"kernels/{kernel}.glsl")
    assert plain(coloured(text)) == text
    lines = coloured(text).split("\n")
    assert len(lines) == len(text.split("\n"))
    assert all(line.count("<span") == line.count("</span>") for line in lines)


def test_each_kind_has_its_colour() -> None:
    text = "#pragma glnn input x\n/* a\n b<c */ const vec4 v = f(1.5e-3, .5, 0xFFu); // if\nfor (;;) return x & y;\n"
    made = coloured(text)
    for piece in (
        '<span class="p">#pragma glnn input x</span>', '<span class="c">/* a</span>\n<span class="c"> b&lt;c */</span>',
        '<span class="k">const</span>', '<span class="t">vec4</span>', '<span class="f">f</span>',
        '<span class="u">1.5e-3</span>', '<span class="u">.5</span>', '<span class="c">// if</span>',
        '<span class="k">for</span>', '<span class="k">return</span>', "x &amp; y",
    ):  # fmt: skip
        assert piece in made, piece
    assert plain(made) == text


def test_lines_are_numbered_and_tell_where_they_are_from() -> None:
    made = listing("a;\nb;\n", [("conv.glsl", 7), ("generated", 1)])
    assert re.findall(r'title="([^"]*)">(\d+)</span>(\w)', made) == [
        ("conv.glsl:7", "1", "a"),
        ("generated:1", "2", "b"),
    ]
