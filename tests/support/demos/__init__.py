"""Small models of the kinds that people show in browsers, built with Keras 3, with seeded weights and inputs."""

from . import codes, pictures, sequences, words  # noqa: F401  (each fills DEMOS)
from .base import DEMOS, Demo

__all__ = ["DEMOS", "Demo"]
