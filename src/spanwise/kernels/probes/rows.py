"""Probes of clustering: rows of features, and tables of few rows with many features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..exact import grid_of
from ..features import count_missing, weigh
from ..gram import cluster_sums, digits_of, gram, pilot_rows
from ..library import Array, namespace
from ..lloyd import Books, assign, distances, lloyd, nearest
from ..plusplus import plusplus_masses
from ..scatter import scatter
from ..survey import survey, whiten
from ..tally import tally
from .probe import FEATURES, FLOATS, Probe, bound

_CENTERS = 8
_FEW = 64
"""Rows of a table of many features."""


def probes() -> Iterator[Probe]:
    """Kernels of clustering."""
    centers = np.random.default_rng(1).standard_normal((_CENTERS, FEATURES))
    for dtype in FLOATS:
        shift = np.zeros(FEATURES, dtype)
        grid = grid_of(np.full(FEATURES, 8.0), 2**20, None, fine=dtype == "float64")
        books = Books(shift, (centers,), grid)
        runs = {
            "vq": bound(assign, books),
            "nearest": bound(nearest, books),
            "distances": bound(distances, books),
            "lloyd": bound(lloyd, None, 0, books, measure="squared"),
            "survey": bound(survey, None, 0, None, size=0, threshold=0, seed=0),
            "whiten": bound(whiten, 0, np.full(FEATURES, 2.0)),
            "weigh": bound(weigh, np.full(FEATURES, 2.0)),
            "missing": count_missing,
            "scatter": bound(scatter, None, 0, None, check=True, name="x"),
            "plusplus-masses": bound(plusplus_masses, None, 0, centers),
        }
        for kernel, run in runs.items():
            yield Probe(kernel, dtype, run, (FEATURES,))
        yield Probe("gram", dtype, _gram, (_FEW,))
        yield Probe("cluster-sums", dtype, _cluster_sums, (_FEW,))
    yield Probe("tally", "int32", bound(tally, None, 0, None, clusters=_CENTERS), (1,))


def _few_rows(x: Array) -> Array:
    return namespace(x).reshape(x, (_FEW, -1))


def _gram(x: Array) -> Any:
    digits = digits_of(x.dtype, x.shape[0])
    return gram(_few_rows(x), None, digits=digits, pilots=pilot_rows(None, _FEW))


def _cluster_sums(x: Array) -> Any:
    labels = np.arange(_FEW) % _CENTERS
    return cluster_sums(_few_rows(x), labels, None, clusters=_CENTERS)
