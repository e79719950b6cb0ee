"""The kernel language: a text is parsed, its tree rewritten by passes, and printed."""
