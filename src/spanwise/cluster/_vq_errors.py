"""The error of SciPy's name, apart: SciPy's module takes longer to import than all of ours."""

from __future__ import annotations

from scipy.cluster.vq import ClusterError as SciPyClusterError

from ..errors import SpanwiseError


class ClusterError(SpanwiseError, SciPyClusterError):
    """A cluster without observations; ``except scipy.cluster.vq.ClusterError`` catches it."""
