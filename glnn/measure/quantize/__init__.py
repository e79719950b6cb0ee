"""Quantizing on samples: ranges, drift, the cheapest codecs."""
