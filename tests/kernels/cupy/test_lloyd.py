"""The kernels of k-means in CUDA C++, run as C++: to the last bit what NumPy gives."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import spanwise as sw
from spanwise.kernels import lloyd as kernels
from spanwise.kernels.cupy import lloyd as cupy_lloyd
from spanwise.kernels.cupy import lloyd_plan
from spanwise.kernels.cupy.lloyd import CuPyEngine
from spanwise.kernels.exact import LOST
from spanwise.kernels.lloyd import Rates
from spanwise.testing.lloyd import assert_same_pass, books_of

DRAWN = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def on_device(host_device, monkeypatch):
    """Calls a function with CuPy's engine for k-means; all else of it is what runs on a card."""

    def run(function, *args, **params):
        with monkeypatch.context() as patch:
            patch.setattr(kernels, "_engine", lambda x, books: CuPyEngine(host_device))
            return function(*args, **params)

    run.launches = host_device.launches
    run.launches.clear()
    return run


def assert_same(on_device, x, books, weight=None, **how):
    """Sums, labels and distances are the host's."""
    with np.errstate(all="ignore"):
        got = on_device(kernels.lloyd, x, weight, 7, books, **how)
        assert_same_pass(got, kernels.lloyd(x, weight, 7, books, **how))
        results = on_device(kernels.assign, x, books, missing="ignore")
        expected = kernels.assign(x, books, missing="ignore")
    for ours, theirs in zip(results, expected, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    return got


SHAPES = [
    (1, 1, 1),
    (700, 1, 3),  # more tiles of rows than blocks of threads
    (257, 3, 40),
    (130, 16, 64),
    (129, 17, 65),
    (64, 20, 33),
    (5, 100, 9),
    (3, 2, 130),
    (200, 32, 257),
    (140, 4, 128),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("weighted", [False, True])
def test_labels_and_sums_are_those_of_the_host(on_device, shape, dtype, weighted):
    n, d, k = shape
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((n, d)) + 3).astype(dtype)
    weight = rng.random(n) * (rng.random(n) < 0.8) if weighted else None
    books = books_of(x, rng.standard_normal((k, d)) + 3, weight=1.0 if weighted else None)
    assert_same(on_device, x, books, weight, measure="both", farthest=True)


@DRAWN
@given(data=st.data())
def test_ties_and_copies_are_settled_as_on_the_host(on_device, data):
    """Rows and centres are whole numbers, so that many are equally near."""
    n, d = data.draw(st.integers(1, 150)), data.draw(st.sampled_from([1, 2, 4, 8]))
    k = data.draw(st.integers(1, 70))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    scale = data.draw(st.sampled_from([1.0, 2.0**60, 2.0**-60, 1e-20, 3e18]))
    offset = data.draw(st.sampled_from([0, 1000, 2**20]))
    dtype = data.draw(st.sampled_from(["f4", "f8"]))
    x = (scale * (offset + rng.integers(-2, 3, (n, d)))).astype(dtype)
    centers = scale * (offset + rng.integers(-4, 5, (k, d)) / 2)
    books = books_of(x, centers)
    assert_same(on_device, x, books)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("weighted", [False, True])
def test_what_is_no_number_is_lost_where_it_was_added(on_device, value, dtype, weighted):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((200, 4)).astype(dtype)
    x[17, 2] = x[150, 0] = value
    weight = np.where(np.arange(200) == 150, 0.0, 0.5) if weighted else None
    books = books_of(x, rng.standard_normal((6, 4)), weight=1.0 if weighted else None)
    got = assert_same(on_device, x, books, weight).runs[0]
    assert (got.totals[:, :, 2] == LOST).any()
    assert (got.totals[:, :, 0] == LOST).any() == (not weighted)
    assert not (got.totals[:, :, [1, 3]] == LOST).any()


def test_weights_that_are_no_number_are_lost(on_device):
    x = np.ones((40, 2), "f4")
    weight = np.where(np.arange(40) == 3, np.nan, 1.0)
    books = books_of(x, [[0.0, 0.0], [9.0, 9.0]], weight=1.0)
    got = on_device(kernels.lloyd, x, weight, 0, books).runs[0]
    np.testing.assert_array_equal(got.masses, [[LOST, 0], [LOST, 0]])


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_that_hold_nan_are_left_out(on_device, dtype, weighted):
    rng = np.random.default_rng(2)
    x = rng.standard_normal((300, 3)).astype(dtype)
    x[::5, 1] = np.nan
    weight = rng.random(300) if weighted else None
    kept = None if weight is None else weight.copy()
    books = books_of(x, rng.standard_normal((4, 3)), [[9.0, 9, 9], [0, 0, 0]], weight=1.0)
    assert_same(on_device, x, books, weight, skipna=True, measure="both", farthest=True)
    if weighted:
        np.testing.assert_array_equal(weight, kept)
    labels = on_device(kernels.nearest, x, books, missing="skip")[0]
    np.testing.assert_array_equal(labels, kernels.nearest(x, books, missing="skip")[0])


@pytest.mark.parametrize("scale", [1e-45, 1e-38, 1e-20, 1e15, 1e19, 1e30, 1e38])
def test_scores_beyond_single_precision_do_not_decide(on_device, scale):
    """Squares of such numbers are 0 or infinite."""
    rng = np.random.default_rng(3)
    with np.errstate(over="ignore"):
        x = (scale * rng.standard_normal((200, 3)).clip(-3, 3)).astype("f4")
    x = np.where(np.isfinite(x), x, 0).astype("f4")
    books = books_of(x, x[:9].astype(float))
    labels = on_device(kernels.nearest, x, books)[0]
    exact = x.astype(float) - books.shift.astype(float)
    squared = sum((exact[:, [f]] - books.centers[0][:, f]) ** 2 for f in range(3))
    np.testing.assert_array_equal(labels, squared.argmin(axis=1))


@pytest.mark.parametrize(("offset", "scale"), [(5e6, 1e3), (101325.0, 500.0), (280.0, 0.01)])
def test_rows_far_from_zero_are_labelled_as_on_the_host(on_device, offset, scale):
    x = (offset + scale * np.random.default_rng(4).standard_normal((500, 4))).astype("f4")
    assert_same(on_device, x, books_of(x, x[:20]), measure="squared")


def views():
    base = np.random.default_rng(5).standard_normal((301, 12)).astype("f4")
    odd = np.empty(301 * 12 * 4 + 1, "u1")[1:].view("f4").reshape(301, 12)
    odd[...] = base
    return {
        "rows apart": base[::3],
        "backwards": base[::-1],
        "columns": base[:, 3:9],
        "aligned columns": base[:, 4:8],
        "offset": base.reshape(-1)[1:3601].reshape(300, 12),
        "columns apart": base[:, ::2],
        "transposed": np.asfortranarray(base),
        "one row again and again": np.broadcast_to(base[0], (50, 12)),
        "bytes apart": odd,
        "half": base.astype("f2"),
        "integers": (9 * base).astype("i2"),
        "one column": base[:, 5:6],
        "one row": base[7:8],
        "no rows": base[:0],
        "other byte order": base.astype(">f4"),
    }


@pytest.mark.parametrize("name", views())
def test_views_and_other_types_are_taken_as_they_are(on_device, name):
    x = views()[name]
    centers = np.random.default_rng(6).standard_normal((5, x.shape[1]))
    assert_same(on_device, x, books_of(x, centers), measure="squared")


def test_rows_more_than_2_to_the_31_numbers_apart(on_device, tmp_path):
    """Their addresses need 64 bits: a file of 24 GiB, of which six pages are written."""
    try:
        memory = np.memmap(tmp_path / "far", "f4", mode="w+", shape=(6, 2**30 + 4))
    except OSError as error:
        pytest.skip(f"no such file: {error}")
    far = np.asarray(memory)[:, :4]
    far[...] = np.random.default_rng(7).standard_normal((6, 4))
    x = far.copy()
    books = books_of(x, x[:3])
    got = on_device(kernels.lloyd, far, None, 0, books, measure="squared")
    assert_same_pass(got, kernels.lloyd(x, None, 0, books, measure="squared"))
    labels = on_device(kernels.nearest, far, books)[0]
    np.testing.assert_array_equal(labels, kernels.nearest(x, books)[0])


@pytest.mark.parametrize("limit", ["_ROWS", "_COPY_BYTES"])
def test_blocks_of_any_length_give_the_same(on_device, monkeypatch, limit):
    monkeypatch.setattr(cupy_lloyd, limit, 64)
    x = np.asfortranarray(np.random.default_rng(8).standard_normal((150, 3)))
    weight = np.random.default_rng(9).random(150)
    books = books_of(x, x[:5], weight=1.0)
    assert_same(on_device, x, books, weight, measure="squared", skipna=True, farthest=True)


def test_several_sets_of_centres_share_the_rows(on_device):
    x = np.random.default_rng(10).standard_normal((200, 4)).astype("f4")
    assert_same(on_device, x, books_of(x, x[:3], x[:70], x[:1]), measure="squared")


@pytest.mark.parametrize("k", [8, 9, 70])
def test_more_labels_than_are_sorted_are_added_one_by_one(on_device, monkeypatch, k):
    monkeypatch.setattr(lloyd_plan, "_MOST_SORTED", 8)
    rng = np.random.default_rng(11)
    x = rng.standard_normal((300, 4)).astype("f4")
    assert_same(on_device, x, books_of(x, rng.standard_normal((k, 4))))


def test_rows_of_one_label_are_added_in_several_slabs(on_device):
    x = np.random.default_rng(12).standard_normal((5000, 1)).astype("f4")
    for k in (1, 2):
        centers = np.where(np.arange(k) == 0, 0.0, 1e6)[:, None]
        assert_same(on_device, x, books_of(x, centers), measure="squared")


def test_rows_with_many_features_have_several_tiles(on_device):
    for dtype, d in (("f4", 1000), ("f4", 39), ("f8", 70)):
        x = np.random.default_rng(13).standard_normal((20, d)).astype(dtype)
        assert_same(on_device, x, books_of(x, x[:3] + 0.1))


def test_rows_are_drawn_as_on_the_host(on_device):
    x = np.random.default_rng(14).standard_normal((400, 4)).astype("f4")
    books = books_of(x, x[:6])
    rates = Rates(3, (0.02,), (np.full(6, 0.05),))
    got = assert_same(on_device, x, books, measure="squared", rates=rates)
    assert 0 < len(got.runs[0].draws.rows) < 400


def test_a_fit_is_that_of_the_host(on_device):
    x = np.random.default_rng(15).standard_normal((600, 4)).astype("f4")

    def fit(x):
        return sw.cluster.KMeans(5, random_state=0, method="lloyd", max_iter=6).fit(x)

    got, want = on_device(fit, x), fit(x)
    np.testing.assert_array_equal(got.cluster_centers_, want.cluster_centers_)
    assert got.inertia_ == want.inertia_


def test_an_iteration_starts_three_kernels(on_device):
    x = np.random.default_rng(16).standard_normal((500, 16)).astype("f4")
    books = books_of(x, x[:64])
    on_device(kernels.lloyd, x, None, 0, books)
    assert [launch.kernel for launch in on_device.launches] == ["prepare", "nearest", "sums"]
    on_device.launches.clear()
    on_device(kernels.nearest, x, replace(books, grid=None))
    assert [launch.kernel for launch in on_device.launches] == ["prepare", "nearest"]
