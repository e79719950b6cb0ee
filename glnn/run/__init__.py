"""Plans on a device: arrays in, draws, arrays out."""
