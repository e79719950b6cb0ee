"""What is handed to predict: an array of another shape than the model's is refused with the way to the right one."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from glnn.errors import InputError
from glnn.graph import TensorSpec
from glnn.run.inputs import named_inputs

GREY, COLOUR, FREE, ROW = (None, 8, 8, 1), (None, 9, 7, 3), (None, None, None, 1), (None, 1)


@pytest.mark.parametrize(
    ("wanted", "given", "hint"),
    [
        (GREY, (8, 8, 1), "x[None]"),
        (GREY, (5, 8, 8), "x[..., None]"),
        (GREY, (1, 8, 8), "x[..., None]"),
        (GREY, (8, 8), "x[None, ..., None]"),
        (GREY, (2, 1, 8, 8), "x.transpose(0, 2, 3, 1)"),
        (COLOUR, (9, 7, 3), "x[None]"),
        (COLOUR, (4, 3, 9, 7), "x.transpose(0, 2, 3, 1)"),
        ((None, 16, 3), (2, 3, 16), "x.transpose(0, 2, 1)"),
        (FREE, (5, 6, 7), "x[..., None]"),
        (FREE, (5, 6), "x[None, ..., None]"),
        (ROW, (5,), "x[..., None]"),
    ],
    ids=str,
)
def test_the_hint_makes_the_array_fit(wanted: tuple, given: tuple[int, ...], hint: str) -> None:
    x = np.zeros(given)
    with pytest.raises(InputError, match=re.escape(f"shape {given} was given")) as caught:
        named_inputs(x, [TensorSpec("x", wanted)])
    assert str(caught.value).endswith(f": {hint}")
    named_inputs(eval(hint), [TensorSpec("x", wanted)])  # what it says, done


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (GREY, (5, 7, 8)),
        (GREY, (5, 8, 8, 3)),
        (GREY, (64,)),
        (COLOUR, (5, 9, 7)),
        ((2, 8, 8, 1), (8, 8, 1)),
        ((None, 3), ()),
    ],
    ids=str,
)
def test_no_hint_where_none_would_help(wanted: tuple, given: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"expected \([^)]*\)$"):
        named_inputs(np.zeros(given), [TensorSpec("x", wanted)])


@pytest.mark.parametrize("given", ["digits.npy", Path("digits.npy"), ["a.png", "b.png"]], ids=repr)
def test_files_are_to_be_read_first(given: object) -> None:
    with pytest.raises(InputError, match=r"booleans\. Read files first: np\.load, or glnn\.image\.read for pictures$"):
        named_inputs(given, [TensorSpec("image", GREY)])
    with pytest.raises(InputError, match="booleans$"):
        named_inputs(None, [TensorSpec("image", GREY)])
