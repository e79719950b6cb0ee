"""What a person looks at: tables, summaries, reports, profiles, progress."""

from .comparison import CompareReport, CompareRow, Errors, PartRow
from .explanation import Explanation, Line, TexelRead
from .field import FieldReport, FieldRow, FieldSample
from .profiles import Comparison, DrawTime, LayerTime, Profile
from .reports import LayerRow, OutputRow, QuantReport, RangeReport, RangeRow

__all__ = [
    "CompareReport", "CompareRow", "Comparison", "DrawTime", "Errors", "Explanation", "FieldReport", "FieldRow",
    "FieldSample", "LayerRow", "LayerTime", "Line", "OutputRow", "PartRow", "Profile", "QuantReport", "RangeReport",
    "RangeRow", "TexelRead",
]  # fmt: skip
