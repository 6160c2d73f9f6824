import html
import json

import dask
import dask.array as da
import numpy as np
import pytest

import spanwise as sw
from spanwise.errors import ArgumentError, ArrayTypeError
from spanwise.kernels.kernel import Kernel
from spanwise.kernels.transfer import counted_transfers
from spanwise.rates import EngineRate, Rates
from spanwise.schedulers import placement
from spanwise.schedulers.policy import DeviceFacts
from spanwise.schedulers.tables import WIDTH
from spanwise.testing import raise_if_computes
from spanwise.testing.hostfree import HostFree

double = Kernel("test-double-explain", lambda x: x * 2)


@pytest.fixture
def x():
    return da.ones((8, 6, 10), chunks=(2, 6, 10), dtype="float32")


def row(explanation, prefix):
    (found,) = (r for r in explanation.rows if r.name.startswith(prefix))
    return found


def test_nothing_is_computed(x):
    with raise_if_computes():
        str(sw.explain(sw.fft.fftn(x)))
        with placement("gpu", device="hostfree"):
            str(sw.explain(sw.fft.fftn(x)))


def test_rows_and_totals_count_what_is_needed(x):
    y = sw.fft.fft2(x)
    explanation = sw.explain(y)
    step = row(explanation, "spanwise-fft2")
    assert (step.kernel, step.pattern, step.planned) == ("fft", "blockwise", True)
    assert (step.tasks, step.chunks, step.chunk_bytes) == (4, 4, 2 * 60 * 8)
    assert (step.dtype, step.device) == ("complex64", "cpu")
    totals = explanation.totals
    assert (totals.tasks, totals.passes) == (8, 1)
    assert (totals.bytes_read, totals.bytes_written) == (x.nbytes, y.nbytes)
    assert totals.peak_bytes == step.peak_bytes > 0


def test_what_is_not_needed_is_not_counted(x):
    whole, part = sw.explain(sw.fft.fftn(x)), sw.explain(sw.fft.fft2(x)[:2])
    assert row(part, "spanwise-fft2").tasks == 1
    assert part.totals.bytes_read == x.nbytes // 4
    assert whole.totals.bytes_read == x.nbytes


def test_the_tasks_are_those_of_the_graph(x):
    y = sw.fft.fftn(x)
    assert sw.explain(y).totals.tasks == len(dict(y.dask))


def test_bytes_that_change_chunk_are_told(x):
    totals = sw.explain(sw.fft.fft(x, axis=0)).totals
    assert totals.bytes_moved > 0
    assert sw.explain(sw.fft.fft(x, axis=1)).totals.bytes_moved == 0


def test_results_that_share_layers_share_their_cost(x):
    y = sw.fft.fft2(x)
    both = sw.explain((y.real, y.imag))
    assert both.totals.tasks == sw.explain(y).totals.tasks + 8
    assert both.totals.bytes_read == x.nbytes
    assert len([r for r in both.rows if r.planned]) == 1


def test_the_device_and_its_reason_are_told(x):
    y = sw.fft.ifft2(sw.fft.fft2(x) * 2)
    with placement("gpu", device="hostfree"):
        explanation = sw.explain(y)
        text = str(explanation)
    assert [r.device for r in explanation.rows if r.kernel] == ["gpu", "gpu"]
    assert row(explanation, "mul").device == "gpu"
    assert "policy gpu" in text
    assert (explanation.totals.to_device.number, explanation.totals.to_host.number) == (4, 4)
    assert explanation.totals.to_device.bytes == x.nbytes
    assert explanation.totals.to_host.bytes == y.nbytes


def test_a_policy_can_be_explained_without_being_in_force(x):
    y = sw.fft.fft2(x)
    assert sw.explain(y).policy == "none"
    with placement("gpu", device="hostfree"):
        assert sw.explain(y, policy="cpu").policy == "cpu"
        assert {r.device for r in sw.explain(y, policy="cpu").rows} == {"cpu"}
        data = sw.explain(y, policy="data")
    assert "its input is on the host" in str(data)


def test_a_kernel_without_gpu_variant_says_so(x):
    host_only = Kernel("test-host-only", lambda block: block, on_device=False)
    y = x.map_blocks(host_only, dtype=x.dtype, meta=x._meta)
    with placement("gpu", device="hostfree"):
        assert "no GPU variant" in str(sw.explain(y))


def test_the_table_fits_its_columns(x):
    long = da.ones((7000, 6), chunks=(1, 6), name="a-name-that-is-longer-than-the-column-" * 3)
    with placement("gpu", device="hostfree"):
        text = str(sw.explain((sw.fft.fftn(x), sw.fft.fft(long, axis=0), abs(long))))
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert "7,000" in text


def test_json_and_html_hold_the_same(x):
    explanation = sw.explain(sw.fft.fft2(x))
    loaded = json.loads(explanation.to_json())
    assert loaded["totals"]["tasks"] == explanation.totals.tasks
    assert [r["name"] for r in loaded["rows"]] == [r.name for r in explanation.rows]
    page = explanation._repr_html_()
    assert page.count("<table>") == page.count("</table>") == 1
    assert all(note in html.unescape(page) for note in explanation.notes)
    assert page.count("<tr>") == len(explanation.rows) + 1


def test_the_budget_of_the_option_is_compared(x):
    y = sw.fft.fft2(x)
    with sw.set_options(memory="1kB"):
        explanation = sw.explain(y)
    assert not explanation.fits
    assert "OVER THE BUDGET" in str(explanation)
    assert sw.explain(y).fits


