"""Values of every magnitude that float32 has, for inputs and weights of any case (support/rounding.py judges)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from cases.case import NORMAL, ROWS, WIDE, Case
from cases.keras import CASES
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from support.rounding import LARGEST, judged

from glnn.layers.normalization import BatchNormalization

JUDGED = [case for case in CASES if case.kind in (NORMAL, ROWS, WIDE) and judged(case.layer)]

# ---- values


def _even(rng: np.random.Generator, shape: Any, exponent: int) -> np.ndarray:
    return rng.standard_normal(shape) * 10.0**exponent


def _mixed(rng: np.random.Generator, shape: Any, exponent: int) -> np.ndarray:
    return rng.choice([-1, 1], shape) * 10.0 ** rng.uniform(-44, 38.5, shape)


def _offset(rng: np.random.Generator, shape: Any, exponent: int) -> np.ndarray:
    """A large mean, a small spread."""
    return rng.choice([-1, 1]) * 10.0**exponent * (1 + 1e-5 * rng.standard_normal(shape))


def _masked(rng: np.random.Generator, shape: Any, exponent: int) -> np.ndarray:
    """Most, now and then all, hidden by float32's least number."""
    return np.where(rng.random(shape) < rng.choice([0.5, 0.9, 1]), -LARGEST, _even(rng, shape, min(exponent, 30)))


def _lowest(rng: np.random.Generator, shape: Any, exponent: int) -> np.ndarray:
    return -rng.uniform(1e38, LARGEST, shape)


def _highest(rng: np.random.Generator, shape: Any, exponent: int) -> np.ndarray:
    return rng.uniform(1e38, LARGEST, shape)


def _ends(rng: np.random.Generator, shape: Any, exponent: int) -> np.ndarray:
    return rng.choice([-LARGEST, -3e38, 0, 1, 3e38, LARGEST], shape)


def _equal(rng: np.random.Generator, shape: Any, exponent: int) -> np.ndarray:
    return np.full(shape, rng.choice([-LARGEST, -1e-38, 1e-30, 1e30, LARGEST]))


def _denormal(rng: np.random.Generator, shape: Any, exponent: int) -> np.ndarray:
    return rng.standard_normal(shape) * 1e-39


def _steep(rng: np.random.Generator, shape: Any, exponent: int) -> np.ndarray:
    """Where exponential functions change, and where exp comes to the largest float (88.72)."""
    last = rng.choice([-1, 1], shape) * rng.uniform(86, 89, shape)
    return np.where(rng.random(shape) < 0.3, last, rng.uniform(-110, 110, shape) * rng.choice([0.01, 0.1, 1]))


MAKERS: dict[str, Callable[..., np.ndarray]] = {
    make.__name__[1:]: make
    for make in (_even, _mixed, _offset, _masked, _lowest, _highest, _ends, _equal, _denormal, _steep)
}


@dataclass(frozen=True)
class Magnitudes:
    """What the values of one example are like: of the two halves of a batch, and of the weights."""

    kinds: tuple[str, str]
    exponent: int
    weight_exponent: int
    seed: int

    def inputs(self, case: Case) -> list[np.ndarray]:
        """float32 inputs of a case; an embedding keeps its numbers."""
        if case.layer.exact_inputs:
            return case.inputs
        rng = np.random.default_rng(self.seed)
        made = []
        for shape in case.shapes:
            rows = [MAKERS[self.kinds[k % 2]](rng, shape[1:], self.exponent) for k in range(shape[0])]
            made.append(np.clip(np.stack(rows), -LARGEST, LARGEST).astype(np.float32))
        if isinstance(case.layer, BatchNormalization) and self.seed % 2:  # near the mean, where digits get lost
            return [self._near_mean(case, rng)]
        return made

    def _near_mean(self, case: Case, rng: np.random.Generator) -> np.ndarray:
        (shape,), layer = case.shapes, case.layer
        assert isinstance(layer, BatchNormalization)
        weights = self.weights(case)
        along = [-1 if axis in layer.axes(shape) else 1 for axis in range(len(shape))]
        mean, spread = (weights[name].astype(float).reshape(along) for name in ("moving_mean", "moving_variance"))
        return np.clip(mean + np.sqrt(spread) * rng.standard_normal(shape), -LARGEST, LARGEST).astype(np.float32)

    def weights(self, case: Case) -> dict[str, np.ndarray]:
        """float32 weights of a case, of magnitudes of their own; those of a table as inputs are elsewhere."""
        rng, made = np.random.default_rng(self.seed + 1), {}
        for name, array in case.weights.items():
            values = array.astype(float) * 10.0**self.weight_exponent
            if name in ("embeddings", "table"):
                values = MAKERS[self.kinds[0]](rng, array.shape, self.exponent)
            elif name in ("bias", "beta"):
                values = array * 10.0 ** rng.integers(-20, 30)
            elif name == "moving_mean":
                values = array * 10.0 ** max(-30, min(self.exponent, 37))
            elif name == "moving_variance":
                values = (np.abs(array) + 0.1) * 10.0 ** rng.integers(-20, 30)
            elif name == "gamma":
                values = array * 10.0 ** rng.integers(-5, 5)
            made[name] = np.clip(values, -LARGEST, LARGEST).astype(np.float32)
        return made


magnitudes = st.builds(
    Magnitudes,
    st.tuples(*[st.sampled_from(list(MAKERS))] * 2),
    st.integers(-30, 38),
    st.integers(-20, 20),
    st.integers(0, 2**20),
)


EXAMPLES, EXAMPLES_WHOLE = 2, 20  # drawn, besides one for each pair of kinds


def on_examples(check: Callable[[Magnitudes], None], request: pytest.FixtureRequest) -> None:
    """Runs a check on every kind of values and on a few seeded examples, on more with --whole."""
    count = EXAMPLES_WHOLE if request.config.getoption("--whole") else EXAMPLES
    options: dict[str, Any] = dict(derandomize=True, database=None, deadline=None)
    options |= dict(phases=[Phase.explicit, Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck))
    test, kinds = given(magnitudes)(check), list(MAKERS)
    for number, pair in enumerate(zip(kinds[::2], kinds[1::2], strict=True)):
        test = example(Magnitudes(pair, 6 * number, number - 2, number))(test)
    settings(max_examples=count, **options)(test)()


def values(rng: np.random.Generator, count: int) -> np.ndarray:
    """(kinds * count,) float32 values of every kind and magnitude."""
    made = [make(rng, (count,), int(rng.integers(-30, 38))) for make in MAKERS.values()]
    return np.clip(np.concatenate(made), -LARGEST, LARGEST).astype(np.float32)
