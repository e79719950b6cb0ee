"""What a person looks at: tables, summaries, reports, progress."""

from .reports import LayerRow, OutputRow, QuantReport, RangeReport, RangeRow

__all__ = ["LayerRow", "OutputRow", "QuantReport", "RangeReport", "RangeRow"]
