"""Models at a URL: fetched into a cache on disk, and read from there as any other file."""

from .cache import Cache
from .origin import Origin, is_url

__all__ = ["Cache", "Origin", "is_url"]
