"""What operators of several vocabularies share, each a function of a Say."""
