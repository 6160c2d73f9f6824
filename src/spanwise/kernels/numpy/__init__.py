"""Implementations for NumPy blocks that are too long to stand beside the generic ones."""
