"""All workloads, by name."""

from __future__ import annotations

from . import clustering, fourier
from .workload import Workload

WORKLOADS: dict[str, Workload] = {w.name: w for w in (*fourier.WORKLOADS, *clustering.WORKLOADS)}
