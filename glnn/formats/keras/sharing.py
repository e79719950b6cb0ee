"""Layers that several models share, as archives of Keras 3 tell of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

ID = "shared_object_id"


def shared_with(item: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The one of `others` that is the same layer as this item of a config; None where it is one of its own.

    Keras gives a layer an id when it meets it again, and mostly not the first time: there the rest tells.
    """
    if ID not in item or item.get("class_name") == "InputLayer":
        return None
    wanted = [bare(item.get(part)) for part in ("class_name", "registered_name", "config")]
    same = [
        other
        for other in others
        if other.get(ID, item[ID]) == item[ID]
        and other.get("class_name") == wanted[0]
        and [bare(other.get(part)) for part in ("class_name", "registered_name", "config")] == wanted
    ]
    return same[0] if len(same) == 1 else None


def bare(value: Any) -> Any:
    """A config without ids."""
    if isinstance(value, Mapping):
        return {key: bare(inner) for key, inner in value.items() if key != ID}
    return [bare(inner) for inner in value] if isinstance(value, list) else value
