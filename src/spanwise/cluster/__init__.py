"""Clustering of rows in memory or chunked: `vq`, `KMeans`, and the way to hierarchies."""

from __future__ import annotations

from . import hierarchy as hierarchy
from . import vq as vq
from .kmeans import KMeans as KMeans

__all__ = ["KMeans", "hierarchy", "vq"]
