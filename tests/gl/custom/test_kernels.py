"""The user's own kernels on devices of each dialect and limit, against NumPy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from support.kernels_of_values import DEVICES, PADS, SOME, Around, opened, tolerance
from support.seeds import seeded

import glnn

rng = seeded(0)


@pytest.fixture(scope="module", params=list(DEVICES))
def corner(request: pytest.FixtureRequest) -> Iterator[tuple[glnn.Device, float]]:
    """A device, and how far its values may be off."""
    with opened(request.param) as device:
        yield device, tolerance(request.param)


def check(got: object, want: np.ndarray, atol: float) -> None:
    assert isinstance(got, glnn.Tensor) and got.shape == want.shape
    np.testing.assert_allclose(np.asarray(got), want, rtol=atol, atol=atol)


@pytest.fixture(scope="module", params=SOME)
def some_corner(request: pytest.FixtureRequest) -> Iterator[tuple[glnn.Device, float]]:
    """One of a few devices; with --whole of all."""
    with opened(request.param) as device:
        yield device, tolerance(request.param)


BROADCASTS = [
    ((), ()), ((1,), (1,)), ((5,), (5,)), ((3, 1), (1, 7)), ((4, 6), (6,)), ((2, 5, 7), (5, 1)), ((7,), (3, 1, 1, 7)),
    ((3, 5, 6, 9), (1, 5, 1, 9)), ((2, 3, 4, 5, 6), (3, 1, 5, 1)), ((2, 1, 2, 3, 4, 5), (1, 3, 1, 1, 4, 1)),
]  # fmt: skip


@pytest.mark.parametrize("shapes", BROADCASTS, ids=str)
def test_values_broadcast_as_numpy(some_corner: tuple[glnn.Device, float], shapes: tuple) -> None:
    device, atol = some_corner
    x, y = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    blend = glnn.kernel("float kernel(float x, float y, float t) { return x * (1.0 - t) + y * t; }")
    want = x.astype(float) * 0.75 + y.astype(float) * 0.25
    check(blend(x, y, 0.25, device=device), want, atol)
    check(blend(t=0.25, y=y, x=glnn.Tensor(x, device)), want, atol)
    moved = blend(blend(x, y, 0.25, device=device), y, 0.5)  # of what a device made
    check(moved, (want + y) / 2, 2 * atol)


ROWS = "u(i, j) + 0.5 * u(i - 1, j) - 2.0 * u(i + 1, j) + 3.0 * u(i, j - 1) - u(i, j + 1) + 0.25 * u(i - 1, j + 1)"
FAR = "u(i, j) - 2.0 * u(i - 2, j + 5) + u(i + 3, j - 4) + 0.5 * u(i, j + 4)"


def near_text(rule: str, formula: str) -> str:
    return f"#pragma glnn input u\n#pragma glnn border {rule} u\nfloat kernel(int i, int j) {{ return {formula}; }}"


@pytest.mark.parametrize(
    "shape", [(9, 13), *(pytest.param(s, marks=pytest.mark.whole) for s in ((8, 16), (7, 3), (2, 2), (17, 6)))], ids=str
)
@pytest.mark.parametrize("rule", list(PADS))
def test_neighbours_by_each_border(corner: tuple[glnn.Device, float], rule: str, shape: tuple[int, int]) -> None:
    device, atol = corner
    u = rng.normal(size=shape).astype(np.float32)
    at = Around(u, rule)
    want = at(0, 0) + 0.5 * at(-1, 0) - 2 * at(1, 0) + 3 * at(0, -1) - at(0, 1) + 0.25 * at(-1, 1)
    near = glnn.kernel(near_text(rule, ROWS))
    first = near(u, device=device)
    check(first, want, 3 * atol)
    again = Around(np.asarray(first), rule)  # blocks read blocks
    want = again(0, 0) + 0.5 * again(-1, 0) - 2 * again(1, 0) + 3 * again(0, -1) - again(0, 1) + 0.25 * again(-1, 1)
    np.testing.assert_allclose(np.asarray(near(first)), want, rtol=10 * atol, atol=10 * atol)
    far = glnn.kernel(near_text(rule, FAR))
    check(far(u, device=device), at(0, 0) - 2 * at(-2, 5) + at(3, -4) + 0.5 * at(0, 4), 3 * atol)


@pytest.mark.parametrize("rule", list(PADS))
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (4,), (1,), (2, 5, 6), (2, 4, 9, 3)], ids=str)
def test_neighbours_of_any_rank_and_of_sizes_of_one(
    some_corner: tuple[glnn.Device, float], rule: str, shape: tuple[int, ...]
) -> None:
    device, atol = some_corner
    u = rng.normal(size=shape).astype(np.float32)
    names, at = ["i", "j", "k", "l"][: len(shape)], Around(u, rule)
    axis = max(0, len(shape) - 2)
    before, after = ([f"{n} {sign} 1" if k == axis else n for k, n in enumerate(names)] for sign in "-+")
    last = [*names[:-1], f"{names[-1]} + 1"]
    text = f"""
    #pragma glnn input u
    #pragma glnn border {rule}
    float kernel({", ".join(f"int {n}" for n in names)}) {{
        return u({", ".join(before)}) - 2.0 * u({", ".join(after)}) + 4.0 * u({", ".join(last)});
    }}"""
    unit = [np.eye(len(shape), dtype=int)[k].tolist() for k in (axis, len(shape) - 1)]
    want = at(*(-d for d in unit[0])) - 2 * at(*unit[0]) + 4 * at(*unit[1])
    check(glnn.kernel(text)(u, device=device), want, 4 * atol)


def test_a_loop_reads_anywhere(corner: tuple[glnn.Device, float]) -> None:
    device, atol = corner
    a, b = rng.normal(size=(5, 9)).astype(np.float32), rng.normal(size=(9, 6)).astype(np.float32)
    product = glnn.kernel("""
    #pragma glnn input a b
    #pragma glnn shape a.shape[0] b.shape[1]
    float kernel(int i, int j) {
        float sum = 0.0;
        for (int k = 0; k < a_size1; k++) sum += a(i, k) * b(k, j);
        return sum;
    }""")
    check(product(a, b, device=device), a.astype(float) @ b, 4 * atol)


def test_indices_that_are_read(corner: tuple[glnn.Device, float]) -> None:
    device, atol = corner
    table, numbers = rng.normal(size=(3000,)).astype(np.float32), rng.integers(0, 3000, (4, 5))
    take = glnn.kernel("""
    #pragma glnn input table
    float kernel(float number) { return table(int(number)); }""")
    check(take(table, numbers, device=device), table[numbers].astype(float), atol)


def test_uniforms_consts_and_params(corner: tuple[glnn.Device, float]) -> None:
    device, atol = corner
    text = """
    #pragma glnn input u
    #pragma glnn border zero
    #pragma glnn uniform weights[3]
    #pragma glnn uniform vec2 line
    #pragma glnn uniform gain
    #pragma glnn param TURNS
    #pragma glnn const ORDER
    #pragma glnn unroll d
    float kernel(int i, vec3 tint) {
        float sum = 0.0;
        for (int d = 0; d < 3; d++) sum += weights[d] * u(i + d - 1);
        for (int t = 0; t < TURNS; t++) sum += tint.y * weights[2];
        return ORDER == 2 ? gain * sum + line.x + line.y * float(i) + tint.z : sum;
    }"""
    kernel, u = glnn.kernel(text), rng.normal(size=13).astype(np.float32)
    at = Around(u, "zero")
    for weights, turns, gain in (([1, 2, 3], 2, 0.5), ([-1, 0.5, 0.25], 5, 2.0)):  # new values, the same program
        sums = sum(w * at(d - 1) for d, w in enumerate(weights)) + turns * 0.5 * weights[2]
        options = dict(tint=(0.1, 0.5, -1), weights=weights, line=[1, 0.1], gain=gain, TURNS=turns, device=device)
        check(kernel(u, ORDER=2, **options), gain * sums + 1 + 0.1 * np.arange(13) - 1, 10 * atol)
        check(kernel(u, ORDER=1, **options), sums, 10 * atol)


def test_several_outputs_and_reductions(corner: tuple[glnn.Device, float]) -> None:
    device, atol = corner
    x, y = rng.normal(size=(6, 7)).astype(np.float32), rng.normal(size=(7,)).astype(np.float32)
    both = glnn.kernel("""
    #pragma glnn output sum product
    vec2 kernel(float x, float y) { return vec2(x + y, x * y); }""")
    made = both(x, y, device=device)
    for got, want in zip(made, (x + y, x * y), strict=True):
        check(got, want.astype(float), 2 * atol)
    for words, want in (("sum", (x * y).sum()), ("max 1", (x * y).max(1)), ("mean 0 1", (x * y).mean())):
        kernel = glnn.kernel(f"#pragma glnn reduce {words}\nfloat kernel(float x, float y) {{ return x * y; }}")
        check(kernel(x, y, device=device), np.asarray(want, float), 20 * atol)


def test_kernels_of_texels_and_files(corner: tuple[glnn.Device, float], tmp_path) -> None:
    device, atol = corner
    file = tmp_path / "shift.glsl"
    file.write_text("""#pragma glnn input x
