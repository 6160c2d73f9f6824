"""Sums of a spectrum over rings, on concrete blocks."""

import pickle

import numpy as np
import pytest

from spanwise.kernels import radial
from spanwise.kernels.power import power
from spanwise.kernels.radial import RadialAxis, Rings, ring_means, ring_sums, rings_of
from spanwise.kernels.tables import drop_tables
from spanwise.testing import HostFree, limit_memory, xp_assert_close

pytestmark = pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")


def rings(ny=9, nx=12, orders=("natural", "natural"), axes=(1, 2), width=0.1, kept=None):
    kept = tuple(range(7)) if kept is None else kept
    return Rings(
        (RadialAxis(axes[0], ny, 1 / ny, orders[0]), RadialAxis(axes[1], nx, 1 / nx, orders[1])),
        width,
        kept,
    )


def values(shape=(3, 9, 12), dtype="float64"):
    x = np.random.default_rng(0).normal(size=shape)
    return (x + 1j * x[::-1] if np.dtype(dtype).kind == "c" else x).astype(dtype)


def by_hand(x, width=0.1, count=7):
    fy, fx = np.fft.fftfreq(x.shape[1]), np.fft.fftfreq(x.shape[2])
    ring = np.ceil(np.hypot(fy[:, None], fx) / width - 1e-9).astype(int) - 1
    return np.stack([x[:, np.maximum(ring, 0) == j].sum(-1) for j in range(count)], -1)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_each_frequency_goes_to_one_ring(xp, dtype):
    x = values(dtype=dtype)
    out = ring_sums(xp.asarray(x), 0, 0, rings=rings(), factor=2.0)
    expected = 2 * by_hand(x.astype("c16" if dtype == "complex128" else "f8"))
    xp_assert_close(out, xp.asarray(expected[:, None, :].astype(dtype)), rtol=1e-5)


def test_shifted_spectra_have_the_same_sums(xp):
    x = values()
    shifted = np.fft.fftshift(x, axes=(1, 2))
    out = ring_sums(xp.asarray(shifted), 0, 0, rings=rings(orders=("shifted", "shifted")))
    xp_assert_close(out, xp.asarray(by_hand(x)[:, None, :]), rtol=1e-12)


def test_parts_of_a_spectrum_add_up_to_the_whole(xp):
    x = values()
    parts = [
        ring_sums(xp.asarray(x[:, i : i + 4, j : j + 5]), i, j, rings=rings())
        for i in (0, 4, 8)
        for j in (0, 5, 10)
    ]
    xp_assert_close(sum(parts[1:], parts[0]), xp.asarray(by_hand(x)[:, None, :]), rtol=1e-10)


@pytest.mark.parametrize("shape", [(0, 9, 12), (2, 0, 12), (2, 9, 0)])
def test_nothing_adds_up_to_nothing(xp, shape):
    out = ring_sums(xp.asarray(np.empty(shape)), 0, 0, rings=rings())
    xp_assert_close(out, xp.asarray(np.zeros((shape[0], 1, 7))))


def test_rings_that_are_not_kept_are_left_out(xp):
    x = values()
    out = ring_sums(xp.asarray(x), 0, 0, rings=rings(kept=(1, 4)))
    xp_assert_close(out, xp.asarray(by_hand(x)[:, None, [1, 4]]), rtol=1e-12)


@pytest.mark.parametrize("axes", [(0, 1), (0, 2), (1, 2)])
def test_the_rings_lie_along_the_last_axis_of_the_spectrum(xp, axes):
    x = np.moveaxis(values(), (1, 2), axes)
    out = ring_sums(xp.asarray(x), 0, 0, rings=rings(axes=axes))
    expected = np.moveaxis(by_hand(values())[:, None, :], (1, 2), axes)
    xp_assert_close(out, xp.asarray(expected), rtol=1e-12)


def test_large_spectra_are_looked_up_in_pieces_and_short_ones_together(xp, monkeypatch):
    x = values((5, 9, 12))
    expected = by_hand(x)[:, None, :]
    for piece, at_once in ((30, 1), (1, 1000), (1 << 20, 250)):
        monkeypatch.setattr(radial, "_PIECE", piece)
        monkeypatch.setattr(radial, "_DEVICE_PIECE", piece)
        monkeypatch.setattr(radial, "_AT_ONCE", at_once)
        monkeypatch.setattr(radial, "_GATHERED", at_once)
        out = ring_sums(xp.asarray(x), 0, 0, rings=rings())
        xp_assert_close(out, xp.asarray(expected), rtol=1e-12)
        counts, means = ring_means([(9, 1 / 9), (12, 1 / 12)], 0.1)
        np.testing.assert_array_equal(counts, by_hand(np.ones((1, 9, 12)), count=counts.size)[0])
        assert means[0] < 0.1 < means[1] < 0.2


def test_a_device_does_no_more_for_many_rings_than_for_few(arrays_made):
    x = HostFree.copy_from_host(values((2, 64, 64)))
    few, many = (
        arrays_made(ring_sums, x, 0, 0, rings=rings(64, 64, width=0.5 / n, kept=tuple(range(n))))
        for n in (8, 32)
    )
    assert few == many < 40


def test_a_device_keeps_its_tables_for_the_next_block(arrays_made):
    drop_tables("hostfree")
    blocks = [HostFree.copy_from_host(x[None]) for x in values((2, 64, 64))]
    first, second = (arrays_made(ring_sums, b, 0, 0, rings=rings(64, 64)) for b in blocks)
    assert second < first
    assert 4 * 64 * 64 <= drop_tables("hostfree") <= 6 * 64 * 64


def test_tables_of_a_spectrum_beyond_the_bound_are_not_kept(monkeypatch):
    drop_tables("hostfree")
    monkeypatch.setattr(radial, "_DEVICE_KEPT", 64 * 64 - 1)
    x = values((2, 64, 64))
    out = ring_sums(HostFree.copy_from_host(x), 0, 0, rings=rings(64, 64))
    np.testing.assert_allclose(out.copy_to_host(), by_hand(x)[:, None, :], rtol=1e-11)
    assert drop_tables("hostfree") == 0


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("axes", [(0, 1), (0, 2), (1, 2)])
def test_a_device_needs_no_more_room_than_the_kernel_says(axes, dtype):
    x = np.moveaxis(values((3, 128, 128), dtype), (1, 2), axes)
    with limit_memory("1GiB") as account:
        out = ring_sums(HostFree.copy_from_host(x), 0, 0, rings=rings(128, 128, axes=axes))
        room = ring_sums.device_workspace(x.nbytes, out.nbytes)
    assert account.peak <= x.nbytes + out.nbytes + room


@pytest.mark.parametrize("shape", [(3, 9, 12), (300, 100, 200)])
def test_the_sums_of_a_transform_are_those_of_its_spectrum(shape):
    x = values(shape, "float32")
    where = rings(*shape[1:], orders=("natural", "half"))
    how = {"axes": (1, 2), "scale": 1.0, "half": True, "detrend": False}
    out = rings_of(x, of=power, rings=where, factor=0.5, **how)
    expected = ring_sums(power(x, **how), 0, 0, rings=where, factor=0.5)
    assert out.dtype == "float32"
    np.testing.assert_allclose(out, expected, rtol=1e-5)


def test_kernels_and_rings_travel():
    assert pickle.loads(pickle.dumps(ring_sums)) is ring_sums
    assert pickle.loads(pickle.dumps(rings_of)) is rings_of
    assert pickle.loads(pickle.dumps(rings())) == rings()
