"""Models at a URL: fetched into a cache on disk, and read from there as any other file."""
