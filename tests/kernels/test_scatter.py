import functools
import itertools

import numpy as np
import pytest
from hypothesis import given

from spanwise.errors import NonFiniteError
from spanwise.kernels.scatter import merge_scatters, scatter
from spanwise.testing.strategies import chunkings

scattered = functools.partial(scatter, check=True, name="data")


def rows(n=200, d=3, dtype=np.float64):
    mix = np.random.default_rng(1).standard_normal((d, d))
    return (5 + np.random.default_rng(0).standard_normal((n, d)) @ mix).astype(dtype)


@given(chunkings((200,), max_blocks=6, allow_empty=True))
def test_covariance_is_that_of_all_rows_whatever_the_chunks(chunks):
    x = rows()
    starts = np.cumsum([0, *chunks[0]])
    parts = [scattered(x[a:b], None, int(a), None) for a, b in itertools.pairwise(starts)]
    whole = merge_scatters(parts)
    assert whole.count == 200
    np.testing.assert_allclose(whole.mean, x.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(whole.covariance, np.cov(x.T), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_every_library_gives_numpys_covariance_on_the_host(xp, dtype):
    x = (10 * rows()).astype(dtype)
    found = scattered(xp.concrete_array(x), None, 0, None)
    assert type(found.products) is np.ndarray
    np.testing.assert_allclose(found.covariance, np.cov(x.astype(float).T), rtol=1e-12)


def test_blocks_of_many_features_and_rows_add_up():
    x = rows(3000, 90)
    np.testing.assert_allclose(
        scattered(x, None, 0, None).covariance, np.cov(x.T), rtol=1e-9, atol=1e-9
    )


def test_a_constant_has_no_variance_at_all_far_from_zero():
    found = scattered(np.full((200, 2), 1e8 + 0.1), None, 0, None)
    assert (found.products == 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_raises_only_if_checked(value):
    x = rows()
    x[100, 1] = value
    with pytest.raises(NonFiniteError, match="data holds"):
        scattered(x, None, 0, None)
    assert np.isnan(scattered(x, None, 0, None, check=False).covariance[1, 1])
