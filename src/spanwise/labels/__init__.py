"""Floor 6: what becomes of dimensions, coordinates, units, attributes and names."""
