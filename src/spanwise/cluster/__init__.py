"""Clustering of rows in memory or chunked: `KMeans`, `kmeans_sweep`, `vq`; ways to hierarchies."""

from __future__ import annotations

from . import hierarchy as hierarchy
from . import vq as vq
from .kmeans import KMeans as KMeans
from .kmeans import fit_plan as fit_plan
from .sweep import KMeansSweep as KMeansSweep
from .sweep import kmeans_sweep as kmeans_sweep

__all__ = ["KMeans", "KMeansSweep", "fit_plan", "hierarchy", "kmeans_sweep", "vq"]
