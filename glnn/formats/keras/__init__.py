"""Keras' files: HDF5, JSON with HDF5, Keras.js."""

from . import hdf5, json_hdf5, kerasjs, objects

__all__ = ["hdf5", "json_hdf5", "kerasjs", "objects"]
