"""Frequencies of the points of the transforms."""

import dask.array as da
import numpy as np
import pytest
import scipy.fft
import scipy.sparse

import spanwise as sw
from spanwise.errors import ArgumentError
from spanwise.testing import xp_assert_close


@pytest.mark.parametrize(("n", "d"), [(1, 1.0), (2, 0.5), (5, 0.1), (8, 3.0)])
def test_frequencies_are_scipys(n, d):
    np.testing.assert_allclose(sw.fft.fftfreq(n, d), scipy.fft.fftfreq(n, d), rtol=1e-15)
    np.testing.assert_allclose(sw.fft.rfftfreq(n, d), scipy.fft.rfftfreq(n, d), rtol=1e-15)


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
def test_frequencies_come_in_the_namespace_asked_for(name, xp):
    got = getattr(sw.fft, name)(6, d=0.25, xp=xp.xp)
    want = getattr(scipy.fft, name)(6, d=0.25)
    xp_assert_close(got, xp.concrete_array(want))


def test_frequencies_of_the_dask_namespace_are_lazy():
    got = sw.fft.fftfreq(6, xp=da)
    assert isinstance(got, da.Array)
    np.testing.assert_allclose(got.compute(), scipy.fft.fftfreq(6))


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
@pytest.mark.parametrize("n", [0, -3, 2.5, "4", None])
def test_frequencies_of_no_points_are_refused(name, n):
    with pytest.raises(ValueError, match="n="):
        getattr(sw.fft, name)(n)


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
@pytest.mark.parametrize(("n", "blocks"), [(12, 3), (12, 12), (15, 5), (8, 1), (2, 2)])
def test_decimated_frequencies_hold_every_pth_one_in_each_chunk(name, n, blocks):
    want = getattr(scipy.fft, name)(n, 0.5)
    got = getattr(sw.fft, name)(n, 0.5, order="decimated", chunks=blocks)
    assert got.numblocks == (blocks,)
    for k in range(blocks):
        np.testing.assert_array_equal(got.blocks[k].compute(), want[k::blocks])
    again = getattr(sw.fft, name)(n, 0.5, order="decimated", chunks=got.chunks[0])
    assert again.chunks == got.chunks


def test_frequencies_in_chunks_are_a_dask_array():
    got = sw.fft.fftfreq(10, chunks=4)
    assert got.chunks == ((4, 4, 2),)
    np.testing.assert_array_equal(got.compute(), scipy.fft.fftfreq(10))


@pytest.mark.parametrize("chunks", [None, 5, 0, True, 2.0, (6, 7), (7, 5), "auto"])
def test_chunks_that_no_decimated_transform_has_are_refused(chunks):
    with pytest.raises(ArgumentError, match="chunks="):
        sw.fft.fftfreq(12, order="decimated", chunks=chunks)


def test_an_unknown_order_of_frequencies_is_refused():
    with pytest.raises(ArgumentError, match="order='random'"):
        sw.fft.fftfreq(12, order="random")
