"""The planner of Fourier transforms, on integers alone."""

import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st

from spanwise.errors import MemoryBudgetError
from spanwise.graph.exchange import Exchange
from spanwise.graph.fft import Local, plan_fft, plan_shift
from spanwise.graph.grid import ArraySpec
from spanwise.kernels.fft import result_dtype
from spanwise.machine import Machine
from spanwise.testing.strategies import axes_of, shapes_and_chunks

PLENTY = Machine(threads=2, memory=2**30)


def spec_of(chunks, dtype="float32"):
    return ArraySpec(chunks, dtype, np.dtype(dtype).itemsize)


def plan(chunks, kind="fft", axes=(0,), lengths=None, machine=PLENTY, dtype="float32"):
    spec = spec_of(chunks, dtype)
    if lengths is None:
        lengths = tuple(spec.shape[a] for a in axes)
        if kind == "irfft":
            lengths = (*lengths[:-1], max(1, 2 * (lengths[-1] - 1)))
    return plan_fft(
        spec, kind=kind, axes=axes, lengths=lengths, norm=None, machine=machine, operation=kind
    )


def outline(how):
    """What happens, in order: the axes of a transform, or the form of an exchange."""
    return [s.axes if isinstance(s, Local) else s.form for s in how.stages]


# Form


def test_whole_axes_take_one_task_per_chunk_and_move_nothing():
    how = plan(((2, 2), (8,), (6,)), axes=(1, 2))
    assert outline(how) == [(1, 2)]
    (step,) = how.plan.steps
    assert (step.tasks, step.pattern, step.bytes_moved, step.kernel) == (2, "blockwise", 0, "fft")


def test_a_cut_axis_is_made_whole_by_cutting_another():
    how = plan(((4, 4), (8,)))
    assert outline(how) == ["view", (0,)]
    exchange, local = how.stages
    assert exchange.target == ((8,), (4, 4))
    assert local.result.chunks == ((8,), (4, 4))


def test_whole_axes_are_transformed_before_the_exchange():
    assert outline(plan(((4, 4), (8,), (6,)), axes=(0, 1, 2))) == [(1, 2), "view", (0,)]


def test_rfft_halves_the_data_before_they_move():
    how = plan(((4, 4), (9,)), "rfft", (0, 1))
    assert outline(how) == [(1,), "view", (0,)]
    assert [s.kind for s in how.stages if isinstance(s, Local)] == ["rfft", "fft"]
    assert how.plan.bytes_moved == 8 * 5 * 8


def test_rfft_makes_its_real_axis_whole_first():
    big = ((512,), (512,), (256, 256))
    how = plan(big, "rfft", (0, 1, 2), machine=Machine(threads=2, memory=2**31))
    first = next(s for s in how.stages if isinstance(s, Local))
    assert first.kind == "rfft"
    assert first.axes[-1] == 2


def test_irfft_transforms_its_real_axis_last():
    how = plan(((4, 4), (9,)), "irfft", (0, 1), dtype="complex64")
    assert outline(how) == ["view", (0, 1)]
    locals_ = [s for s in how.stages if isinstance(s, Local)]
    assert locals_[-1].kind == "irfft"
    assert locals_[-1].axes[-1] == 1


def test_only_the_points_that_are_kept_move():
    how = plan(((50, 50), (8,)), lengths=(10,))
    assert how.stages[0].result.shape == (10, 8)
    assert how.plan.bytes_moved == 10 * 8 * 4
    padded = plan(((50, 50), (8,)), lengths=(300,))
    assert padded.plan.bytes_moved == 100 * 8 * 4
    assert padded.plan.result.shape == (300, 8)


def test_one_line_in_many_chunks_is_gathered_in_one_task():
    how = plan(((5,) * 20,))
    assert outline(how) == ["view", (0,)]
    assert how.plan.result.chunks == ((100,),)


def test_axes_that_no_one_transforms_keep_their_chunks_or_finer_ones():
    how = plan(((4, 4), (3, 5), (1,)))
    assert set(np.cumsum((3, 5))) <= set(np.cumsum(how.plan.result.chunks[1]))


@pytest.mark.parametrize(
    ("memory", "form"), [(2**20, "view"), (120_000, "view"), (40_000, "staged")]
)
def test_the_budget_chooses_the_form(memory, form):
    machine = Machine(threads=1, memory=memory)
    how = plan(((16,) * 8, (128,)), machine=machine)
    assert outline(how) == [form, (0,)]
    assert how.plan.peak_bytes <= memory


def test_a_cluster_sends_slices():
    machine = Machine(threads=1, memory=2**20, workers=4, distributed=True)
    assert outline(plan(((16,) * 8, (128,)), machine=machine)) == ["split", (0,)]


# Refusals


def test_a_line_that_does_not_fit_is_refused_with_remedies():
    with pytest.raises(MemoryBudgetError) as caught:
        plan(((1000,) * 10,), machine=Machine(threads=2, memory=50_000, source="the test"))
    text = str(caught.value)
    for words in ("axis 0", "the test", "set_options(memory=", "num_workers=1", "n="):
        assert words in text


@pytest.mark.parametrize("memory", [1, 2, 3, 10])
def test_a_budget_of_nothing_is_refused(memory):
    with pytest.raises(MemoryBudgetError):
        plan(((4, 4), (8,)), machine=Machine(threads=4, memory=memory))


