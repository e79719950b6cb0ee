"""A whole shader text as NumPy code: every variable an array over all invocations of a draw.

`printer.module` makes the Python of a text, `runtime` and `functions` are what that Python calls.
"""
