import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.errors import ArgumentError, NonFiniteError
from spanwise.labels.missing import check_fill, fill_missing, refuse_missing, source_of
from spanwise.testing import ArrayBackend, raise_if_computes
from spanwise.testing.strategies import chunkings


def gappy(shape=(6, 23), dtype="float64"):
    rng = np.random.default_rng(0)
    values = rng.normal(size=shape).astype(dtype)
    values[rng.random(shape) < 0.3] = np.nan
    values[2:3] = np.nan
    return xr.DataArray(values, dims=("y", "x"), name="sst", attrs={"units": "K"})


@given(st.data())
def test_gaps_are_filled_alike_in_any_chunks(draw):
    data = gappy()
    cut = data.chunk(dict(zip(data.dims, draw.draw(chunkings(data.shape)), strict=True)))
    dims = draw.draw(st.sampled_from([("x",), ("y",), ("x", "y"), ("y", "x")]))
    fill = draw.draw(st.sampled_from(["interp", 0.5]))
    with raise_if_computes():
        out = fill_missing(cut, dims, fill)
    with dask.config.set(scheduler="sync"):
        xr.testing.assert_identical(out.compute(), fill_missing(data, dims, fill))


@pytest.mark.parametrize("backend", ["numpy", "dask:numpy", "hostfree", "dask:hostfree"])
def test_the_library_and_the_precision_are_kept(backend):
    container = ArrayBackend(backend)
    data = gappy(dtype="float32")
    lazy = data.copy(data=container.asarray(data.values))
    for fill in ("interp", 3.0):
        out = fill_missing(lazy, ("x", "y"), fill)
        assert out.dtype == "float32"
        expected = fill_missing(data, ("x", "y"), fill).values
        np.testing.assert_allclose(container.to_numpy(out.data), expected, rtol=1e-5)


def test_whole_dimensions_are_filled_in_the_tasks_of_their_chunks():
    data = gappy().chunk(y=2)
    out = fill_missing(data, ("x",), "interp") + 1
    (optimised,) = dask.optimize(out.data)
    assert len(optimised.__dask_graph__()) <= 2 * 3
    assert fill_missing(data, ("x",), "interp").chunks == data.chunks
    plan = sw.explain(fill_missing(data, ("x",), "interp"))
    assert "fill-missing" in str(plan)


def series(dtype="float64", lines=1):
    """Lines with gaps of many lengths, some over several chunks of 100, and one of NaN alone."""
    values = gappy((lines, 4000), dtype).values
    values[:, :130] = values[:, 950:1420] = values[:, 3700:] = np.nan
    if lines > 1:
        values[1] = np.nan
    return xr.DataArray(values, dims=("y", "x"), name="sst")


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("backend", ["dask:numpy", "dask:hostfree"])
def test_a_long_cut_line_is_filled_in_its_chunks(dtype, backend):
    container = ArrayBackend(backend)
    data = series(dtype, lines=2)
    # Only little memory tells such a line from one that is gathered in a task.
    lazy = data.copy(data=container.asarray(data.values).rechunk((2, 100)))
    with sw.set_options(memory="100 kB"), raise_if_computes():
        out = fill_missing(lazy, ("x",), "interp")
    assert out.chunks == lazy.chunks
    expected = fill_missing(data, ("x",), "interp").values
    assert np.isnan(expected[1]).all()
    assert not np.isnan(expected[0]).any()
    found = container.to_numpy(out.data)
    rtol = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


def test_the_chunks_of_a_long_line_are_read_twice_and_none_is_kept():
    data = series()
    reads = []

    def read(block, block_info=None):
        reads.append(block_info[0]["chunk-location"])
        return block

    source = da.from_array(data.values, chunks=(1, 100)).map_blocks(read, dtype=data.dtype)
    with sw.set_options(memory="100 kB"):
        out = fill_missing(data.copy(data=source), ("x",), "interp")
    text = str(sw.explain(out))
    assert "spanwise-fill-missing-ends" in text
    reads.clear()
    (optimised,) = dask.optimize(out.data)
    assert len(optimised.__dask_graph__()) <= 2 * 2 * 40 + 1
    optimised.compute(scheduler="sync")
    assert sorted(reads) == sorted(2 * [(0, i) for i in range(40)])


@pytest.mark.parametrize("chunks", [{}, {"y": 2}, {"x": 5}, {"y": 2, "x": 5}])
def test_missing_values_are_refused_when_they_are_met(chunks):
    data = gappy().chunk(chunks)
    with raise_if_computes():
        spectrum = refuse_missing(sw.fft.fft(data.data, axis=1), data, (1,), ("x",))
    with pytest.raises(NonFiniteError, match=r"(?s)'sst'.*'x'.*fill=\"interp\".*dropna\('x'\)"):
        spectrum.compute(scheduler="sync")
    with pytest.raises(NonFiniteError):  # whichever part of the result is computed
        spectrum[:, -1:].compute(scheduler="sync")
    good = data.fillna(0.0)
    spectrum = refuse_missing(sw.fft.fft(good.data, axis=1), good, (1,), ("x",))
    np.testing.assert_allclose(spectrum.compute(), np.fft.fft(good.values, axis=1), atol=1e-12)


def test_types_without_nan_are_passed_on():
    data = xr.DataArray(np.arange(6).reshape(2, 3), dims=("y", "x"))
    assert source_of(data, ("x",)) is None
    assert fill_missing(data, ("x",), "interp") is data
    assert fill_missing(gappy(), ("x",), None) is not None
    spectrum = np.ones((2, 3))
    assert refuse_missing(spectrum, data, (1,), ("x",)) is spectrum


@pytest.mark.parametrize("fill", ["linear", np.nan, np.inf, True, [0.0], "", b"interp"])
def test_other_fills_are_refused(fill):
    with pytest.raises(ArgumentError, match="fill="):
        check_fill(fill)


def test_fills_are_plain_numbers():
    assert check_fill(None) is None
    assert check_fill("interp") == "interp"
    assert check_fill(np.float32(1.5)) == 1.5
    assert check_fill(2j) == 2j
    with pytest.raises(ArgumentError, match="the data is real"):
        fill_missing(gappy(), ("x",), 2j)
