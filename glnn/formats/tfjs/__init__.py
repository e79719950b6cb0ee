"""TensorFlow.js' files."""
