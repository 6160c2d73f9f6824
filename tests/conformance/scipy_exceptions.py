"""What SciPy's own tests of ``scipy.fft`` are told when they run on our functions.

Ids are those that pytest prints, without the folder; patterns are those of `fnmatch`, in which
``[[]`` is a bracket.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Entry(NamedTuple):
    """Tests that do not pass, and why a user would accept it."""

    run: Literal["dask", "numpy"]
    """Dask arrays through the backend, or our functions on NumPy arrays."""
    what: Literal["xfail", "skip"]
    """``xfail``: must fail, so that one that passes is noticed. ``skip``: does not test ours."""
    test: str
    """Pattern of the tests' ids."""
    reason: str


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
)
"""Bytes of a chunk for arrays so large that 128 bytes would make thousands of chunks."""
