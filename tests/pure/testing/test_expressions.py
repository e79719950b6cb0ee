"""Expressions of tests in kernels' files: what NumPy makes of them, and that nothing else of Python gets in."""

from __future__ import annotations

import numpy as np
import pytest

from glnn.testing.expressions import FUNCTIONS, MAKERS, BadExpression, Expression

X = np.arange(24, dtype=np.float64).reshape(2, 3, 4) - 7
A, B = np.array([1.0, 2.0]), np.array([3.0, 5.0])


@pytest.mark.parametrize(
    "text",
    [
        "2 * x + 1",
        "-x / 3 - x ** 2",
        "x % 5",
        "x[:, ::2, ::-1]",
        "x[0, ..., 1]",
        "x[:, None] * ones((4, 1, 1))",
        "np.sum(x, axis=-1, keepdims=True)",
        "where(x > 3, x, 0)",
        "maximum(x, 0)",
        "pad(x, [[0, 0], [1, 2], [0, 0]], mode='edge')",
        "transpose(x, (2, 0, 1))",
        "reshape(x, (x.shape[0], -1))",
        "x.T",
        "einsum('abc,abc->ab', x, x)",
        "a @ b",
        "stack([a, b], axis=1)",
        "exp(-abs(x))",
        "floor_divide(x, 3)",
        "clip(x, -2, inf)",
        "(x > 3) & (x < 9) | ~(x == 0)",
        "[[1, 2], [3, nan]]",
        "2**-3 * pi",
    ],
)
def test_an_expression_is_what_numpy_makes_of_it(text: str) -> None:
    values = {"x": X, "a": A, "b": B}
    names = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")}
    expected = eval(text.replace("~(", "np.logical_not("), {**names, "np": np, **values})  # the oracle is Python's own
    got = Expression.read(text).value(values)
    np.testing.assert_array_equal(np.asarray(got, np.float64), np.asarray(expected, np.float64))


def test_windows_are_numpys_sliding_windows() -> None:
    got = Expression.read("sum(windows(x, 2, 1), axis=-1)").value({"x": X})
    np.testing.assert_array_equal(got, X[:, :-1] + X[:, 1:])


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "x.__class__",
        "x.tofile('a')",
        "x.astype(int)",
        "(lambda: 1)()",
        "[y for y in x]",
        "open('a')",
        "np.load('a')",
        "np.fromfile('a')",
        "np.lib.npyio.load('a')",
        "exec('1')",
        "sum",
        "f'{x}'",
        "x if x else 1",
        "x and x",
        "not x",
        "(y := 3)",
        "0 < x < 3",
        "x is x",
        "sum(x, out=x)",
        "sum(x, dtype='object')",
        "sum(*x)",
        "sum(x, **x)",
        "x // 2",
        "b'a'",
        "{1: 2}",
        "3j",
        "x; x",
        "x = 1",
        "",
        "(" * 500,
    ],
)
def test_nothing_else_of_python_is_read(text: str) -> None:
    with pytest.raises(BadExpression):
        Expression.read(text)


def test_no_function_of_the_table_reads_writes_or_calls() -> None:
    banned = {
        "load",
        "save",
        "fromfile",
        "tofile",
        "fromfunction",
        "vectorize",
        "apply_along_axis",
        "frompyfunc",
        "piecewise",
    }
    assert not banned & FUNCTIONS.keys()


def test_a_fault_tells_its_place() -> None:
    with pytest.raises(BadExpression, match="no function blur") as caught:
        Expression.read("1 + blur(x)")
    assert caught.value.column == 4


def test_what_numpy_says_is_told() -> None:
    with pytest.raises(BadExpression, match="could not be broadcast"):
        Expression.read("a + x").value({"x": X[0], "a": A})
    with pytest.raises(BadExpression, match="'q' is no value here; known are x"):
        Expression.read("q + 1").value({"x": X})


def test_too_large_arrays_are_refused() -> None:
    for text in (
        "normal(100000, 100000)",
        "zeros((1 << 14, 1 << 14))".replace("1 << 14", "16384"),
        "x * ones((9000, 9000, 1, 1, 1))",
    ):
        with pytest.raises(BadExpression, match="at most|MemoryError"):
            Expression.read(text).value({"x": X[0, 0, 0]})


@pytest.mark.parametrize("maker", sorted(MAKERS))
def test_makers_give_float32_that_stays_the_same(maker: str) -> None:
    read = Expression.read(f"{maker}(3, 50)")
    first, again, other = read.value({}, "x"), read.value({}, "x"), read.value({}, "y")
    assert first.dtype == np.float32 and first.shape == (3, 50)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other, equal_nan=True)  # two inputs are not the same by accident
    assert not np.array_equal(first, Expression.read(f"{maker}(3, 50, seed=1)").value({}, "x"), equal_nan=True)


def test_special_values_are_strewn() -> None:
    values = Expression.read("special(40, 40)").value({}, "x")
    assert np.isnan(values).any() and np.isposinf(values).any() and np.isneginf(values).any()
    assert (values == 65504).any() and ((values != 0) & (np.abs(values) < 2.0**-126)).any()
