"""glnn's own file (docs/format.md)."""
