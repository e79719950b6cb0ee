"""Inputs that are sequences of tensors, or may be left out: what their types are called, and their items."""

from __future__ import annotations

SEQUENCE, OPTIONAL = "sequence of ", "optional "


def is_sequence(dtype: str) -> bool:
    """Whether a type is that of a sequence, that may be there or must."""
    return dtype.removeprefix(OPTIONAL).startswith(SEQUENCE)


def is_optional(dtype: str) -> bool:
    """Whether a value of this type may be left out."""
    return dtype.startswith(OPTIONAL)


def item_type(dtype: str) -> str:
    """The type of the elements of tensors, or of those in a sequence."""
    return dtype.removeprefix(OPTIONAL).removeprefix(SEQUENCE)


def item_name(name: str, number: int) -> str:
    """What the tensor at a place of a sequence is called."""
    return f"{name}~{number}"
