"""Tests and benchmarks on a card, or as a dry run: ``python -m benchmarks.gpu``."""
