"""A few frequencies of an axis; their definitions are the oracle."""

from fractions import Fraction

import dask
import dask.array as da
import numpy as np
import pytest
from dask._task_spec import Alias

from spanwise.errors import ArgumentError, ArgumentTypeError, AxisError
from spanwise.signal import band_power, harmonics
from spanwise.testing import HostFree, raise_if_computes, register_with_dask, xp_assert_close

register_with_dask()

FREQUENCIES = np.array([0, 0.1, 0.25, 1 / 3, -0.2, 0.37])


def values(shape, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    x = 10 * rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


def amplitudes(x, axis, sampling):
    """The definition, term by term."""
    n = x.shape[axis]
    waves = np.exp(-2j * np.pi * np.outer(sampling * np.arange(n), FREQUENCIES))
    out = np.tensordot(x.astype("complex128"), waves, (axis, 0)) / n
    if x.dtype.kind != "c":
        turns = 2 * FREQUENCIES * sampling
        out *= np.where(turns == np.rint(turns), 1, 2)
    return np.moveaxis(out, -1, axis)


@pytest.mark.parametrize("lengths", [None, 700, 1025, (1, 0, 2000, 999)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128", "int16"])
@pytest.mark.parametrize(("shape", "axis"), [((3000,), 0), ((3000, 3), 0), ((2, 3000, 3), 1)])
def test_amplitudes_are_those_of_the_definition(shape, axis, dtype, lengths):
    x = values(shape, dtype)
    lazy = x
    if lengths is not None:
        lazy = da.from_array(
            x, chunks=tuple(lengths if a == axis else 2 for a in range(len(shape)))
        )
    a = harmonics(lazy, FREQUENCIES, axis=axis, sampling=2.0)
    want = amplitudes(x, axis, 2.0)
    single = dtype in ("float32", "complex64")
    assert a.dtype == ("complex64" if single else "complex128")
    assert a.shape == want.shape
    np.testing.assert_allclose(np.asarray(a), want, rtol=0, atol=1e-5 if single else 1e-11)


def test_on_every_container(xp):
    x = values((2, 3000))
    a = harmonics(xp.asarray(x), FREQUENCIES)
    xp_assert_close(a, xp.asarray(amplitudes(x, 1, 1.0)), rtol=0, atol=1e-11)
    power = band_power(xp.asarray(x), (0, 0.5))
    xp_assert_close(power, xp.asarray((x**2).mean(axis=1)), rtol=1e-12)


def test_a_cycle_has_its_amplitude_and_its_phase_at_the_first_sample():
    t = np.arange(240 * 12) / 12  # 240 years of months
    x = 3 * np.cos(2 * np.pi * t - 1) + 0.5 * np.cos(4 * np.pi * t + 2) + 7
    a = harmonics(da.from_array(x, chunks=500), [0, 1, 2], sampling=1 / 12).compute()
    np.testing.assert_allclose(np.abs(a), [7, 3, 0.5], rtol=1e-12)
    np.testing.assert_allclose(np.angle(a), [0, -1, 2], atol=1e-12)


def test_no_digit_of_a_phase_is_lost_in_long_axes():
    n, f = 2**22, 0.1234567
    cycles = [float(j * Fraction(f) % 1) for j in range(n - 8, n)]
    x = da.concatenate(
        [da.zeros(n - 8, chunks=2**20), da.from_array(np.cos(2 * np.pi * np.array(cycles)))]
    )
    a = harmonics(x, f).compute()[0] * n / 2
    want = sum(np.cos(2 * np.pi * c) * np.exp(-2j * np.pi * c) for c in cycles)
    assert abs(a - want) < 1e-13


def test_many_frequencies_are_no_limit():
    x = values(500)
    f = np.arange(200) / 500
    got = harmonics(da.from_array(x, chunks=77), f).compute()
    want = np.fft.fft(x)[:200] / 500
    want[1:] *= 2
    np.testing.assert_allclose(got, want, atol=1e-12)


def test_every_chunk_is_one_task_and_nothing_but_shares_moves():
    x = da.ones((4, 10_000), chunks=(2, 1_000))
    with raise_if_computes():
        a = harmonics(x, [0.1, 0.2])
    steps = [layer.step for layer in a.dask.layers.values() if hasattr(layer, "step")]
    assert [s.pattern for s in steps] == ["blockwise", "reduce", "blockwise"]
    assert [s.tasks for s in steps] == [20, 2 * 3, 2]
    assert steps[1].bytes_moved == 10 * 4 * 2 * 16
    graph = dict(dask.optimize(a)[0].dask)
    assert sum(not isinstance(task, Alias) for task in graph.values()) == 20 + 6


def test_chunks_of_a_device_stay_there():
    x = HostFree.copy_from_host(values((3, 100)))
    lazy = da.from_array(x, chunks=(1, 33), asarray=False)
    assert type(harmonics(lazy, 0.1).compute(scheduler="sync")) is HostFree
    assert type(band_power(lazy, (0.1, 0.2)).compute(scheduler="sync")) is HostFree


@pytest.mark.parametrize("lengths", [None, 700, (1, 0, 2000)])
@pytest.mark.parametrize("n", [3000, 2999])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_bands_that_share_no_frequency_add_up_to_the_mean_square(dtype, n, lengths):
    x = values((2, n), dtype)
    if isinstance(lengths, tuple):
        lengths = (*lengths, n - sum(lengths))
    lazy = x if lengths is None else da.from_array(x, chunks=(2, lengths))
    low = -0.5 if np.dtype(dtype).kind == "c" else 0.0
    bands = [(low, 0.1), (0.10001, 0.4), (0.40001, 0.5)]
    power = [np.asarray(band_power(lazy, b)) for b in bands]
    assert all(p.shape == (2,) for p in power)
    assert power[0].dtype == ("float32" if dtype == "float32" else "float64")
    want = (np.abs(x.astype("complex128")) ** 2).mean(axis=1)
    np.testing.assert_allclose(sum(power), want, rtol=1e-5 if dtype == "float32" else 1e-12)


def test_the_ends_of_a_band_are_in_it():
    t = np.arange(1000)
    x = np.cos(2 * np.pi * 0.03 * t)
    assert band_power(x, (0.03, 0.04)) == pytest.approx(0.5)
    assert band_power(x, (0.02, 0.03)) == pytest.approx(0.5)
    assert band_power(x, (0.031, 0.04)) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: harmonics(x, []), ArgumentError, "frequencies="),
        (lambda x: harmonics(x, [np.inf]), ArgumentError, "finite"),
        (lambda x: harmonics(x, 1j), ArgumentError, "real"),
        (lambda x: harmonics(x, da.ones(2)), ArgumentTypeError, "compute"),
        (lambda x: harmonics(x, 0.1, axis=2), AxisError, "axis 2"),
        (lambda x: harmonics(x, 0.1, sampling=0), ArgumentError, "sampling=0"),
        (lambda x: harmonics(x[:, :0], 0.1), ArgumentError, "no samples"),
        (lambda x: band_power(x, 0.1), ArgumentError, "band=0.1"),
        (lambda x: band_power(x, (0.2, 0.1)), ArgumentError, "lower frequency first"),
        (lambda x: band_power(x, (-0.2, 0.1)), ArgumentError, "from 0 on"),
        (lambda x: band_power(x, (0.101, 0.109)), ArgumentError, "lie 0.01 apart up to 0.5"),
    ],
)
def test_wrong_arguments_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call(values((2, 100)))