#pragma glnn param LEFT
vec4 kernel(int n, int h, int w, int c) { return x_or(n, h, w - LEFT, c, 0.0); }
""")
    x = rng.normal(size=(2, 3, 5, 6)).astype(np.float32)
    want = np.zeros_like(x)
    want[:, :, 2:] = x[:, :, :-2]
    shift = glnn.kernel(file)
    assert shift.name == "shift"
    check(shift(x, LEFT=2, device=device), want, atol)


def test_arithmetic_of_tensors(corner: tuple[glnn.Device, float]) -> None:
    device, atol = corner
    a, b = rng.normal(size=(4, 6)).astype(np.float32), rng.normal(size=(6,)).astype(np.float32)
    x, y = glnn.Tensor(a, device), glnn.Tensor(b, device)
    pairs = [
        (x + y, a + b), (2 - x * y, 2 - a * b), (x / 4, a / 4), (-x, -a), (abs(x), abs(a)), (x**2, a**2),
        (x < y, (a < b) + 0.0), (np.maximum(x, 0), np.maximum(a, 0)), (np.exp(x), np.exp(a)), (x @ y, a @ b),
        (a + y, a + b), (np.where(x > 0, x, 0), np.where(a > 0, a, 0)), (x.sum(), a.sum()), (x.T, a.T),
        (x.mean(0), a.mean(0)), (np.max(x, axis=1), a.max(1)), (x.argmax(1), a.argmax(1) + 0.0),
        (x.reshape(3, -1), a.reshape(3, -1)), (x[1:, ::2], a[1:, ::2]), (x[-1], a[-1]), (x[:, None, 3], a[:, None, 3]),
        (x[::-1, ...], a[::-1]), (np.concatenate([x, a], 1), np.concatenate([a, a], 1)),
        (np.clip(x, 0, 1), a.clip(0, 1)),
        (x @ a.T, a @ a.T), (np.tanh(x), np.tanh(a)), (x.any(), np.float32(a.any())),
    ]  # fmt: skip
    for number, (got, want) in enumerate(pairs):
        assert isinstance(got, glnn.Tensor) and got.shape == np.shape(want), number
        np.testing.assert_allclose(np.asarray(got), want, rtol=30 * atol, atol=30 * atol, err_msg=str(number))


def test_nan_and_infinities_stay(corner: tuple[glnn.Device, float]) -> None:
    device, _ = corner
    x = np.array([[np.nan, 1, -np.inf, 0], [np.inf, 2, 3, 4]], np.float32)
    near = glnn.kernel(near_text("edge", "u(i, j) + u(i, j + 1)"))
    want = x + np.pad(x, ((0, 0), (0, 1)), mode="edge")[:, 1:]
    np.testing.assert_array_equal(np.asarray(near(x, device=device)), want)


def test_what_the_driver_refuses_is_told_at_the_line(tmp_path) -> None:
    file = tmp_path / "mine.glsl"
    file.write_text("float kernel(float x) {\n    float a = x;\n    a += mix(x, vec2(1.0));\n    return a;\n}\n")
    with glnn.Device() as device, pytest.raises(glnn.errors.KernelError) as caught:
        glnn.kernel(file)(np.ones(3), device=device)
    rows = str(caught.value).splitlines()
    (at,) = [k for k, row in enumerate(rows) if row.startswith(f"{file}:3: error")][:1]
    assert rows[at + 1].strip() == "a += mix(x, vec2(1.0));" and rows[at + 2].strip() == "^"
