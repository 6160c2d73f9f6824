"""The ladder on kinds of array."""

import dask.array as da
import numpy as np
import pytest
import scipy.sparse

import spanwise as sw
from spanwise import dispatch
from spanwise.errors import ArrayTypeError
from spanwise.testing import raise_if_computes, xp_assert_close


def test_arrays_are_accepted_as_they_are(xp):
    x = xp.asarray(np.ones((2, 3)))
    assert dispatch.accept(x, function="f") is x


@pytest.mark.parametrize("x", [[1, 2], (1.0, 2.0), 3, 2.5, 1j, range(3), [[1], [2]], True])
def test_lists_and_scalars_become_numpy_arrays(x):
    got = dispatch.accept(x, function="f")
    assert type(got) is np.ndarray
    np.testing.assert_array_equal(got, np.asarray(x))


@pytest.mark.parametrize("x", ["text", None, object(), [None], {"a": 1}, np.array("2000", "M8")])
def test_what_holds_no_numbers_is_refused_by_its_name(x):
    with pytest.raises(ArrayTypeError, match="weights has dtype"):
        dispatch.accept(x, function="f", name="weights")


@pytest.mark.parametrize(
    "x", [[da.ones(2)], (1, [da.ones(2)]), da.ones(2).to_delayed()[0]], ids=str
)
def test_lazy_values_are_not_computed_in_silence(x):
    with raise_if_computes(), pytest.raises(ArrayTypeError, match="Dask"):
        dispatch.accept(x, function="f")


def test_sparse_chunks_are_refused():
    x = da.from_array(np.eye(4), chunks=2).map_blocks(
        scipy.sparse.csr_array, meta=scipy.sparse.csr_array((0, 0)), dtype=float
    )
    with raise_if_computes(), pytest.raises(ArrayTypeError, match="sparse chunks"):
        dispatch.accept(x, function="f")


def test_labelled_data_are_told_the_accessor_or_the_function():
    import xarray as xr

    x = xr.DataArray(np.ones(3), dims="t")
    with pytest.raises(ArrayTypeError, match=r"call x\.spanwise\.cluster\.kmeans\(dim=\.\.\.\)"):
        dispatch.accept(x, function="f", accessor="spanwise.cluster.kmeans")
    with pytest.raises(ArrayTypeError, match=r"call obs\.spanwise\.f\(dim=\.\.\.\)"):
        dispatch.accept(x, function="f", name="obs")
    with pytest.raises(ArrayTypeError, match=r"obs\.data to lose the labels"):
        dispatch.accept(x.to_dataset(name="a"), function="f", name="obs")


def test_each_kind_takes_its_own_branch(xp):
    x = xp.asarray(np.ones((2, 3)))
    branch = dispatch.apply(x, concrete=lambda _: "concrete", chunked=lambda _: "chunked")
    assert branch == dispatch.kind_of(x) == ("chunked" if xp.is_lazy else "concrete")


def test_numpy_parameters_follow_the_data(xp):
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [9.0, 9.0]])
    book = np.array([[0.0, 0.0], [9.0, 9.0]])
    codes, distances = sw.cluster.vq.vq(xp.asarray(rows), book)
    assert xp.to_numpy(codes).tolist() == [0, 0, 1]
    xp_assert_close(distances, xp.asarray(np.array([0.0, 1.0, 0.0])))
    weighted = sw.cluster.KMeans(2, init=book).fit(xp.asarray(rows), sample_weight=[1, 3, 1])
    xp_assert_close(weighted.cluster_centers_, xp.concrete_array([[0.75, 0.0], [9.0, 9.0]]))
