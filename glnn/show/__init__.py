"""What a person looks at: tables, summaries, reports, profiles, progress."""

from .field import FieldReport, FieldRow, FieldSample
from .profiles import Comparison, DrawTime, LayerTime, Profile
from .reports import LayerRow, OutputRow, QuantReport, RangeReport, RangeRow

__all__ = [
    "Comparison", "DrawTime", "FieldReport", "FieldRow", "FieldSample", "LayerRow", "LayerTime", "OutputRow", "Profile",
    "QuantReport", "RangeReport", "RangeRow",
]  # fmt: skip
