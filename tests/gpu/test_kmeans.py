"""The kernels of k-means on a card: to the last bit what the host gives."""

import functools
import gc

import numpy as np
import pytest

import spanwise as sw
from spanwise.kernels.cupy.launch import CurrentDevice
from spanwise.kernels.lloyd import assign, lloyd, nearest
from spanwise.kernels.transfer import counted_transfers
from spanwise.schedulers.devices import cuda_devices
from spanwise.testing.lloyd import assert_same_pass, books_of

found = cuda_devices()
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(isinstance(found, str), reason=f"no GPU: {found}"),
]
GIB = 2**30


def assert_same(there, x, books, weight=None, **how):
    """Sums, labels and distances of rows on the card are those of the host."""
    with np.errstate(all="ignore"):
        assert_same_pass(*(lloyd(a, weight, 3, books, **how) for a in (there, x)))
        results, expected = (assign(a, books, missing="ignore") for a in (there, x))
    for ours, theirs in zip(results, expected, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(sw.to_host(ours), theirs)


SHAPES = [
    (1, 1, 1),
    (5000, 1, 3),
    (100_000, 3, 40),
    (300_000, 16, 64),
    (20_001, 17, 65),
    (20_000, 20, 33),
    (3000, 100, 9),
    (20_000, 128, 1024),
    (3000, 1000, 30),
    (3000, 2, 5000),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("weighted", [False, True])
def test_labels_and_sums_are_those_of_the_host(cupy, shape, dtype, weighted):
    n, d, k = shape
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((n, d)) + 3).astype(dtype)
    weight = rng.random(n) * (rng.random(n) < 0.8) if weighted else None
    books = books_of(x, rng.standard_normal((k, d)) + 3, weight=1.0 if weighted else None)
    assert_same(cupy.asarray(x), x, books, weight, measure="both", farthest=True)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("scale", [1e-45, 1e-38, 1e-20, 1.0, 1e15, 1e19, 1e30, 1e37])
@pytest.mark.parametrize("offset", [0, 2**20])
def test_ties_and_extreme_numbers_are_settled_as_on_the_host(cupy, dtype, scale, offset):
    """Rows and centres are whole numbers of a scale; CuPy takes denormal numbers for 0."""
    rng = np.random.default_rng(1)
    x = (scale * (rng.integers(-2, 3, (20_000, 4)) + min(offset, 1e38 / scale))).astype(dtype)
    books = books_of(x, x[rng.integers(0, len(x), 70)])
    assert_same(cupy.asarray(x), x, books)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_lost_where_it_was_added(cupy, value):
    x = np.random.default_rng(2).standard_normal((5000, 4)).astype("f4")
    x[17, 2] = x[4000, 0] = value
    assert_same(cupy.asarray(x), x, books_of(x, np.nan_to_num(x[:6])))


def test_rows_that_hold_nan_are_left_out(cupy):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((50_000, 3)).astype("f4")
    x[::5, 1] = np.nan
    weight = rng.random(len(x))
    books = books_of(x, rng.standard_normal((4, 3)), [[9.0, 9, 9], [0, 0, 0]], weight=1.0)
    how = {"skipna": True, "measure": "both", "farthest": True}
    assert_same(cupy.asarray(x), x, books, weight, **how)
    assert_same(cupy.asarray(x), x, books, None, **how)


VIEWS = {
    "rows apart": lambda x: x[::3],
    "backwards": lambda x: x[::-1],
    "columns": lambda x: x[:, 3:9],
    "aligned columns": lambda x: x[:, 4:8],
    "offset": lambda x: x.reshape(-1)[1:36001].reshape(3000, 12),
    "columns apart": lambda x: x[:, ::2],
    "transposed": lambda x: x.T.copy().T,
    "half": lambda x: x.astype("f2"),
    "integers": lambda x: (9 * x).astype("i2"),
    "one column": lambda x: x[:, 5:6],
    "one row": lambda x: x[7:8],
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_and_other_types_are_taken_as_they_are(cupy, name):
    base = np.random.default_rng(4).standard_normal((3001, 12)).astype("f4")
    there, x = (VIEWS[name](a) for a in (cupy.asarray(base), base))
    books = books_of(x, np.random.default_rng(5).standard_normal((5, x.shape[1])))
    assert_same(there, x, books, measure="squared")


def test_a_block_of_more_than_2_to_the_31_numbers(cupy):
    """The same rows again and again: sums are as many times theirs."""
    free, _ = cupy.cuda.Device().mem_info
    if free < 20 * GIB:
        pytest.skip(f"needs 20 GiB of free device memory; {free / GIB:.0f} are")
    block = np.random.default_rng(6).standard_normal((2**20, 16)).astype("f4")
    times = 129
    books = books_of(block, block[:64], rows=times * len(block))
    x = cupy.tile(cupy.asarray(block), (times, 1))
    (want,) = lloyd(block, None, 0, books).runs
    (got,) = lloyd(x, None, 0, books).runs
    np.testing.assert_array_equal(got.totals, times * want.totals)
    np.testing.assert_array_equal(got.masses, times * want.masses)
    labels = nearest(x[-5000:], books)[0]
    np.testing.assert_array_equal(labels.get(), nearest(block[-5000:], books)[0])


def test_an_iteration_starts_three_kernels_and_copies_sums_once(cupy, monkeypatch):
    started = []
    launch = CurrentDevice.launch

    def watched(self, what):
        started.append(what.kernel)
        launch(self, what)

    monkeypatch.setattr(CurrentDevice, "launch", watched)
    x = np.random.default_rng(7).standard_normal((100_000, 16)).astype("f4")
    books = books_of(x, x[:64])
    there = cupy.asarray(x)
    with counted_transfers() as log:
        lloyd(there, None, 0, books)
    assert started == ["prepare", "nearest", "sums"]
    assert log.to_host.copies == 1
    assert log.to_host.bytes == 8 * (64 * 16 + 64 + 1)


def test_kernels_keep_their_numbers_in_registers(cupy, monkeypatch):
    """As CuPy compiles them for this card."""
    from spanwise.kernels.cupy import launch

    kept = []

    @functools.cache
    def compiled(*what):
        kept.append(cupy.RawKernel(launch.text_of(what[0]), what[1], launch.options_of(what[2])))
        return kept[-1]

    monkeypatch.setattr(launch, "_compiled", compiled)
    for d, k in ((16, 64), (128, 1024)):
        x = np.random.default_rng(8).standard_normal((1000, d)).astype("f4")
        lloyd(cupy.asarray(x), None, 0, books_of(x, x[:1].repeat(k, axis=0)))
    assert len(kept) >= 3
    assert all(kernel.local_size_bytes <= 16 for kernel in kept)


def test_a_fit_is_that_of_the_host(cupy):
    x = np.random.default_rng(9).standard_normal((60_000, 4)).astype("f4")
    want, got = (
        sw.cluster.KMeans(5, random_state=0, method="lloyd", max_iter=6).fit(a)
        for a in (x, cupy.asarray(x))
    )
    np.testing.assert_array_equal(got.cluster_centers_.get(), want.cluster_centers_)
    np.testing.assert_array_equal(got.labels_.get(), want.labels_)
    assert got.inertia_ == want.inertia_


def test_all_memory_comes_back(cupy):
    pool = cupy.get_default_memory_pool()
    x = cupy.asarray(np.random.default_rng(10).standard_normal((100_000, 8)))
    books = books_of(x.get(), x[:40].get())

    def once():
        lloyd(x, None, 0, books, measure="squared")
        gc.collect()
        return pool.used_bytes()

    once()
    assert once() == once()