def test_plain_dask_arrays_are_summarised(x):
    explanation = sw.explain((x + 1).sum())
    assert not any(r.planned for r in explanation.rows)
    assert row(explanation, "add").chunk_bytes == 2 * 60 * 4
    assert "No step was built by spanwise" in str(explanation)


def test_xarray_objects_are_explained(x):
    xr = pytest.importorskip("xarray")
    labelled = xr.DataArray(sw.fft.fft2(x), dims=("t", "y", "x"), name="v")
    assert row(sw.explain(labelled.mean("t")), "spanwise-fft2").tasks == 4
    assert sw.explain(labelled.to_dataset()).totals == sw.explain(labelled).totals


def test_layers_that_are_gone_are_told(x):
    y = sw.fft.fft2(x)
    assert "held in memory" in str(sw.explain(y.persist(scheduler="sync") * 2))
    (fused,) = dask.optimize(y)
    assert "optimised before" in str(sw.explain(fused))
    assert "Delayed" in str(sw.explain(dask.delayed(sum)(y)))


@pytest.mark.parametrize("nothing", [np.ones(3), ()])
def test_concrete_arrays_have_nothing_to_explain(nothing):
    explanation = sw.explain(nothing)
    assert (explanation.rows, explanation.totals.tasks) == ((), 0)
    assert "Nothing is lazy" in str(explanation)


def test_wrong_arguments_are_refused(x):
    with pytest.raises(ArrayTypeError, match="x is a str"):
        sw.explain("fft")
    with pytest.raises(ArgumentError, match="placement='tpu'"):
        sw.explain(x, policy="tpu")


def test_a_plan_for_another_scheduler_is_named(x):
    from spanwise.schedulers import MixedCluster

    y = sw.fft.fftn(x)
    with MixedCluster(cpu=1, gpu=0, processes=False):
        assert "a cluster is active now" in str(sw.explain(y))


def test_unknown_and_empty_chunks_are_no_obstacle():
    unknown = da.ones(6, chunks=2)
    unknown = unknown[unknown > 0] + 1
    assert sw.explain(unknown).totals.bytes_written == 0
    assert sw.explain(da.zeros((0, 3)) + 1).totals.bytes_written == 0


def test_steps_are_priced_where_the_machine_was_measured(x, monkeypatch):
    assert "time " not in str(sw.explain(sw.fft.fft(x)))
    rates = Rates(
        (EngineRate("scipy", "complex64", 1e9), EngineRate("scipy", "complex128", 1e9)),
        1e9,
        1e9,
        1e9,
    )
    monkeypatch.setattr("spanwise.rates.load", lambda: rates)
    explanation = sw.explain(sw.fft.fft(x) + 1)
    priced = {row.planned: row.seconds for row in explanation.rows}
    assert priced[True] > 0
    assert priced[False] is None
    text = str(explanation)
    assert "\ntime      about " in text
    assert "spanwise calibrate" in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_placed_steps_have_a_table_of_their_own(x):
    y = sw.fft.ifft2(sw.fft.fft2(x) * 2)
    with placement("gpu", device="hostfree"):
        explanation = sw.explain(y)
    text = str(explanation)
    assert "placed step" in text
    assert "no measurement" in text
    assert "placed step" not in str(sw.explain(y))
    assert max(map(len, text.splitlines())) <= WIDTH
    page = explanation._repr_html_()
    assert page.count("<table>") == page.count("</table>") == 2
    assert page.count("<tr>") == len(explanation.rows) + 1 + 3 + 1


def test_the_device_peak_is_that_of_the_tasks_at_a_time(x):
    y = sw.fft.fft2(x)
    with placement("gpu", device="hostfree"), dask.config.set(num_workers=3):
        explanation = sw.explain(y)
    taken, given = 2 * 60 * 4, 2 * 60 * 8
    one = taken + 2 * given + given
    assert row(explanation, "spanwise-fft2").device_peak_bytes == 3 * one
    assert json.loads(explanation.to_json())["totals"]["device_peak_bytes"] == 3 * one


def test_what_the_user_holds_on_a_device_too_small_is_refused(x, monkeypatch):
    held = x.map_blocks(sw.to_device, library="hostfree", meta=HostFree.copy_from_host(x._meta))
    y = sw.fft.fft2(held)
    small = DeviceFacts("hostfree", 1, "1 GPU worker", advertised=True, memory=1000)
    monkeypatch.setattr("spanwise.schedulers.devices.survey", lambda *args, **kwargs: small)
    with placement("gpu", device="hostfree"):
        explanation = sw.explain(y)
    assert not explanation.fits
    assert "OVER WHAT A DEVICE HAS" in str(explanation)
    assert any("may be filled: rechunk" in note for note in explanation.notes)


def test_copies_of_blocks_that_overlap_are_planned_as_they_are_made():
    """Their segments get an axis of their own, so that a block has fewer axes than its result."""
    x = da.from_array(np.random.default_rng(0).normal(size=(6, 5000)), chunks=((4, 2), 1500))
    y = sw.signal.stft(x, nperseg=256, axis=1)[2]
    with placement("gpu", device="hostfree"), counted_transfers() as log:
        planned = sw.explain(y).totals
        y.compute()
    assert planned.to_device.number == log.to_device.copies == 8
    assert planned.to_device.bytes == log.to_device.bytes
    assert planned.to_host.bytes == log.to_host.bytes
