"""The transform of one block."""

import numpy as np
import pytest
import scipy.fft

from spanwise.kernels.fft import fft, flops, result_dtype
from spanwise.testing import xp_assert_close

KINDS = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
ALL_TYPES = list("efdgFDG?bBhHiIlLqQ")


def transform(x, kind, axes=(0,), lengths=None, norm=None):
    lengths = tuple(x.shape[a] for a in axes) if lengths is None else lengths
    return fft(x, kind=kind, axes=axes, lengths=lengths, norm=norm)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("character", ALL_TYPES)
def test_result_type_is_what_scipy_computes(kind, character):
    x = np.ones(4, character)
    if kind in ("rfft", "ihfft") and x.dtype.kind == "c":
        return
    assert result_dtype(kind, x.dtype) == getattr(scipy.fft, kind)(x).dtype
    assert transform(x, kind).dtype == result_dtype(kind, x.dtype)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("dtype", [">f2", ">f4", ">c16", ">i8"])
def test_result_has_the_byte_order_of_the_machine(kind, dtype):
    assert result_dtype(kind, dtype).isnative
    if not (kind in ("rfft", "ihfft") and "c" in dtype):
        x = np.arange(4).astype(dtype)
        got = transform(x, kind)
        assert got.dtype.isnative
        np.testing.assert_allclose(got, transform(np.arange(4.0), kind), atol=1e-6)


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_blocks_of_every_library_are_transformed(kind, norm, xp):
    x = np.random.default_rng(0).standard_normal((4, 5)).astype("float32")
    got = transform(xp.concrete_array(x), kind, (1, 0), (7, 3), norm)
    want = getattr(scipy.fft, f"{kind}n")(x, axes=(1, 0), s=(7, 3), norm=norm)
    xp_assert_close(got, xp.concrete_array(want))


def test_real_axis_is_the_last_one_given():
    x = np.ones((4, 6))
    assert transform(x, "rfft", (1, 0)).shape == (3, 6)
    assert transform(x, "irfft", (1, 0), (6, 5)).shape == (5, 6)


def test_input_is_never_overwritten():
    x = np.ones((8, 8), complex)
    transform(x, "fft", (0, 1))
    np.testing.assert_array_equal(x, 1)


def test_empty_blocks_are_transformed_along_other_axes():
    assert transform(np.ones((0, 4)), "rfft", (1,), (4,)).shape == (0, 3)


def test_operations_follow_the_usual_count():
    assert flops((8,), 8, real=False) == 5 * 8 * 3
    assert flops((4, 8), 32, real=False) == 5 * 32 * 5
    assert flops((8,), 8, real=True) == 60
    assert flops((1,), 1, real=False) == 0


def test_workspace_is_stated():
    assert fft.workspace(10, 30) == 30
    assert fft.device_workspace(10, 30) == 60  # and the work area of cuFFT
