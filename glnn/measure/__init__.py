"""A model on samples: compared, looked into, quantized. Rooms import one way (.importlinter)."""