def test_chunks_over_an_explicit_budget_are_refused_at_the_call():
    machine = Machine(threads=2, memory=1000, explicit=True)
    with pytest.raises(MemoryBudgetError, match="smaller chunks"):
        plan(((64,), (64,)), machine=machine)


def test_chunks_over_a_derived_budget_are_planned():
    assert plan(((64,), (64,)), machine=Machine(threads=2, memory=1000)).plan.peak_bytes > 1000


# Laws

kinds = st.sampled_from(["fft", "ifft", "rfft", "irfft"])
budgets = st.sampled_from([600, 2_000, 10_000, 2**30])


@given(
    shapes_and_chunks(max_ndim=4, max_side=9, allow_empty=True),
    kinds,
    budgets,
    st.booleans(),
    st.integers(1, 4),
    st.data(),
)
def test_every_plan_transforms_each_axis_once_and_whole(
    grid, kind, memory, distributed, threads, data
):
    shape, chunks = grid
    axes = tuple(a % len(shape) for a in data.draw(axes_of(len(shape))))
    lengths = tuple(data.draw(st.integers(1, 12)) for _ in axes)
    machine = Machine(threads, memory, workers=1 + distributed, distributed=distributed)
    try:
        how = plan(chunks, kind, axes, lengths, machine)
    except MemoryBudgetError:
        assert memory < 2**30
        return
    spec = spec_of(chunks)
    done = []
    for i, stage in enumerate(how.stages):
        if isinstance(stage, Exchange):
            assert stage.source == spec
            assert isinstance(how.stages[i + 1], Local)
        else:
            assert all(spec.is_whole(a) for a in stage.axes)
            real = [i for i, a in enumerate(stage.axes) if stage.kind in ("rfft", "irfft")]
            assert not real or stage.axes[-1] == axes[-1]
            if stage.kind == "rfft":
                assert done == []
            done += stage.axes
            assert stage.result.dtype == str(result_dtype(stage.kind, spec.dtype))
        spec = stage.result
    assert sorted(done) == sorted(axes)
    if kind == "irfft":
        assert done[-1] == axes[-1]
    want = getattr(scipy.fft, f"{kind}n")(np.ones(shape, "float32"), s=lengths, axes=axes)
    assert spec.shape == want.shape
    assert spec.dtype == str(want.dtype)
    assert how.plan.result == spec


@given(shapes_and_chunks(max_ndim=3, max_side=9, allow_empty=True), kinds, budgets, st.data())
def test_every_plan_states_its_costs(grid, kind, memory, data):
    shape, chunks = grid
    axes = tuple(a % len(shape) for a in data.draw(axes_of(len(shape))))
    machine = Machine(2, memory, explicit=True)
    try:
        how = plan(chunks, kind, axes, machine=machine)
    except MemoryBudgetError:
        return
    assert len(how.plan.steps) == len(how.stages)
    assert how.plan.peak_bytes <= memory
    for stage, step in zip(how.stages, how.plan.steps, strict=True):
        assert step.bytes_out == stage.result.nbytes
        assert step.dtype == stage.result.dtype
        assert step.chunk_bytes == stage.result.chunk_bytes
        assert step.reason
        if isinstance(stage, Local):
            assert step.tasks == stage.result.blocks
            assert step.bytes_moved == step.bytes_staged == 0
        else:
            assert step.tasks == stage.tasks
            assert step.bytes_staged == (stage.result.nbytes if stage.form == "staged" else 0)


def test_plans_are_the_same_each_time():
    assert plan(((3, 5), (4, 4)), axes=(0, 1)) == plan(((3, 5), (4, 4)), axes=(0, 1))


def test_the_planner_is_pure():
    code = "import spanwise.graph.fft, sys; print({'dask', 'xarray'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


# Shifts


def test_a_shift_along_whole_axes_is_blockwise():
    how = plan_shift(spec_of(((2, 2), (5,))), shifts={1: 2}, machine=PLENTY, operation="fftshift")
    (step,) = how.plan.steps
    assert how.exchange is None
    assert (step.pattern, step.tasks, step.bytes_moved, step.kernel) == ("blockwise", 2, 0, "roll")


@pytest.mark.parametrize(("distributed", "form"), [(False, "view"), (True, "split")])
def test_a_shift_along_a_cut_axis_exchanges_slices_in_unchanged_chunks(distributed, form):
    spec = spec_of(((2, 3), (5,)))
    machine = Machine(threads=2, memory=2**20, distributed=distributed)
    how = plan_shift(spec, shifts={0: 2, 1: 2}, machine=machine, operation="fftshift")
    assert how.exchange.form == form
    assert how.exchange.target == spec.chunks
    (step,) = how.plan.steps
    assert step.tasks == how.exchange.tasks
    assert step.bytes_moved == spec.nbytes
    assert how.plan.result == spec


def test_flops_are_counted_once_for_real_data():
    complex_ = plan(((64,), (64,)), "fft", (0, 1), dtype="complex64").plan.steps[0].flops
    real = plan(((64,), (64,)), "rfft", (0, 1)).plan.steps[0].flops
    assert complex_ == 5 * 64 * 64 * 12
    assert math.isclose(real, complex_ / 2)
