"""What every layer makes of given inputs, and what time it takes."""
