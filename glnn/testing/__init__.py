"""Checks for layers and kernels, for the tests of those who write them."""

from .layers import *  # noqa: F403
