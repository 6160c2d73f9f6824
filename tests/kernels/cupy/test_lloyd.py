"""The kernels of k-means in CUDA C++, run as C++: to the last bit what NumPy gives."""

import numpy as np
import pytest
from hypothesis import settings

from spanwise.kernels import lloyd as kernels
from spanwise.kernels.cupy.lloyd import CuPyEngine
from spanwise.kernels.exact import grid_of
from spanwise.kernels.lloyd import Books

FEW = settings(max_examples=25, deadline=None)


@pytest.fixture
def on_device(host_device, monkeypatch):
    """Runs a kernel with the engine of CuPy; all else of it is what runs on a card."""

    def run(kernel, *args, **params):
        with monkeypatch.context() as patch:
            patch.setattr(kernels, "_engine", lambda x, books: CuPyEngine(host_device))
            return kernel(*args, **params)

    run.launches = host_device.launches
    run.launches.clear()
    return run


def books_of(x, *centers, weight=None, fine=None):
    """Books of centres about a point near the mean, with a grid for sums of finite rows."""
    dtype = np.float32 if x.dtype == np.float32 else np.float64
    finite = np.where(np.isfinite(x), x, 0).astype(float)
    shift = finite.mean(axis=0).astype(dtype)
    largest = np.abs(finite - shift).max(axis=0, initial=0)
    grid = grid_of(largest, len(x), weight, fine=dtype == np.float64 if fine is None else fine)
    return Books(shift, tuple(np.asarray(c, float) - shift for c in centers), grid)


def assert_same(got, want):
    """Of two passes: integers, bins, far rows and draws are equal, and no other ones."""
    for a, b in zip(got.runs, want.runs, strict=True):
        np.testing.assert_array_equal(a.totals, b.totals)
        np.testing.assert_array_equal(a.masses, b.masses)
        for name in ("squared", "distance"):
            np.testing.assert_array_equal(getattr(a, name).value, getattr(b, name).value)
        for name in ("distances", "index", "rows", "labels", "weights"):
            np.testing.assert_array_equal(getattr(a.far, name), getattr(b.far, name))
        np.testing.assert_array_equal(a.draws.rows, b.draws.rows)


SHAPES = [
    (1, 1, 1),
    (700, 1, 3),
    (257, 3, 40),
    (130, 16, 64),
    (129, 17, 65),
    (64, 20, 33),
    (5, 100, 9),
    (300, 2, 17),
    (3, 2, 130),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("weighted", [False, True])
def test_labels_and_sums_are_those_of_the_host(on_device, shape, dtype, weighted):
    n, d, k = shape
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((n, d)) + 3).astype(dtype)
    centers = rng.standard_normal((k, d)) + 3
    weight = rng.random(n) * (rng.random(n) < 0.8) if weighted else None
    books = books_of(x, centers, weight=1.0 if weighted else None)
    how = {"measure": "both", "farthest": True}
    got = on_device(kernels.lloyd, x, weight, 5, books, **how)
    assert_same(got, kernels.lloyd(x, weight, 5, books, **how))
    labels, distances = on_device(kernels.assign, x, books)
    want_labels, want_distances = kernels.assign(x, books)
    np.testing.assert_array_equal(labels, want_labels)
    np.testing.assert_array_equal(distances, want_distances)
    assert (labels.dtype, distances.dtype) == (want_labels.dtype, want_distances.dtype)
