"""Accuracy against SciPy in long double, whatever plan or kernel makes the transform.

The rounding error of a fast transform of n points, measured against the norm of its result, grows
as eps times the root of log2 n in the mean, since each of its log2 n stages adds an independent
error of eps (Schatzman 1996, "Accuracy of the discrete Fourier transform and the fast Fourier
transform"). The bounds are small multiples of that, which no wrong
or coarsely rounded twiddle factor would hold. Measured: 0.3 to 0.4 in the mean for lengths with
small factors, 0.75 for prime ones, which take three transforms of more points (Bluestein); the
largest errors are 1 to 3.4.
"""

import functools

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft

import spanwise as sw

RMS, WORST = 1.0, 5.0
"""Bounds over eps sqrt(log2 n): of the error's norm over the result's, and of the largest error
over the root of the mean square of the result."""

NAMES = ["fft", "ifft", "rfft", "irfft"]
SMALL = [2**10, 2**14, 3 * 5 * 7 * 64, 1009, 2 * 4099]
LARGE = [2**18, 2**20, 2**22, 3**13, 1_000_003]
NEARLY_PRIME = {1009, 2 * 4099, 1_000_003}
POINTS = [
    *(pytest.param(n, id=str(n)) for n in SMALL),
    *(pytest.param(n, id=str(n), marks=pytest.mark.slow) for n in LARGE),
]
WIDER = {"f": np.longdouble, "c": np.clongdouble}

# Where long double is no wider than double there is nothing to compare with.
pytestmark = pytest.mark.skipif(
    np.finfo(np.longdouble).eps >= np.finfo(np.float64).eps,
    reason="long double is no wider than double on this platform",
)


def draw(name, n, dtype):
    """Normal random data for a transform of n points; a half spectrum for ``irfft``."""
    rng = np.random.default_rng(n)
    if name == "rfft":
        return rng.standard_normal(n).astype(dtype)
    m = n // 2 + 1 if name == "irfft" else n
    x = rng.standard_normal(m) + 1j * rng.standard_normal(m)
    if name == "irfft":  # the imaginary parts of these two are not there in a real signal
        x[0] = x[0].real
        if n % 2 == 0:
            x[-1] = x[-1].real
    return x.astype(np.result_type(dtype, np.complex64))


def errors(exact, n, got):
    """Error of a result over eps sqrt(log2 n): in the mean, and the largest."""
    difference = np.abs(got.astype(exact.dtype) - exact)
    scale = np.sqrt(np.mean(np.abs(exact) ** 2))
    unit = scale * np.finfo(got.dtype).eps * np.sqrt(np.log2(n))
    return float(np.sqrt(np.mean(difference**2)) / unit), float(np.max(difference) / unit)


@functools.lru_cache(maxsize=4)  # the exact result costs more than the rest of a test
def exactly(name, n, dtype):
    """The data of `draw` and their transform in long double."""
    x = draw(name, n, dtype)
    return x, getattr(scipy.fft, name)(x.astype(WIDER[x.dtype.kind]), n=n)


@pytest.mark.parametrize("n", POINTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_errors_in_memory_are_those_of_a_fast_transform(name, dtype, n):
    x, exact = exactly(name, n, dtype)
    rms, worst = errors(exact, n, getattr(sw.fft, name)(x, n=n))
    assert rms < RMS
    assert worst < WORST


@pytest.mark.parametrize("blocks", [8, 7], ids=["even", "uneven"])
@pytest.mark.parametrize("tight", [False, True], ids=["roomy", "tight"])
@pytest.mark.parametrize("n", POINTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_errors_along_a_cut_axis_are_those_of_a_fast_transform(name, dtype, n, blocks, tight):
    x, exact = exactly(name, n, dtype)
    lazy = da.from_array(x, chunks=-(-x.size // blocks))
    # Too little to hold the whole axis in one chunk; a length that is nearly prime must be held.
    memory = 3 * n * np.result_type(dtype, np.complex64).itemsize if tight else None
    if tight and n in NEARLY_PRIME:
        pytest.skip("a length that is nearly prime is held in one chunk, whatever the budget")
    with dask.config.set(scheduler="sync"), sw.set_options(memory=memory):
        got = getattr(sw.fft, name)(lazy, n=n).compute()
    assert got.dtype == getattr(scipy.fft, name)(x[:4]).dtype
    rms, worst = errors(exact, n, got)
    assert rms < RMS
    assert worst < WORST


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["fft2", "rfft2"])
def test_errors_over_two_cut_axes_are_those_of_a_fast_transform(name, dtype):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((256, 384)).astype(dtype)
    with dask.config.set(scheduler="sync"):
        got = getattr(sw.fft, name)(da.from_array(x, chunks=(48, 100))).compute()
    exact = getattr(scipy.fft, name)(x.astype(np.longdouble))
    difference = np.linalg.norm((got - exact).ravel()) / np.linalg.norm(exact.ravel())
    assert difference < RMS * np.finfo(dtype).eps * np.sqrt(np.log2(x.size))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_forward_and_an_inverse_transform_along_a_cut_axis_lose_no_more_than_two(dtype):
    n = 2**14
    x = draw("fft", n, dtype)
    lazy = da.from_array(x, chunks=n // 8)
    with dask.config.set(scheduler="sync"):
        back = sw.fft.ifft(sw.fft.fft(lazy)).compute()
    bound = np.sqrt(2) * RMS * np.finfo(dtype).eps * np.sqrt(np.log2(n))
    assert np.linalg.norm(back - x) < bound * np.linalg.norm(x)
