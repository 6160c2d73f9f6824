import dask
import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.labels.matrix import as_columns, as_matrix, missing_features
from spanwise.testing import CountingSource, raise_if_computes
from spanwise.testing.strategies import chunkings

SHAPE = (4, 3, 5, 2)


def array(shape=SHAPE):
    return np.arange(np.prod(shape), dtype=float).reshape(shape)


@given(data=st.data(), sample_axes=st.integers(1, 3), wide=st.booleans())
def test_a_matrix_gives_back_the_samples_and_features_it_was_made_of(data, sample_axes, wide):
    x = array()
    chunked = da.from_array(x, chunks=data.draw(chunkings(SHAPE)))
    make = as_columns if wide else as_matrix
    matrix = make(chunked, sample_axes)
    with dask.config.set(scheduler="sync"):
        rows = matrix.rows.compute()
        flat = x.reshape(np.prod(SHAPE[:sample_axes]), -1)
        np.testing.assert_array_equal(matrix.on_features(rows).reshape(flat.shape), flat)
        np.testing.assert_array_equal(matrix.of_features(x.reshape(-1, *SHAPE[sample_axes:])), rows)
        first = matrix.on_samples(matrix.rows.sum(axis=1))
        np.testing.assert_allclose(first, x.sum(axis=tuple(range(sample_axes, 4))))


@pytest.mark.parametrize("chunked", [False, True])
def test_weights_are_broadcast_over_samples_without_a_copy_of_them_all(chunked):
    x = array((6, 4, 2))
    matrix = as_matrix(da.from_array(x, chunks=(2, 4, 2)) if chunked else x, 2)
    beside = np.arange(4.0)[None, :]
    with raise_if_computes():
        out = matrix.of_samples(beside)
    assert out.shape == (24,)
    np.testing.assert_array_equal(out, np.tile(np.arange(4.0), 6))
    if chunked:
        assert out.chunks == matrix.rows.chunks[:1]
        lazy = matrix.of_samples(da.from_array(np.arange(6.0)[:, None], chunks=4))
        np.testing.assert_array_equal(lazy, np.repeat(np.arange(6.0), 4))


def test_over_the_budget_a_kept_matrix_is_written_once_and_says_so(tmp_path):
    source = CountingSource(array((12, 40, 50)), chunks=(2, 40, 50))
    x = source.array.transpose(1, 2, 0)
    options = {"memory": "128KiB", "temporary_store": str(tmp_path)}
    with sw.set_options(**options), dask.config.set(scheduler="threads", num_workers=1):
        matrix = as_matrix(x, 2, kept=True)
        assert source.passes == 1
        assert list(tmp_path.iterdir())
        for _ in range(2):
            np.testing.assert_array_equal(matrix.rows, array((12, 2000)).T)
        seen = sw.explain(matrix.rows)
    assert source.passes == 1
    assert "read from the temporary store" in str(seen)
    del matrix, seen
    assert not list(tmp_path.iterdir())


def test_columns_without_any_value_are_found():
    x = array((6, 4))
    x[:, 1] = np.nan
    x[0, 2] = np.nan
    for data in (x, da.from_array(x, chunks=(2, 3)), da.from_array(x, chunks=(6, 1))):
        found = missing_features(as_matrix(data, 1), operation="kmeans-missing")
        np.testing.assert_array_equal(found, [False, True, False, False])
    x[:, 1] = 0
    assert missing_features(as_matrix(x, 1), operation="kmeans-missing") is None
