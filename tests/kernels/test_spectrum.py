import pickle
from fractions import Fraction

import numpy as np
import pytest

from spanwise.errors import NonFiniteError
from spanwise.kernels.missing import Source
from spanwise.kernels.spectrum import (
    Ramp,
    cycles,
    inexact_dtype,
    modulate,
    squared_magnitude,
)
from spanwise.testing import xp_assert_close

pytestmark = pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")


def spectrum(dtype="complex64", shape=(5, 8)):
    rng = np.random.default_rng(0)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_modulate_applies_the_phase_of_each_frequency(xp, dtype):
    x = spectrum(dtype)
    ramp = Ramp(1, 8, "shifted", 0.3)
    k = np.arange(8) - 4
    expected = (2.0 * x * np.exp(2j * np.pi * 0.3 * k)).astype(dtype)
    rtol = 1e-5 if dtype == "complex64" else 1e-13
    out = modulate(xp.asarray(x), 0, ramps=(ramp,), scale=2.0)
    xp_assert_close(out, xp.asarray(expected), rtol=rtol)


def test_parts_of_a_spectrum_are_modulated_as_the_whole():
    x = spectrum()
    ramps = (Ramp(0, 5, "natural", 0.1), Ramp(1, 14, "half", -0.2))
    whole = modulate(x, 0, 0, ramps=ramps, scale=0.5)
    part = modulate(x[2:, 3:7], 2, 3, ramps=ramps, scale=0.5)
    np.testing.assert_array_equal(part, whole[2:, 3:7])


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_natural_order_counts_frequencies_as_fftfreq_does(n):
    k = np.rint(np.fft.fftfreq(n) * n)
    expected = np.exp(2j * np.pi * 0.3 * k)
    np.testing.assert_allclose(Ramp(0, n, "natural", 0.3).factors(0, n), expected, atol=1e-14)


@pytest.mark.parametrize(
    ("dtype", "expected"), [("float32", "complex64"), ("int16", "complex128"), ("f8", "complex128")]
)
def test_a_phase_makes_real_blocks_complex_in_their_precision(xp, dtype, expected):
    x = xp.asarray(np.ones((2, 4)), dtype=dtype)
    out = modulate(x, 0, ramps=(Ramp(1, 4, "natural", 0.1),), scale=1.0)
    assert str(out.dtype).endswith(expected)
    assert inexact_dtype(np.dtype(dtype), as_complex=True) == expected


def test_scale_alone_keeps_real_blocks_real(xp):
    out = modulate(xp.asarray(np.ones(3), dtype="float32"), ramps=(), scale=2.0)
    xp_assert_close(out, xp.asarray(np.full(3, 2, "float32")))


@pytest.mark.parametrize("shape", [(5, 8), (3, 5, 8), (70, 5, 600)])
@pytest.mark.parametrize("ramped", [(), (0,), (-1,), (0, 1)])
def test_shifts_come_before_phases_and_in_the_same_pass(xp, shape, ramped):
    x = spectrum(shape=shape)
    axes = tuple(a % len(shape) for a in ramped)
    ramps = tuple(Ramp(a, shape[a], "shifted", 0.1 * (a + 1)) for a in axes)
    shifts = ((0, shape[0] // 2), (len(shape) - 1, -(shape[-1] // 2)))
    rolled = np.roll(x, [by for _, by in shifts], axis=[axis for axis, _ in shifts])
    expected = modulate(rolled, *(0 for _ in axes), ramps=ramps, scale=0.5)
    out = modulate(xp.asarray(x), *(0 for _ in axes), ramps=ramps, scale=0.5, shifts=shifts)
    xp_assert_close(out, xp.asarray(expected), rtol=1e-6, atol=1e-6)


def test_a_complex_scale_turns_the_phase(xp):
    x = spectrum()
    out = modulate(xp.asarray(x), ramps=(), scale=2j)
    xp_assert_close(out, xp.asarray(2j * x), rtol=1e-6)


def test_what_is_not_finite_is_named_before_anything_is_done(xp):
    x = spectrum()
    x[2] = np.nan
    with pytest.raises(NonFiniteError, match="1 of 5 lines"):
        modulate(xp.asarray(x), ramps=(), scale=2.0, axes=(1,), source=Source("h", ("x",)))


def test_the_input_is_not_overwritten():
    x = spectrum()
    before = x.copy()
    modulate(x, 0, 0, ramps=(Ramp(0, 5, "natural", 0.1), Ramp(1, 8, "half", 0.1)), scale=3.0)
    squared_magnitude(x, 0, axes=(1,), scale=1.0, half=None, zero_mean=True)
    np.testing.assert_array_equal(x, before)


def test_whole_cycles_are_taken_away_exactly():
    # 1e9 seconds since 1970 in samples of a tenth of a second: 1e10 / n turns per frequency.
    assert cycles(Fraction(10**9), Fraction(1, 10), 4) == 0.0
    assert cycles(Fraction(10**9) + Fraction(1, 10), Fraction(1, 10), 8) == 0.125


@pytest.mark.parametrize("n", [8, 9])
def test_a_half_spectrum_counts_negative_frequencies_too(xp, n):
    x = np.random.default_rng(0).normal(size=(3, n))
    half = np.fft.rfft(x)
    out = squared_magnitude(xp.asarray(half), 0, axes=(1,), scale=1.0, half=n, zero_mean=False)
    np.testing.assert_allclose(
        xp.to_numpy(out).sum(axis=1), (np.abs(np.fft.fft(x)) ** 2).sum(axis=1)
    )


@pytest.mark.parametrize("cut", [1, 2, 4])
def test_parts_of_a_half_spectrum_are_doubled_as_the_whole(cut):
    half = spectrum("complex128", (2, 5))
    params = {"axes": (1,), "scale": 1.0, "half": 8, "zero_mean": True}
    whole = squared_magnitude(half, 0, **params)
    parts = [
        squared_magnitude(half[:, :cut], 0, **params),
        squared_magnitude(half[:, cut:], cut, **params),
    ]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
    assert np.all(whole[:, 0] == 0)


def test_kernels_pickle_by_name():
    for kernel in (modulate, squared_magnitude):
        assert pickle.loads(pickle.dumps(kernel)) is kernel
