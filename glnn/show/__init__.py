"""What a person looks at: tables, summaries, reports, progress."""

from .field import FieldReport, FieldRow, FieldSample
from .reports import LayerRow, OutputRow, QuantReport, RangeReport, RangeRow

__all__ = ["FieldReport", "FieldRow", "FieldSample", "LayerRow", "OutputRow", "QuantReport", "RangeReport", "RangeRow"]
