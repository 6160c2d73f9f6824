"""Implementations for CuPy blocks; imported when the first such block arrives."""
