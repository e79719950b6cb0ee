"""What a person looks at: tables, summaries, reports, progress."""

from .comparison import CompareReport, CompareRow, Errors, PartRow
from .explanation import Explanation, Line, TexelRead
from .reports import LayerRow, OutputRow, QuantReport, RangeReport, RangeRow

__all__ = [
    "CompareReport", "CompareRow", "Errors", "Explanation", "LayerRow", "Line", "OutputRow", "PartRow", "QuantReport",
    "RangeReport", "RangeRow", "TexelRead",
]  # fmt: skip
