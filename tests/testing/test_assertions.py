import dask.array as da
import numpy as np
import pytest

from spanwise.testing import HostFree, xp_assert_close, xp_assert_equal, xp_assert_less

VALUES = np.asarray([[1.0, -2.0, 3.0], [4.0, 5.0, 1e-20]])


def test_equal_arrays_pass_in_every_container(xp):
    x = xp.asarray(VALUES)
    xp_assert_equal(x, xp.asarray(VALUES))
    xp_assert_close(x, xp.asarray(VALUES + 1e-13))
    xp_assert_less(x, xp.asarray(VALUES + 1))


def test_unequal_values_fail_in_every_container(xp):
    x = xp.asarray(VALUES)
    with pytest.raises(AssertionError):
        xp_assert_equal(x, xp.asarray(VALUES + 1))
    with pytest.raises(AssertionError):
        xp_assert_close(x, xp.asarray(VALUES + 1e-10))
    with pytest.raises(AssertionError):
        xp_assert_less(x, xp.asarray(VALUES))


def test_another_dtype_fails(xp):
    x, y = xp.asarray(VALUES, dtype="float32"), xp.asarray(VALUES)
    for check in (xp_assert_close, xp_assert_equal):
        with pytest.raises(AssertionError, match="dtypes differ: actual has float32"):
            check(x, y)
    xp_assert_close(x, y, rtol=1e-6, check_dtype=False)


def test_another_shape_fails(xp):
    x, y = xp.asarray(np.ones((2, 1))), xp.asarray(np.ones((1, 2)))
    with pytest.raises(AssertionError, match="shapes differ"):
        xp_assert_equal(x, y)


def test_another_container_fails_unless_only_values_matter(xp):
    other = HostFree.copy_from_host(VALUES) if xp.name != "hostfree" else VALUES
    with pytest.raises(AssertionError, match="containers differ"):
        xp_assert_equal(xp.asarray(VALUES), other)
    xp_assert_equal(xp.asarray(VALUES), other, check_namespace=False)


def test_a_dask_array_is_not_what_its_chunks_are():
    with pytest.raises(AssertionError, match="dask of numpy, desired is numpy"):
        xp_assert_equal(da.from_array(VALUES), VALUES)


def test_a_meta_that_names_another_library_fails():
    lies = da.from_array(VALUES, chunks=2).map_blocks(
        HostFree.copy_from_host, meta=np.empty((0, 0))
    )
    with pytest.raises(AssertionError, match=r"declares chunks of numpy .* of hostfree"):
        xp_assert_equal(lies, da.from_array(HostFree.copy_from_host(VALUES), asarray=False))


def test_a_declared_dtype_or_shape_that_is_wrong_fails():
    source = da.from_array(VALUES, chunks=2)
    with pytest.raises(AssertionError, match="declares dtype float32"):
        xp_assert_close(source.map_blocks(abs, meta=np.empty((0, 0), "f4")), source)
    half = source.map_blocks(lambda b: b[:1], meta=np.empty((0, 0)))
    with pytest.raises(AssertionError, match=r"declares shape \(2, 3\), but has \(1, 3\)"):
        xp_assert_close(half, source)


def test_unknown_chunk_sizes_are_compared_by_what_they_are():
    source = da.from_array(VALUES, chunks=2)
    xp_assert_equal(source[source[:, 0] > 2], da.from_array(VALUES[1:]))


def test_nan_equals_nan_and_does_not_set_the_scale():
    values = np.asarray([np.nan, 1.0, np.inf])
    xp_assert_close(values + 1e-14, values)
    with pytest.raises(AssertionError):
        xp_assert_close(values + 1e-9, values)
    with pytest.raises(AssertionError):
        xp_assert_close(values, values, equal_nan=False)


@pytest.mark.parametrize(
    ("dtype", "passes", "fails"),
    [("f4", 1e-6, 1e-4), ("f8", 1e-13, 1e-10), ("c8", 1e-6, 1e-4), ("c16", 1e-13, 1e-10)],
)
def test_default_tolerances_follow_the_dtype_and_the_largest_element(dtype, passes, fails):
    desired = np.asarray([1000.0, 0.0], dtype=dtype)
    xp_assert_close((desired + 1000 * passes).astype(dtype), desired)
    with pytest.raises(AssertionError):
        xp_assert_close((desired + 1000 * fails).astype(dtype), desired)
    with pytest.raises(AssertionError):
        xp_assert_close((desired + 1000 * passes).astype(dtype), desired, atol=0)


def test_empty_and_scalar_arrays_compare():
    xp_assert_close(np.empty((0, 3)), np.empty((0, 3)))
    xp_assert_close(np.asarray(1.0), np.asarray(1.0))
    xp_assert_close(np.float64(1.0), np.asarray(1.0))
    xp_assert_equal(HostFree.copy_from_host(1), HostFree.copy_from_host(1))


def test_integers_are_compared_exactly():
    with pytest.raises(AssertionError):
        xp_assert_close(np.asarray([10**9 + 1]), np.asarray([10**9]))
