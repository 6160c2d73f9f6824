"""Workloads, each defined once, timed against named peers: ``python -m benchmarks``."""
