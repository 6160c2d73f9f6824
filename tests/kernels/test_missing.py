import numpy as np
import pytest

from spanwise.errors import NonFiniteError
from spanwise.kernels.missing import Source, fill_missing, refuse_missing
from spanwise.testing import HostFree, limit_memory, xp_assert_close, xp_assert_equal

pytestmark = pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")


def gappy(shape=(6, 41), dtype="float64"):
    rng = np.random.default_rng(0)
    values = rng.normal(size=shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.normal(size=shape)
    values[rng.random(shape) < 0.3] = np.nan
    values[0, :4] = values[1, -5:] = np.nan  # beyond the first and the last value
    values[2] = np.nan
    return values.astype(dtype)


def interpolated(values, axis):
    """By np.interp, line by line; lines without a value stay."""

    def line(y):
        good = np.flatnonzero(~np.isnan(y))
        return y if not good.size else np.interp(np.arange(y.size), good, y[good])

    return np.apply_along_axis(line, axis, values)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("axes", [(1,), (0,), (1, 0), (0, 1)])
def test_gaps_are_filled_between_their_neighbours_along_one_axis_after_the_other(xp, dtype, axes):
    values = gappy(dtype=dtype)
    expected = values.astype("complex128" if np.dtype(dtype).kind == "c" else "float64")
    for axis in axes:
        expected = interpolated(expected, axis)
    out = fill_missing(xp.asarray(values), axes=axes, fill="interp")
    rtol = 1e-5 if dtype in ("float32", "complex64") else 1e-12
    xp_assert_close(out, xp.asarray(expected.astype(dtype)), rtol=rtol, atol=rtol)


def test_a_device_makes_no_more_calls_for_long_lines_than_for_short_ones(arrays_made):
    blocks = [HostFree.copy_from_host(gappy((6, n))) for n in (40, 4000)]
    short, long = (arrays_made(fill_missing, b, axes=(1,), fill="interp") for b in blocks)
    assert long == short


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_a_device_needs_no_more_room_than_the_kernel_says(dtype, share):
    x = np.random.default_rng(0).normal(size=(64, 256)).astype(dtype)
    x[np.random.default_rng(1).random(x.shape) < share] = np.nan
    with limit_memory("1GiB") as account:
        out = fill_missing(HostFree.copy_from_host(x), axes=(0,), fill="interp")
    assert account.peak <= 2 * x.nbytes + fill_missing.device_workspace(x.nbytes, out.nbytes)


def test_a_number_takes_the_place_of_every_gap(xp):
    values = gappy(dtype="float32")
    out = fill_missing(xp.asarray(values), axes=(1,), fill=1.5)
    xp_assert_equal(out, xp.asarray(np.where(np.isnan(values), np.float32(1.5), values)))


def test_large_blocks_are_filled_part_by_part():
    values = gappy((300, 4000), "float64")
    out = fill_missing(values, axes=(1,), fill="interp")
    np.testing.assert_allclose(out[::37], interpolated(values[::37], 1), rtol=1e-12)
    assert np.isnan(values).any()  # the input stays as it was


def test_a_block_without_gaps_is_given_back_as_it_is():
    values = np.ones((3, 4))
    assert fill_missing(values, axes=(1,), fill="interp") is values


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("transform", ["fft", "ifft", "rfft"])
@pytest.mark.parametrize("n", [1, 2, 8, 9, 31, 127, 100])
def test_one_element_of_a_transform_tells_whether_its_line_was_finite(bad, transform, n):
    source = Source("sst", ("time",))
    values = np.random.default_rng(0).normal(size=(4, n))
    function = getattr(np.fft, transform)
    refuse_missing(function(values), axes=(1,), source=source)
    for at in {0, n // 2, n - 1}:
        spoilt = values.copy()
        spoilt[2, at] = bad
        with np.errstate(invalid="ignore"):
            out = function(spoilt)
        for part in range(out.shape[1]):  # whichever part of the frequencies a block holds
            with pytest.raises(NonFiniteError, match=r"'sst'.*'time', in 1 of 4 lines"):
                refuse_missing(out[:, part:], axes=(1,), source=source)


def test_the_check_runs_in_every_library(xp):
    source = Source("", ("y", "x"), fills=False)
    values = np.ones((2, 3, 4), "complex64")
    xp_assert_equal(
        refuse_missing(xp.asarray(values), axes=(1, 2), source=source), xp.asarray(values)
    )
    values[1] = np.nan
    with pytest.raises(NonFiniteError, match=r"the data holds NaN.*'y', 'x', in 1 of 2") as raised:
        refuse_missing(xp.asarray(values), axes=(1, 2), source=source)
    assert "fill=" not in str(raised.value)
    assert "da.interpolate_na('y')" in str(raised.value)


def test_nothing_holds_nothing_missing(xp):
    empty = xp.asarray(np.zeros((0, 4)))
    assert refuse_missing(empty, axes=(1,), source=Source("", ("x",))).shape == (0, 4)
    assert fill_missing(empty, axes=(1,), fill="interp").shape == (0, 4)
