"""Reports: data, and the same as text, HTML and JSON."""
