"""Keras' files: HDF5, archives, JSON with HDF5, Keras.js."""

from . import archive, hdf5, json_hdf5, kerasjs, kerasjs_bin, objects

__all__ = ["archive", "hdf5", "json_hdf5", "kerasjs", "kerasjs_bin", "objects"]
