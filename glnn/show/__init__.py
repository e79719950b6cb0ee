"""What a person looks at: tables, summaries, reports, profiles, progress. A report is imported when it is named."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .reports.comparison import CompareReport, CompareRow, Errors, PartRow
    from .reports.explanation import Explanation, Line, TexelRead
    from .reports.field import FieldReport, FieldRow, FieldSample
    from .reports.profiles import Comparison, DrawTime, LayerTime, Profile
    from .reports.quantized import LayerRow, OutputRow, QuantReport, RangeReport, RangeRow

__all__ = [
    "CompareReport", "CompareRow", "Comparison", "DrawTime", "Errors", "Explanation", "FieldReport", "FieldRow",
    "FieldSample", "LayerRow", "LayerTime", "Line", "OutputRow", "PartRow", "Profile", "QuantReport", "RangeReport",
    "RangeRow", "TexelRead",
]  # fmt: skip

_ROOMS = {
    "reports.comparison": ("CompareReport", "CompareRow", "Errors", "PartRow"),
    "reports.explanation": ("Explanation", "Line", "TexelRead"),
    "reports.field": ("FieldReport", "FieldRow", "FieldSample"),
    "reports.profiles": ("Comparison", "DrawTime", "LayerTime", "Profile"),
    "reports.quantized": ("LayerRow", "OutputRow", "QuantReport", "RangeReport", "RangeRow"),
}


def __getattr__(name: str) -> Any:
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{room}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
