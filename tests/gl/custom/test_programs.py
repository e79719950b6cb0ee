"""Programs: traced once for each set of shapes, drawn as a plan, equal to their calls one by one and to NumPy."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import LinearOperator, eigs
from support.kernels_of_values import DEVICES, PADS, SOME, Around, opened, tolerance
from support.seeds import seeded

import glnn
from glnn.custom.turns import TURNS
from glnn.errors import InputError, UnsupportedError
from glnn.plan.steps import Repeat

HEAT = """
#pragma glnn input u
#pragma glnn border edge
float kernel(int i, int j, float alpha) {
    return u(i, j) + alpha * (u(i - 1, j) + u(i + 1, j) + u(i, j - 1) + u(i, j + 1) - 4.0 * u(i, j));
}
"""
heat = glnn.kernel(HEAT, name="heat")
rng = seeded(0)


def heated(u: np.ndarray, steps: int, alpha: float = 0.2) -> np.ndarray:
    """The heat equation with slices."""
    for _ in range(steps):
        p = np.pad(u, 1, mode="edge")
        u = u + alpha * (p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:] - 4 * u)
    return u


@pytest.fixture(scope="module", params=list(DEVICES))
def corner(request: pytest.FixtureRequest) -> Iterator[tuple[glnn.Device, float]]:
    """A device, and how far its values may be off."""
    with opened(request.param) as device:
        yield device, tolerance(request.param)


@pytest.fixture(scope="module", params=SOME)
def some_corner(request: pytest.FixtureRequest) -> Iterator[tuple[glnn.Device, float]]:
    """One of a few devices; with --whole of all."""
    with opened(request.param) as device:
        yield device, tolerance(request.param)


@pytest.mark.parametrize("steps", [0, 1, 2, 7])
def test_a_loop_of_a_kernel(corner: tuple[glnn.Device, float], steps: int) -> None:
    device, atol = corner

    @glnn.program(device=device)
    def simulate(u: Any, steps: int) -> Any:
        return glnn.repeat(steps, lambda u: heat(u, 0.2), u)

    u = rng.normal(size=(11, 14)).astype(np.float32)
    made = simulate(u, steps)
    assert isinstance(made, glnn.Tensor)
    np.testing.assert_allclose(np.asarray(made), heated(u.astype(float), steps), atol=3 * atol)
    again = simulate(made, steps)  # of what lies there, which stays as it is
    np.testing.assert_allclose(np.asarray(again), heated(u.astype(float), 2 * steps), atol=6 * atol)
    np.testing.assert_allclose(np.asarray(made), heated(u.astype(float), steps), atol=3 * atol)
    one_by_one = glnn.repeat(steps, lambda u: heat(u, 0.2), glnn.Tensor(u, device))
    np.testing.assert_allclose(np.asarray(one_by_one), np.asarray(made), atol=3 * atol)


def test_states_constants_and_structures(corner: tuple[glnn.Device, float]) -> None:
    device, atol = corner
    matrix = (rng.normal(size=(6, 6)) / 4).astype(np.float32)
    lift = glnn.kernel("float kernel(float x, float table) { return x + table; }")

    @glnn.program(device=device)
    def run(state: dict, bias: Any, scale: float = 0.5) -> Any:
        def turn(x: Any, total: Any) -> tuple:
            x = np.tanh(matrix @ x + bias) * scale
            return lift(x, matrix[0]), total + x.sum()

        x, total = glnn.repeat(4, turn, state["x"], 0.0)
        return {"x": x, "total": total, "what": "done", "largest": x.max(), "constant": np.ones(3)}

    x, bias = rng.normal(size=6).astype(np.float32), rng.normal(size=6).astype(np.float32)
    made, want, total = run({"x": x}, bias, scale=0.75), x.astype(float), 0.0
    for _ in range(4):
        want = np.tanh(matrix.astype(float) @ want + bias) * 0.75
        total += want.sum()
        want = want + matrix[0]
    assert made["what"] == "done" and made["total"].shape == ()
    np.testing.assert_allclose(np.asarray(made["x"]), want, atol=20 * atol)
    np.testing.assert_allclose(float(made["total"]), total, atol=60 * atol)
    np.testing.assert_allclose(float(made["largest"]), want.max(), atol=20 * atol)
    np.testing.assert_array_equal(np.asarray(made["constant"]), np.ones(3))


def test_an_ordinary_loop(corner: tuple[glnn.Device, float]) -> None:
    @glnn.program(device=corner[0])
    def run(u: Any, steps: int) -> Any:
        energy = 0.0
        for i in glnn.steps(steps):
            for _ in glnn.steps(2):
                u = heat(u, 0.1)
            energy = energy + i * u.sum() / u.size
        return u, energy

    u, total = rng.normal(size=(9, 13)).astype(np.float32), 0.0
    got, energy = run(u, 5)
    for i in range(5):
        u = heated(u.astype(float), 2, 0.1)
        total += i * u.mean()
    np.testing.assert_allclose(np.asarray(got), u, atol=10 * corner[1])
    np.testing.assert_allclose(float(energy), total, atol=10 * corner[1])


def test_a_program_is_traced_once_for_its_shapes_and_numbers() -> None:
    calls = []

    @glnn.program
    def double(x: Any, factor: float = 2.0) -> Any:
        calls.append(x.shape)
        return x * factor

    for shape, factor in (((3,), 2.0), ((3,), 2.0), ((4,), 2.0), ((3,), 3.0), ((3,), 2.0)):
        np.testing.assert_array_equal(np.asarray(double(np.ones(shape), factor)), np.full(shape, factor))
    assert calls == [(3,), (4,), (3,)]


def test_the_plan_swaps_two_buffers() -> None:
    @glnn.program
    def simulate(u: Any) -> Any:
        return glnn.repeat(100, lambda u: heat(u, 0.2), u)

    plan = simulate.plan(np.zeros((32, 32)))
    (repeat,) = [step for step in plan.steps if isinstance(step, Repeat)]
    assert repeat.count == 100 // TURNS and len(repeat.steps) == 1 and len(repeat.swaps) == 1
    assert [draw.kernel for draw in plan.draws] == ["map", "heat", "heat"] and len(plan.slots) == 4  # 100 = 33 * 3 + 1


STENCIL = "0.2 * (u(i, j) - u(i - 1, j) + u(i + 1, j + 1) + gain * u(i, j - 1) - u(i, j + 1) + 0.1 * u(i - 1, j + 1))"


@pytest.mark.parametrize(
    "shape", [(9, 13), (1, 5), *(pytest.param(shape, marks=pytest.mark.whole) for shape in ((16, 8), (2, 2), (5, 1)))],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("rule", list(PADS))
def test_several_turns_in_a_draw(some_corner: tuple[glnn.Device, float], rule: str, shape: tuple[int, int]) -> None:
    device, atol = some_corner
    text = f"""
    #pragma glnn input u
    #pragma glnn border {rule}
    float kernel(int i, int j, float gain) {{ return {STENCIL} + 0.01 * float(i - j); }}"""
    step, u = glnn.kernel(text), rng.normal(size=shape).astype(np.float32)

    @glnn.program(device=device)
    def simulate(u: Any, steps: int) -> Any:
        return glnn.repeat(steps, lambda u: step(u, gain=0.5), u)

    want = u.astype(np.float64)
    numbers = 0.01 * (np.arange(shape[0])[:, None] - np.arange(shape[1]))
    for _ in range(TURNS + 2):
        at = Around(want, rule)
        want = 0.2 * (at(0, 0) - at(-1, 0) + at(1, 1) + 0.5 * at(0, -1) - at(0, 1) + 0.1 * at(-1, 1)) + numbers
    np.testing.assert_allclose(np.asarray(simulate(u, TURNS + 2)), want, atol=5 * atol)


def test_several_turns_of_an_image(corner: tuple[glnn.Device, float]) -> None:
    device, atol = corner
    step = glnn.kernel("""
    #pragma glnn input u
    #pragma glnn border reflect
    float kernel(int n, int i, int j, int c) { return 0.5 * u(n, i - 1, j + 1, c) + 0.25 * u(n, i, j - 1, c); }""")

    @glnn.program(device=device)
    def simulate(u: Any) -> Any:
        return glnn.repeat(TURNS, step, u)

    u = rng.normal(size=(2, 5, 7, 3)).astype(np.float32)
    want = u.astype(np.float64)
    for _ in range(TURNS):
        p = np.pad(want, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
        want = 0.5 * p[:, :-2, 2:] + 0.25 * p[:, 1:-1, :-2]
    np.testing.assert_allclose(np.asarray(simulate(u)), want, atol=5 * atol)


def test_programs_call_each_other_and_arrays_of_tensors() -> None:
    @glnn.program
    def inner(x: Any) -> Any:
        return x + 1

    @glnn.program
    def outer(xs: list) -> Any:
        return [inner(x) * 2 for x in xs], xs[0]

    x = rng.normal(size=(2, 3)).astype(np.float32)
    (first, second), same = outer([glnn.Tensor(x), x[0]])
    np.testing.assert_allclose(np.asarray(first), (x + 1) * 2, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(second), (x[0] + 1) * 2, rtol=1e-6)
    np.testing.assert_array_equal(np.asarray(same), x)


def test_pagerank_of_2000_nodes_is_that_of_scipy() -> None:
    """By SciPy's sparse products, turn by turn, and as the first eigenvector, which it finds in another way."""
    nodes, degree = 2000, 8
    heads = rng.integers(0, nodes, nodes * degree)  # whom a node links to; a double link counts twice
    tails = np.arange(nodes).repeat(degree)
    links = coo_matrix((np.full(heads.size, 1 / degree), (heads, tails)), (nodes, nodes)).tocsc()

    @glnn.program
    def pagerank(matrix: Any, rank: Any, damping: float = 0.85) -> Any:
        return glnn.repeat(60, lambda r: damping * (matrix @ r) + (1 - damping) / nodes, rank)

    start = np.full(nodes, 1 / nodes)
    got, want = np.asarray(pagerank(links.toarray(), start)), start
    for _ in range(60):
        want = 0.85 * (links @ want) + 0.15 / nodes
    google = LinearOperator((nodes, nodes), lambda r: 0.85 * (links @ r) + 0.15 / nodes * r.sum(), dtype=np.float64)
    (largest,), vectors = eigs(google, k=1, v0=start)
    solved = (vectors[:, 0] / vectors[:, 0].sum()).real
    assert largest == pytest.approx(1)
    assert abs(got - want).max() < 1e-6 and abs(got - solved).max() < 1e-6
    np.testing.assert_allclose(got, want, rtol=1e-4)
    assert got.sum() == pytest.approx(1, abs=1e-4)


