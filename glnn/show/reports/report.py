"""What every report offers, and values as plain data for JSON."""

from __future__ import annotations

import json
import math
from typing import Any

from .. import html


class Report:
    """What every report offers, from its dict, its text and its HTML."""

    def __repr__(self) -> str:
        return str(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; infinite numbers as "inf", "-inf", "nan", what was not measured as None."""
        raise NotImplementedError

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)

    def _repr_html_(self) -> str:
        raise NotImplementedError

    def to_html(self) -> str:
        """The report as an HTML page that needs no other file."""
        return html.page("glnn report", self._repr_html_())


def plain(value: Any) -> Any:
    """A value as JSON has it: infinite numbers and NaN as their names."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
