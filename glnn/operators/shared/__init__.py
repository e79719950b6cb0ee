"""What operators of several vocabularies compute, said once in primitives."""
