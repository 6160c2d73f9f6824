"""What SciPy's own tests are told when they run on our functions.

Ids are those that pytest prints, without the folder; patterns are those of `fnmatch`, in which
``[[]`` is a bracket.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import scipy
from packaging.version import Version


class Entry(NamedTuple):
    """Tests that do not pass, and why a user would accept it."""

    run: Literal["dask", "numpy", "vq-dask", "vq-numpy", "vq-torch"]
    """Dask arrays through the backend, our functions on NumPy arrays; ``scipy.cluster.vq``."""
    what: Literal["xfail", "skip"]
    """``xfail``: must fail, so that one that passes is noticed. ``skip``: does not test ours."""
    test: str
    """Pattern of the tests' ids."""
    reason: str


VQ_RUNS: tuple[Literal["vq-dask", "vq-numpy", "vq-torch"], ...] = (
    "vq-dask",
    "vq-numpy",
    "vq-torch",
)

EXCEPTIONS = (
    Entry(
        "dask",
        "xfail",
        "test_basic.py::test_non_standard_params[[]dask.array-*",
        "SciPy refuses workers= for arrays other than NumPy's; ours takes it without effect, so "
        "that code which passes it for NumPy arrays runs on Dask arrays as it is",
    ),
    Entry(
        "numpy",
        "skip",
        "test_backend.py::test_backend_call[[]*",
        "tests which backend scipy.fft asks; ours stand where SciPy would ask",
    ),
    Entry(
        "numpy",
        "skip",
        "test_backend.py::test_backend_plan[[]*",
        "tests which backend scipy.fft asks; ours stand where SciPy would ask",
    ),
    *(
        Entry(
            run,
            "xfail",
            "test_vq.py::TestVq::test_vq_large_nfeat[[]*",
            "asks py_vq for distances in double precision whatever the data are; ours gives them "
            "in the precision of the data, as SciPy's vq does",
        )
        for run in VQ_RUNS
        if Version(scipy.__version__) < Version("1.18")  # which asks a private function for them
    ),
    *(
        Entry(
            run,
            "skip",
            "test_vq.py::TestKMeans::test_krandinit[[]*",
            "tests a private function of SciPy's, which no function of ours calls",
        )
        for run in VQ_RUNS
    ),
)

LIFTED = (
    "test_basic.py::TestFFT::test_identity_extensive[[]dask.array]",
    "test_basic.py::TestFFT::test_fft_n[[]dask.array]",
)
"""Tests that SciPy skips for Dask and that run here. The others it skips make no Dask array."""

CHUNK_SIZES = (
    ("test_basic.py::TestFFTThreadSafe::*", "100kiB"),
    ("test_basic.py::TestFFT::test_*fftn[[]dask.array]", "2kiB"),
    ("test_basic.py::TestFFT::test_axes_*[[]dask.array-*", "2kiB"),
    ("test_basic.py::TestFFT::test_identity_extensive[[]dask.array]", "1kiB"),
    ("test_vq.py::TestWhiten::*", "32B"),
    ("test_vq.py::TestKMeans::test_large_features[[]*", "16kiB"),
    ("test_vq.py::TestKMeans::test_kmeans2_kpp_high_dim[[]*", "1kiB"),
    # Dask does not reshape these 200 rows of 2 to 20 rows of 20 if they are cut.
    ("test_vq.py::TestKMeans::test_kmeans2_high_dim[[]*", "4kiB"),
)
"""Bytes of a chunk where 128 would make thousands of chunks, or one."""
