"""Every function of elements in float32 against NumPy's float64, over all of its range and at its ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import glnn
from glnn.primitives.expr import Apply, In
from glnn.primitives.functions import FUNCTIONS
from glnn.primitives.map import Map
from glnn.primitives.operations import OPERATIONS
from glnn.testing import run_layer

DEVICES: dict[str, dict] = {
    "es300": {},
    "gl330": {"dialect": "gl330", "draw_buffers": 1},
    "es100": {"dialect": "es100"},
    "bytes": {"float_targets": ["rgba8"]},
}
TINY, LARGEST = float(np.finfo("f").tiny), float(np.finfo("f").max)
EDGES = [0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 7, 1e-30, 1e-20, 2**-24, 1e-5, 0.41, 1 - 2**-24, 1 + 2**-23, 1e5, 8388607.5,
         2**23, 2**24 + 2, 2**31, 1e18, 1e20, 1e30, 3e38, LARGEST, TINY, np.inf]  # fmt: skip
EDGES = np.float32([*EDGES, *(-edge for edge in EDGES), np.nan])

# How many units in the last place each may be off, where it is not exact.
ULP = {
    "sqrt": 1, "rsqrt": 3, "reciprocal": 2, "divide": 2.5, "log": 2, "log1p": 3, "expm1": 8, "sin": 3, "cos": 3,
    "tan": 4, "asin": 3, "acos": 3, "atan": 3, "atan2": 4, "sinh": 6, "cosh": 6, "asinh": 4, "acosh": 5, "atanh": 4,
    "erf": 4, "power": 4, "exponential": 3, "mod": 1,
}  # fmt: skip
OF_EXP = ("exponential", "expm1", "sinh", "cosh")  # GLSL grants exp 3 + 2 |x| units
TURNS = 50000  # angles beyond it have no exact rest
NAMES = [*OPERATIONS, "exponential"]


@pytest.fixture(scope="module", params=DEVICES)
def device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    with glnn.Device(**DEVICES[request.param]) as made:
        yield made


def arguments(name: str, arity: int) -> list[np.ndarray]:
    """Values of every magnitude, of ordinary size, near 1, and all edges against each other."""
    rng = np.random.default_rng(len(name) + 31 * arity)
    size = 12000

    def some() -> np.ndarray:
        wide = np.exp2(rng.uniform(-125, 127.9, size)) * rng.choice([-1, 1], size)
        usual = rng.uniform(-100, 100, size)
        near = 1 + np.exp2(rng.uniform(-23, 0, size)) * rng.choice([-1, 1], size)
        whole = rng.integers(-40, 40, size) / 2
        kinds = [wide, usual, near, rng.standard_normal(size), rng.uniform(-TURNS, TURNS, size), whole]
        return np.choose(rng.integers(len(kinds), size=size), kinds).astype(np.float32)

    edges = np.meshgrid(*[EDGES] * min(arity, 2)) if arity > 1 else [EDGES]
    found = [np.concatenate([some(), edge.ravel()]) for edge in edges]
    if arity == 3:
        found.append(np.resize(found[1][::-1], found[0].shape))
    if name in ("power", "mod", "fmod"):  # what has a result worth having
        found[0] = np.concatenate([found[0], np.exp2(rng.uniform(-20, 20, size)).astype(np.float32)])
        found[1] = np.concatenate([found[1], rng.uniform(-6, 6, size).astype(np.float32)])
        found[0] = np.concatenate([found[0], np.float32(1 + rng.uniform(-1e-3, 1e-3, size))])
        found[1] = np.concatenate([found[1], np.float32(rng.uniform(-5e4, 5e4, size))])
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_function_of_elements(device: glnn.Device, name: str) -> None:
    function = OPERATIONS.get(name) or FUNCTIONS[name]
    xs = [x.reshape(-1, 4) for x in arguments(name, function.arity) for x in [x[: x.size // 4 * 4]]]
    primitive = Map(Apply(function, tuple(In(k) for k in range(function.arity))))
    (got,) = run_layer(device, primitive, xs).outputs
    want = primitive.reference([x.astype(np.float64) for x in xs], {})
    # What comes in or out below the smallest normal float may count as 0.
    skip = np.any([(np.abs(x) < TINY) & (x != 0) for x in xs], axis=0)
    if name in ("sin", "cos", "tan"):
        far = (np.abs(xs[0]) > TURNS) & np.isfinite(xs[0])
        assert np.isfinite(got[far]).all() and (name == "tan" or (np.abs(got[far]) <= 1).all())
        skip |= far
    if name in ("mod", "fmod"):  # quotients beyond 2^40 have no exact rest: some number of the range is given
        with np.errstate(all="ignore"):
            far = np.isfinite(xs[0]) & (np.abs(xs[0] / xs[1].astype(np.float64)) > 2.0**40) & (xs[1] != 0)
        assert (np.abs(got[far]) <= np.abs(xs[1][far])).all()
        skip |= far
    judge(got[~skip], want[~skip], ULP.get(name, 0), [x[~skip] for x in xs], name)


def judge(got: np.ndarray, want: np.ndarray, ulp: float, xs: list[np.ndarray], name: str) -> None:
    def told(wrong: np.ndarray) -> str:
        some = zip(*(x[wrong][:5] for x in (*xs, got, want)), strict=True)
        return f"{name}: {wrong.sum()} wrong, such as (arguments, got, wanted) {list(some)}"

    rounded = want.astype(np.float32)
    # A result right at the end of the range may be infinite or not; angles of 0 and results below TINY lose their sign.
    end = (np.abs(want) > LARGEST * (1 - ulp * 2.0**-23)) & (np.abs(want) < LARGEST * (1 + ulp * 2.0**-23))
    wrong = np.isnan(got) != np.isnan(rounded)
    assert not wrong.any(), told(wrong)
    wrong = ~end & np.isinf(rounded) & (got != rounded) & ~np.isnan(rounded)
    if name in ("rsqrt", "reciprocal", "divide", "atan2", "power"):  # of a zero, whose sign GLSL does not keep
        wrong &= np.abs(got) != np.abs(rounded)
    assert not wrong.any(), told(wrong)
    finite = np.isfinite(rounded) & ~end
    if name == "atan2":
        finite &= (xs[0] != 0) | (xs[1] != 0)
        finite &= (xs[0] != 0) | ~np.signbit(xs[0])
        finite &= (xs[1] != 0) | ~np.signbit(xs[1])
    with np.errstate(all="ignore"):
        unit = np.spacing(np.maximum(np.abs(rounded), np.float32(TINY))).astype(np.float64)
        off = np.abs(got.astype(np.float64) - want) / unit
    limit = np.maximum(ulp, 0.5) * np.ones(want.shape)
    if name in OF_EXP:
        limit = limit + 2 * np.abs(np.nan_to_num(xs[0]))
    wrong = finite & ~(off <= limit) & ~((np.abs(want) < TINY * 1.01) & (np.abs(got) < TINY * 1.01))
    print(name, "largest error in units:", off[finite & (np.abs(want) >= TINY)].max(initial=0))
    assert not wrong.any(), told(wrong)


def test_a_value_less_itself_is_nan_where_it_is_not_finite(device: glnn.Device) -> None:
    less = Map(Apply(OPERATIONS["subtract"], (In(0), In(0))))
    [out] = run_layer(device, less, [np.float32([[1, np.inf, -np.inf, np.nan, 3e38, 0, -7]])]).outputs
    assert np.array_equal(out, np.float32([[0, np.nan, np.nan, np.nan, 0, 0, 0]]), equal_nan=True)
