"""What a person looks at: tables, summaries, reports, profiles, pictures, progress."""

from .pictures import Picture
from .profiles import Comparison, DrawTime, LayerTime, Profile
from .reports import LayerRow, OutputRow, QuantReport, RangeReport, RangeRow

__all__ = [
    "Comparison", "DrawTime", "LayerRow", "LayerTime", "OutputRow", "Picture", "Profile", "QuantReport", "RangeReport",
    "RangeRow",
]  # fmt: skip
