"""The option ``fft_kernel`` counts for composite operations as well."""

import sys

import dask.array as da
import numpy as np
import pytest

import spanwise as sw
from spanwise.kernels import engines

CODE = """
from spanwise.kernels.numpy import fft_scipy
kinds = []
def transform(x, /, *, kind, **params):
    kinds.append(kind)
    return fft_scipy.transform(x, kind=kind, **params)
"""


@pytest.fixture
def mine(monkeypatch, tmp_path):
    """A registered kernel; the kinds that it was asked for."""
    monkeypatch.setattr(engines, "_ENGINES", dict(engines._ENGINES))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "kernel_of_a_test.py").write_text(CODE)
    sw.fft.register_kernel("mine", "kernel_of_a_test:transform")
    yield sys.modules["kernel_of_a_test"].kinds
    del sys.modules["kernel_of_a_test"]


OPERATIONS = {
    "filter": lambda x: sw.signal.filter_frequencies(x, lambda f: f < 0.1, axes=1),
    "power": lambda x: sw.signal.power_spectrum(x, axes=1),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("chunks", [None, (3, 8), (3, 4)])
def test_the_kernel_that_was_chosen_transforms(name, chunks, mine):
    operation = OPERATIONS[name]
    x = np.random.default_rng(0).standard_normal((6, 8))
    want = operation(x)
    assert mine == []
    with sw.set_options(fft_kernel="mine"):
        got = np.asarray(operation(x if chunks is None else da.from_array(x, chunks=chunks)))
    np.testing.assert_allclose(got, want, atol=1e-12)
    assert mine
