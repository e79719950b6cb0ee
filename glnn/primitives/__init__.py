"""The primitive operations that layers are built of."""
