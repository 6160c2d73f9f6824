"""Plans of a band of frequencies: shares of chunks, or an exchange."""

from fractions import Fraction

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.signal

import spanwise as sw
from spanwise.errors import MemoryBudgetError
from spanwise.graph.grid import ArraySpec
from spanwise.graph.zoom import plan_zoom
from spanwise.kernels.zoom import Band
from spanwise.machine import Machine
from spanwise.testing import HostFree, register_with_dask

register_with_dask()

MACHINE = Machine(threads=2, memory=2**30)


def spec(chunks, dtype="float32"):
    return ArraySpec(chunks, dtype, np.dtype(dtype).itemsize)


def plan(chunks, points, machine=MACHINE, axis=-1, dtype="float32"):
    source = spec(chunks, dtype)
    band = Band(Fraction(0), Fraction(1, 10**6), points)
    return plan_zoom(
        source, axis=axis % source.ndim, band=band, machine=machine, operation="zoom_fft"
    )


def patterns(how):
    return [step.pattern for step in how.plan.steps]


CUT = ((16,), (1024,) * 32)


def test_whole_axes_are_one_step():
    how = plan(((4,) * 4, (4096,)), 100)
    assert patterns(how) == ["blockwise"]
    assert how.plan.tasks == 4
    assert how.plan.result.chunks == ((4,) * 4, (100,))
    assert how.plan.result.dtype == "complex64"
    assert how.plan.bytes_moved == 0


def test_few_points_are_added_in_a_tree():
    how = plan(CUT, 50)
    assert patterns(how) == ["blockwise", "reduce"]
    assert [step.tasks for step in how.plan.steps] == [32, 5]
    assert how.plan.bytes_moved == 32 * 50 * 16 * 8
    assert how.plan.result.chunks == ((16,), (50,))


def test_many_points_make_the_axis_whole():
    how = plan(CUT, 20_000)
    assert patterns(how) == ["exchange (view)", "blockwise"]
    assert how.plan.bytes_moved == 16 * 2**15 * 4


def test_the_cheaper_form_changes_once_as_points_grow():
    forms = [plan(CUT, points).exchange is not None for points in 2 ** np.arange(0, 16)]
    assert forms == sorted(forms)
    assert not forms[0]
    assert forms[-1]


def test_an_axis_too_long_for_a_task_is_added_whatever_the_points():
    small = Machine(threads=2, memory=2**24, explicit=True)
    how = plan(((2**16,) * 32,), 4096, small)
    assert patterns(how) == ["blockwise", "reduce"]


def test_over_the_budget_the_exchange_is_staged_or_the_plan_refused():
    small = Machine(threads=2, memory=2**28, explicit=True)
    how = plan(((4096,), (4096,) * 64), 2**18, small)
    assert patterns(how) == ["exchange (staged)", "blockwise"]
    assert how.plan.peak_bytes <= small.memory
    with pytest.raises(MemoryBudgetError, match="m="):
        plan(((2**24,),), 2**24, small)


@pytest.mark.parametrize(
    ("points", "shape", "chunks", "form"),
    [
        (5, (12, 900), (4, 100), ["blockwise", "reduce"]),
        (70, (12, 900), ((0, 12), (1, 0, 899)), ["blockwise", "reduce"]),
        (3000, (12, 900), (3, 90), ["exchange (view)", "blockwise"]),
        (3000, (12, 900), ((0, 12), (0, 10, 0, 90, 800)), ["exchange (view)", "blockwise"]),
        (3000, (12, 900), (5, 900), ["blockwise"]),
        (4096, (512, 4096), (512, 512), ["exchange (staged)", "blockwise"]),
    ],
)
def test_plans_and_graphs_agree(points, shape, chunks, form, tmp_path):
    x = np.random.default_rng(0).standard_normal(shape)
    memory = 14 * 2**20 if "exchange (staged)" in form else 2**30
    with (
        dask.config.set(num_workers=1),
        sw.set_options(memory=memory, temporary_store=str(tmp_path)),
    ):
        y = sw.fft.zoom_fft(da.from_array(x, chunks=chunks), 0.5, points)
    names = y.dask._toposort_layers()
    layers = [y.dask.layers[n] for n in names if hasattr(y.dask.layers[n], "plan")]
    assert [layer.step for layer in layers] == list(layers[-1].plan.steps)
    assert [layer.step.pattern for layer in layers] == form
    assert all(layer.step.tasks == len(layer) for layer in layers)
    assert layers[-1].plan.result.chunks == y.chunks
    assert layers[-1].plan.result.dtype == str(y.dtype)
    want = scipy.signal.zoom_fft(x, 0.5, points)
    np.testing.assert_allclose(y.compute(scheduler="sync"), want, atol=1e-11 * abs(want).max())


def test_shares_are_added_where_they_are():
    x = da.from_array(HostFree.copy_from_host(np.ones((4, 99))), chunks=(2, 10), asarray=False)
    y = sw.fft.zoom_fft(x, 0.5, 3)
    assert type(y._meta) is HostFree
    assert type(y.compute(scheduler="sync")) is HostFree


def test_whatever_differs_in_the_band_differs_in_the_name():
    x = da.ones((4, 100), chunks=(2, 30))
    names = {
        sw.fft.zoom_fft(x, fn, m, endpoint=end).name
        for fn in (0.5, (0.1, 0.5), (0.1, 0.50000001))
        for m in (5, 6)
        for end in (False, True)
    }
    assert len(names) == 12
    assert sw.fft.zoom_fft(x, 0.5, 5).name in names


def test_only_the_tasks_of_a_slice_run():
    y = sw.fft.zoom_fft(da.ones((4, 100), chunks=(1, 50)), 0.5, 4)
    (part,) = dask.optimize(y[0])
    assert len([k for k in part.dask if str(k).count("zoom_fft-sum")]) <= 2
