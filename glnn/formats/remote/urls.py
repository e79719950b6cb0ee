"""What a URL of a model looks like."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from ...errors import ModelFileError

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
CUT = re.compile(r"https?:/[^/]")  # what pathlib makes of a URL


def is_url(value: Any) -> bool:
    """Whether what should be a path is a URL. Raises ModelFileError for one that is none of HTTP, or that Path cut."""
    text = str(value)
    if CUT.match(text):
        raise ModelFileError(f"{text}: a URL must be given as text (str); in a {type(value).__name__} it lost a slash")
    found = SCHEME.match(text)
    if found is None:
        return False
    if found[1].lower() not in ("http", "https"):
        raise ModelFileError(f"{text}: URLs of http and https are read, not of {found[1]}")
    try:
        named = urlsplit(text).username is not None
    except ValueError as error:
        raise ModelFileError(f"{text}: this is no URL ({error})") from error
    if named:
        raise ModelFileError("a URL with a user's name in it is not read. Download the file yourself, and load that")
    return True
