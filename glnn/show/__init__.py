"""What a person looks at: tables, summaries, reports, profiles, progress."""

from .profiles import Comparison, DrawTime, LayerTime, Profile
from .reports import LayerRow, OutputRow, QuantReport, RangeReport, RangeRow

__all__ = [
    "Comparison", "DrawTime", "LayerRow", "LayerTime", "OutputRow", "Profile", "QuantReport", "RangeReport", "RangeRow",
]  # fmt: skip
