"""Order and chunks of lazy results: `order=` and `output_chunks=`."""

import dask.array as da
import numpy as np
import pytest
import scipy.fft

import spanwise as sw
from spanwise.errors import ArgumentError

N = 2**20
LINE = np.random.default_rng(0).standard_normal(2 * N)
SIGNAL = LINE[:N] + 1j * LINE[N:]
CUBE = np.random.default_rng(1).standard_normal((12, 10, 14))


@pytest.fixture(autouse=True)
def little_memory():
    """A line of `SIGNAL` takes half of what a worker may hold."""
    with sw.set_options(memory="32MiB"):
        yield


def chunked(x, size=N // 16):
    return da.from_array(x, chunks=size)


@pytest.mark.parametrize(("name", "x"), [("fft", SIGNAL), ("fft", LINE[:N]), ("rfft", LINE[:N])])
def test_decimated_chunks_hold_every_pth_point_and_go_back(name, x):
    source = chunked(x)
    y = getattr(sw.fft, name)(source, order="decimated")
    want = getattr(scipy.fft, name)(x)
    blocks = y.numblocks[0]
    assert blocks > 1
    for k in (0, 1, blocks // 2, blocks - 1):
        np.testing.assert_allclose(y.blocks[k].compute(), want[k::blocks], atol=1e-9)
    back = getattr(sw.fft, f"i{name}")(y, order="decimated")
    np.testing.assert_allclose(back.compute(), x, atol=1e-12)
    f = getattr(sw.fft, f"{name}freq")(N, order="decimated", chunks=y.chunks[0])
    assert f.chunks == y.chunks
    peak = int(np.argmax(abs(want)))
    position = int(abs(y).argmax().compute())
    # Real data have two peaks of one height, at f and -f.
    assert abs(f[position].compute()) == abs(getattr(scipy.fft, f"{name}freq")(N)[peak])


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_long_lines_come_in_natural_order_unless_asked_otherwise(name):
    x = LINE[: N // 2 + 1] if name in ("irfft", "hfft") else LINE[:N]
    y = getattr(sw.fft, name)(chunked(x))
    assert y.numblocks[0] > 1
    want = getattr(scipy.fft, name)(x)
    assert y.dtype == want.dtype
    np.testing.assert_allclose(y.compute(), want, atol=1e-12 * np.abs(want).max() * 10)


def test_order_is_natural_where_the_axis_is_in_one_chunk():
    for x in (CUBE, da.from_array(CUBE, chunks=(5, 10, 14)), da.from_array(CUBE, chunks=4)):
        y = sw.fft.fft(x, axis=1, order="decimated")
        np.testing.assert_allclose(np.asarray(y), scipy.fft.fft(CUBE, axis=1), atol=1e-12)


def test_restore_gives_the_chunks_of_the_input():
    x = da.from_array(CUBE, chunks=(5, 10, 7))
    y = sw.fft.fftn(x, output_chunks="restore")
    assert y.chunks == x.chunks
    np.testing.assert_allclose(y.compute(), scipy.fft.fftn(CUBE), atol=1e-10)


def test_restore_keeps_the_size_of_chunks_of_an_axis_whose_length_changes():
    x = da.from_array(CUBE, chunks=(5, 10, 7))
    y = sw.fft.rfftn(x, s=(18, 10, 30), output_chunks="restore")
    assert y.chunks == ((5, 5, 5, 3), (10,), (7, 7, 2))


@pytest.mark.parametrize(
    ("chunks", "want"),
    [
        ((6, -1, 7), ((6, 6), (10,), (7, 7))),
        (5, ((5, 5, 2), (5, 5), (5, 5, 4))),
        (((3, 9), (10,), (14,)), ((3, 9), (10,), (14,))),
    ],
)
def test_output_chunks_are_what_rechunk_takes(chunks, want):
    x = da.from_array(CUBE, chunks=(5, 10, 14))
    for function in (sw.fft.fftn, sw.fft.dctn):
        y = function(x, output_chunks=chunks)
        assert y.chunks == want
        ours = getattr(scipy.fft, function.__name__)(CUBE)
        np.testing.assert_allclose(y.compute(), ours, atol=1e-10)


def test_arrays_without_chunks_take_no_notice_of_output_chunks():
    np.testing.assert_array_equal(sw.fft.fft(CUBE, output_chunks=3), sw.fft.fft(CUBE))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"order": "shuffled"}, "order='shuffled'"),
        ({"output_chunks": "same"}, "output_chunks='same'"),
        ({"output_chunks": (3, 3)}, r"output_chunks=\(3, 3\)"),
        ({"output_chunks": ((3, 3), -1, -1)}, "output_chunks="),
        ({"order": "decimated", "output_chunks": "restore"}, "order='decimated'"),
    ],
)
def test_wrong_orders_and_chunks_are_refused_at_the_call(options, words):
    with pytest.raises(ArgumentError, match=words):
        sw.fft.fft(da.from_array(CUBE, chunks=5), **options)


def test_decimated_input_in_other_chunks_is_refused():
    x = chunked(SIGNAL, N // 16 - 1)
    with pytest.raises(ArgumentError, match="decimated order"):
        sw.fft.ifft(x, order="decimated")
