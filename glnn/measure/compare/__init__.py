"""A graph against a reference, layer by layer, and the guilty layer as a test and a page."""
