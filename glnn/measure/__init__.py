"""A model on samples: ranges, drift, the cheapest codecs."""
