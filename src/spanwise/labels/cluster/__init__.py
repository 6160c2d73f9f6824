"""Clusters by dimension name."""

from ._kmeans import kmeans
from ._predict import predict, transform

__all__ = ["kmeans", "predict", "transform"]
