"""signal.detrend is SciPy's, for any chunking."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.errors import ArgumentError, ArgumentTypeError, ArrayTypeError, AxisError
from spanwise.testing import (
    CountingSource,
    HostFree,
    raise_if_computes,
    register_with_dask,
    xp_assert_close,
)
from spanwise.testing.strategies import chunkings

register_with_dask()


def data(shape=(4, 9), dtype="float64", mean=0.0):
    rng = np.random.default_rng(0)
    return (mean + rng.normal(size=shape) + 0.5 * np.arange(shape[-1])).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "int16"])
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("type", ["linear", "constant"])
def test_trends_are_those_of_scipy(xp, type, axis, dtype):
    x = (10 * data()).astype(dtype)
    single = dtype in ("float32", "complex64")
    want = scipy.signal.detrend(x.astype("complex128" if "c" in dtype else "f8"), axis, type)
    want = want.astype(dtype if single else "float64")
    got = sw.signal.detrend(xp.asarray(x), axis, type)
    xp_assert_close(got, xp.asarray(want), rtol=0, atol=1e-4 if single else 1e-12)


@given(st.data())
def test_the_trend_does_not_depend_on_the_chunking(draw):
    x = data((5, 13))
    chunks = draw.draw(chunkings(x.shape))
    axis = draw.draw(st.sampled_from([0, 1]))
    type = draw.draw(st.sampled_from(["linear", "constant"]))
    bp = draw.draw(st.lists(st.integers(0, x.shape[axis]), max_size=3))
    out = sw.signal.detrend(da.from_array(x, chunks=chunks), axis, type, bp or 0)
    assert out.chunks == chunks
    want = scipy.signal.detrend(x, axis, type, bp or 0)
    np.testing.assert_allclose(out.compute(scheduler="sync"), want, atol=1e-12)


def test_single_precision_stays_accurate_with_a_large_mean_along_a_cut_axis():
    x = data((2, 5000), "float32", mean=1e5)
    want = scipy.signal.detrend(x.astype("f8"))
    out = sw.signal.detrend(da.from_array(x, chunks=(1, 700))).compute(scheduler="sync")
    assert out.dtype == np.float32
    assert np.abs(out - want).max() < 5e-4


def test_whole_axes_take_one_task_per_chunk_and_cut_ones_what_the_plan_says():
    whole = da.zeros((8, 16), chunks=(2, 16), dtype="float32")
    with raise_if_computes():
        out = sw.signal.detrend(whole)
    assert len(dask.optimize(out)[0].__dask_graph__()) == 4
    cut = da.from_array(np.zeros((4, 64), "float32"), chunks=(2, 16))
    with raise_if_computes():
        out = sw.signal.detrend(cut)
    ours = [n for n in out.dask.layers if n.startswith("spanwise")]
    plan = out.dask.layers[ours[-1]].plan
    assert sum(len(out.dask.layers[name]) for name in ours) == plan.tasks
    assert plan.result.chunks == cut.chunks


def test_data_along_a_cut_axis_are_read_twice_and_never_held():
    source = CountingSource(data((4, 64)), (2, 4))
    sw.signal.detrend(source.array).sum().compute(scheduler="sync")
    assert source.passes == 2
    assert source.peak_live_chunks <= 4


def test_chunks_of_a_device_stay_there():
    x = HostFree.copy_from_host(data((4, 20), "float32"))
    lazy = da.from_array(x, chunks=(2, 7), asarray=False)
    out = sw.signal.detrend(lazy)
    assert isinstance(out._meta, HostFree)
    assert isinstance(out.compute(scheduler="sync"), HostFree)


def test_empty_axes_stay_empty():
    assert sw.signal.detrend(np.zeros((3, 0))).shape == (3, 0)
    lazy = da.zeros((3, 0), chunks=(1, 0))
    assert sw.signal.detrend(lazy).compute().shape == (3, 0)


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"type": "quadratic"}, ArgumentError, "type='quadratic'"),
        ({"axis": 2}, AxisError, "axis 2"),
        ({"bp": 10}, ArgumentError, r"bp=10.*0 \.\.\. 9"),
        ({"bp": [-1]}, ArgumentError, "bp="),
        ({"bp": 1.5}, ArgumentTypeError, "bp"),
    ],
)
def test_wrong_arguments_are_named(kwargs, error, message):
    with pytest.raises(error, match=message):
        sw.signal.detrend(data(), **kwargs)


def test_masked_data_are_refused():
    with pytest.raises(ArrayTypeError, match="data is a masked array"):
        sw.signal.detrend(np.ma.masked_array([1.0, 2.0], [0, 1]))
