"""Keras' files: HDF5, archives, JSON with HDF5, Keras.js."""