def test_a_program_is_faster_than_its_calls() -> None:
    @glnn.program
    def simulate(u: Any) -> Any:
        return glnn.repeat(300, lambda u: heat(u, 0.2), u)

    u = glnn.Tensor(rng.normal(size=(32, 32)))

    def calls() -> Any:
        now = u
        for _ in range(300):
            now = heat(now, 0.2)
        return np.asarray(now)

    def seconds(run: Any) -> float:
        begin = time.perf_counter()
        run()
        return time.perf_counter() - begin

    np.testing.assert_allclose(np.asarray(simulate(u)), calls(), atol=1e-6)
    pairs = [(seconds(calls), seconds(lambda: np.asarray(simulate(u)))) for _ in range(5)]
    assert sorted(slow / fast for slow, fast in pairs)[2] > 1.5


def test_what_has_no_values_yet_is_refused() -> None:
    kept: list[Any] = []

    @glnn.program
    def wrong(x: Any, how: str) -> Any:
        kept.append(x)
        if how == "condition":
            return x if x.sum() > 0 else -x
        if how == "read":
            return np.asarray(x)
        if how == "numpy":
            return np.linalg.norm(x)
        if how == "shape":
            return glnn.repeat(2, lambda x: x[1:], x)
        if how == "count":
            return glnn.repeat(2, lambda x: (x, x), x)
        return x + kept[0]

    x = np.ones(4)
    for how, message in (
        ("condition", "a condition asks for values"), ("read", "np.asarray asks for values"),
        ("numpy", "np.norm asks for values"), ("shape", "a turn must leave shapes as they are"),
        ("count", "a turn gave 2 tensors, its state are 1"), ("other", "was kept from there"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            wrong(x, how)
    with pytest.raises(InputError, match="repeat: count=1.5: expected a whole number"):
        glnn.repeat(1.5, lambda x: x, x)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="what is hashable"):
        wrong(x, {1, 2})


def test_a_program_becomes_a_page(tmp_path: Path) -> None:
    @glnn.program
    def simulate(u: Any, steps: int) -> Any:
        return glnn.repeat(steps, lambda u: heat(u, 0.2), u)

    folder = simulate.export_web(tmp_path / "page", np.zeros((16, 20)), 10 * TURNS)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["inputs"] == [{"name": "u", "shape": [16, 20]}]
    assert manifest["outputs"] == [{"name": "y", "shape": [16, 20]}]
    plan = json.loads((folder / manifest["variants"][0]["plan"]["file"]).read_text())
    assert [step["count"] for step in plan["steps"] if isinstance(step, dict)] == [10]


def test_no_file_holds_a_kernel(tmp_path: Path) -> None:
    @glnn.program
    def simulate(u: Any) -> Any:
        return heat(u, 0.2) * 2

    model = glnn.Model(simulate.graph(np.zeros((4, 5))))
    with pytest.raises(UnsupportedError, match="which no file holds"):
        model.save(tmp_path / "heat.glnn")
    u = rng.normal(size=(4, 5))
    np.testing.assert_allclose(np.asarray(simulate(u)), model.predict(u), atol=1e-6)
    np.testing.assert_allclose(model.reference(u), 2 * heated(u, 1), atol=1e-6)
