"""A plan's run followed draw by draw, down to one value and the lines of its kernel."""
