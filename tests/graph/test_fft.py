"""The planner of Fourier transforms, on integers alone."""

import ast
import math
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import scipy.fft
from dask.array.core import normalize_chunks
from hypothesis import given
from hypothesis import strategies as st

from spanwise.errors import MemoryBudgetError
from spanwise.graph.fft import plan_fft
from spanwise.graph.grid import ArraySpec
from spanwise.graph.stages import Fill, Stage
from spanwise.kernels.transforms import TRANSFORMS
from spanwise.machine import Machine, parse_bytes
from spanwise.testing.strategies import axes_of, shapes_and_chunks

PLENTY = Machine(threads=2, memory=2**30)


def spec_of(chunks, dtype="float32"):
    return ArraySpec(chunks, dtype, np.dtype(dtype).itemsize)


def plan(chunks, kind="fft", axes=(0,), lengths=None, machine=PLENTY, dtype="complex64", **options):
    spec = spec_of(chunks, dtype)
    if lengths is None:
        lengths = tuple(spec.shape[a] for a in axes)
        if TRANSFORMS[kind].half == "in":
            lengths = (*lengths[:-1], max(1, 2 * (lengths[-1] - 1)))
    return plan_fft(
        spec,
        kind=kind,
        axes=axes,
        lengths=lengths,
        norm=None,
        machine=machine,
        operation=kind,
        **options,
    )


def params(stage):
    return dict(stage.work.params)


def outline(how):
    """What happens, in order: form of the exchange and axes of the transform behind it."""
    return [
        "fill"
        if isinstance(s, Fill)
        else (s.exchange and s.exchange.form, s.work and dict(s.work.params).get("axes"))
        for s in how.stages
    ]


# Form


def test_whole_axes_take_one_task_per_chunk_and_move_nothing():
    how = plan(((2, 2), (8,), (6,)), axes=(1, 2))
    assert outline(how) == [(None, (1, 2))]
    (step,) = how.plan.steps
    assert (step.tasks, step.pattern, step.bytes_moved, step.kernel) == (2, "blockwise", 0, "fft")


def test_a_cut_axis_is_made_whole_by_cutting_another_in_the_tasks_that_transform_it():
    how = plan(((4, 4), (8,)))
    assert outline(how) == [("view", (0,))]
    (stage,) = how.stages
    assert stage.exchange.target == stage.result.chunks == ((8,), (4, 4))
    (step,) = how.plan.steps
    assert (step.tasks, step.pattern, step.kernel) == (2, "exchange (view)", "fft")


def test_whole_axes_are_transformed_before_the_exchange():
    how = plan(((4, 4), (8,), (6,)), axes=(0, 1, 2))
    assert outline(how) == [(None, (1, 2)), ("view", (0,))]


def test_rfft_halves_the_data_before_they_move():
    how = plan(((4, 4), (9,)), "rfft", (0, 1), dtype="float32")
    assert outline(how) == [(None, (1,)), ("view", (0,))]
    assert [params(s)["kind"] for s in how.stages] == ["rfft", "fft"]
    assert how.plan.bytes_moved == 8 * 5 * 8


def test_rfft_makes_its_real_axis_whole_first():
    big = ((512,), (512,), (256, 256))
    machine = Machine(threads=2, memory=2**31)
    how = plan(big, "rfft", (0, 1, 2), machine=machine, dtype="float32")
    assert params(how.stages[0])["kind"] == "rfft"
    assert params(how.stages[0])["axes"][-1] == 2


@pytest.mark.parametrize("kind", ["irfft", "hfft"])
def test_half_a_spectrum_becomes_real_last(kind):
    how = plan(((4, 4), (9,)), kind, (0, 1))
    assert outline(how) == [("view", (0, 1))]
    assert params(how.stages[-1])["kind"] == kind
    assert params(how.stages[-1])["axes"][-1] == 1


def test_only_the_points_that_are_kept_move():
    how = plan(((50, 50), (8,)), lengths=(10,))
    assert how.stages[0].result.shape == (10, 8)
    assert how.plan.bytes_moved == 10 * 8 * 8
    padded = plan(((50, 50), (8,)), lengths=(300,))
    assert padded.plan.bytes_moved == 100 * 8 * 8
    assert padded.plan.result.shape == (300, 8)


def test_one_short_line_in_many_chunks_is_gathered_in_one_task():
    how = plan(((5,) * 20,))
    assert outline(how) == [("view", (0,))]
    assert how.plan.result.chunks == ((100,),)


def test_axes_that_are_cut_further_get_chunks_of_one_length():
    how = plan(((64,) * 4, (100,), (30, 30)), axes=(0,), machine=Machine(4, 2**21))
    for chunks in how.plan.result.chunks:
        assert len(set(chunks[:-1])) <= 1
        assert chunks[-1] <= chunks[0]


@pytest.mark.parametrize(
    ("memory", "form"), [(2**20, "view"), (240_000, "view"), (80_000, "staged")]
)
def test_the_budget_chooses_the_form(memory, form):
    machine = Machine(threads=1, memory=memory)
    how = plan(((16,) * 8, (128,)), machine=machine)
    assert outline(how) == [(form, (0,))]
    assert how.plan.peak_bytes <= memory


def test_a_cluster_sends_slices():
    machine = Machine(threads=1, memory=2**20, workers=4, distributed=True)
    assert outline(plan(((16,) * 8, (128,)), machine=machine)) == [("split", (0,))]


# Real input of a complex transform


@pytest.mark.parametrize(("kind", "half"), [("fft", "rfft"), ("ifft", "ihfft")])
def test_real_input_moves_half_a_spectrum_and_is_filled_in_place(kind, half):
    how = plan(((32,) * 8, (256,), (128,)), kind, (0, 1, 2), dtype="float32")
    assert outline(how) == [(None, (2, 1)), ("view", (0,)), "fill"]
    assert params(how.stages[0])["kind"] == half
    assert params(how.stages[1])["kind"] == kind
    # Each of the 8 chunks takes one line of 129 more than its own 16.
    assert how.plan.bytes_moved == 256 * 128 * (128 + 8) * 8
    assert how.plan.result.chunks == ((256,), (16,) * 16, (128,))
    assert how.stages[-1].others == (0, 2)


@pytest.mark.parametrize("n", [16, 17, 15, 64, 90, 97])
@pytest.mark.parametrize("blocks", [2, 3, 5])
def test_every_chunk_of_a_filled_axis_comes_from_one_source(n, blocks):
    how = plan(((4,) * blocks, (n,)), axes=(0, 1), dtype="float32")
    fill = how.stages[-1]
    assert isinstance(fill, Fill)
    axis = fill.axis
    assert sum(c.stop - c.start for c in fill.chunks) == n
    position, held = 0, fill.source.chunks[axis]
    starts = np.concatenate([[0], np.cumsum([h - 1 for h in held])])
    for chunk in fill.chunks:
        lines = np.arange(chunk.start, chunk.stop) + starts[chunk.source]
        points = (n - lines[::-1]) if chunk.mirrored else lines
        np.testing.assert_array_equal(points, np.arange(position, position + len(lines)))
        position += len(lines)


def test_half_an_axis_too_short_to_be_cut_is_not_used():
    machine = Machine(threads=2, memory=2**28)
    how = plan(((2**20,) * 8, (4,)), axes=(0, 1), dtype="float32", machine=machine)
    assert "fill" not in outline(how)


def test_axes_without_a_transform_are_cut_where_half_an_axis_is_too_short():
    how = plan(((4,) * 64, (4,), (4096,)), axes=(0, 1), dtype="float32")
    assert "fill" in outline(how)
    assert how.plan.result.chunks == ((256,), (1,) * 4, (128,) * 32)


# Chunks of the result


def test_output_chunks_take_one_exchange_more():
    chunks = ((4, 4), (8,))
    how = plan(chunks, output_chunks=chunks)
    assert outline(how) == [("view", (0,)), ("view", None)]
    assert how.plan.result.chunks == chunks


def test_output_chunks_that_the_exchange_can_give_cost_nothing():
    how = plan(((4, 4), (8,)), output_chunks=((8,), (2, 2, 4)))
    assert outline(how) == [("view", (0,))]
    assert how.plan.result.chunks == ((8,), (2, 2, 4))


# Refusals


def refusal(chunks, machine, **options):
    """Text of the error."""
    with pytest.raises(MemoryBudgetError) as caught:
        plan(chunks, machine=machine, **options)
    return str(caught.value)


def advised_chunks(text, chunks):
    """The chunks that a refusal advises."""
    sizes = ast.literal_eval(re.search(r"x\.rechunk\(({.*?})\)", text)[1])
    return tuple(
        normalize_chunks((sizes[axis],), (sum(old),))[0] if axis in sizes else old
        for axis, old in enumerate(chunks)
    )


def advised_memory(text):
    return parse_bytes(re.search(r'set_options\(memory="(.*?)"\)', text)[1])


def test_a_line_that_fits_in_no_form_is_refused_with_what_each_needs_and_what_helps():
    machine = Machine(2, 50_000, source="the test")
    chunks = ((1009,) * 9 + (10,),)
    text = refusal(chunks, machine)
    for words in ("axis 0", "the test", "213.1 KiB in one task", "no divisor", "n="):
        assert words in text
    assert "rechunk" not in text  # no chunks help: the number of points has no divisors
    plan(chunks, machine=replace(machine, memory=advised_memory(text)))


def test_chunks_that_are_too_large_are_refused_with_those_that_fit():
    machine = Machine(threads=2, memory=2**20, explicit=True)
    chunks = ((64,), (64,), (64,))
    for axes in ((1, 2), (0, 1, 2)):
        text = refusal(chunks, machine, axes=axes)
        advised = advised_chunks(text, chunks)
        assert plan(advised, machine=machine, axes=axes).plan.peak_bytes <= machine.memory
        memory = advised_memory(text)
        assert plan(chunks, machine=replace(machine, memory=memory), axes=axes)


def test_axes_along_which_nothing_is_transformed_are_cut_first():
    machine = Machine(threads=2, memory=2**20, explicit=True)
    text = refusal(((64,), (64,), (64,)), machine, axes=(1, 2))
    assert "Cut the input into smaller chunks (x.rechunk({0: 4}))" in text


def test_fewer_tasks_at_a_time_are_advised_where_that_helps():
    chunks = ((1,), (4096,))
    machine = Machine(threads=2, memory=150_000, explicit=True)
    assert "num_workers=1" in refusal(chunks, machine, axes=(1,))
    tight = replace(machine, memory=50_000)
    assert "num_workers=1" not in refusal(chunks, tight, axes=(1,))
    cluster = replace(machine, distributed=True)
    assert "one thread each" in refusal(chunks, cluster, axes=(1,))


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=3),
    st.integers(2, 17),
    st.data(),
)
def test_what_a_refusal_advises_is_planned(shape, logarithm, data):
    chunks = tuple((n,) for n in shape)
    axes = tuple(a % len(shape) for a in data.draw(axes_of(len(shape))))
    machine = Machine(threads=2, memory=2**logarithm, explicit=True)
    try:
        plan(chunks, machine=machine, axes=axes)
    except MemoryBudgetError as error:
        text = str(error)
    else:
        return
    if "rechunk" in text:
        advised = plan(advised_chunks(text, chunks), machine=machine, axes=axes)
        assert advised.plan.peak_bytes <= machine.memory
    if 'memory="' in text:
        larger = replace(machine, memory=advised_memory(text))
        assert plan(chunks, machine=larger, axes=axes).plan.peak_bytes <= larger.memory


@pytest.mark.parametrize("memory", [1, 2, 3, 10])
def test_a_budget_of_nothing_is_refused(memory):
    with pytest.raises(MemoryBudgetError):
        plan(((4, 4), (8,)), machine=Machine(threads=4, memory=memory))


def test_chunks_over_an_explicit_budget_are_refused_at_the_call():
    machine = Machine(threads=2, memory=1000, explicit=True)
    with pytest.raises(MemoryBudgetError, match="over the budget"):
        plan(((64,), (64,)), machine=machine)


def test_chunks_over_a_derived_budget_are_planned():
    assert plan(((64,), (64,)), machine=Machine(threads=2, memory=1000)).plan.peak_bytes > 1000


# Laws

kinds = st.sampled_from(["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
budgets = st.sampled_from([600, 2_000, 10_000, 2**30])


def input_dtype(kind, data):
    if TRANSFORMS[kind].half == "out":
        return "float32"
    return data.draw(st.sampled_from(["float32", "complex64"]))


@given(
    shapes_and_chunks(max_ndim=4, max_side=9, allow_empty=True),
    kinds,
    budgets,
    st.booleans(),
    st.integers(1, 4),
    st.data(),
)
def test_every_plan_has_the_shape_dtype_and_costs_that_it_states(
    grid, kind, memory, distributed, threads, data
):
    shape, chunks = grid
    axes = tuple(a % len(shape) for a in data.draw(axes_of(len(shape))))
    lengths = tuple(data.draw(st.integers(1, 12)) for _ in axes)
    dtype = input_dtype(kind, data)
    machine = Machine(threads, memory, workers=1 + distributed, distributed=distributed)
    try:
        how = plan(chunks, kind, axes, lengths, machine, dtype)
    except MemoryBudgetError:
        assert memory < 2**30
        return
    spec = spec_of(chunks, dtype)
    assert len(how.plan.steps) == len(how.stages)
    for stage, step in zip(how.stages, how.plan.steps, strict=True):
        assert stage.source == spec
        spec = stage.result
        assert step.bytes_out == spec.nbytes
        assert step.dtype == spec.dtype
        assert step.chunk_bytes == spec.chunk_bytes
        assert step.reason
        exchange = stage.exchange if isinstance(stage, Stage) else None
        assert step.tasks == (spec.blocks if exchange is None else exchange.tasks)
        is_staged = exchange is not None and exchange.form == "staged"
        assert step.bytes_staged == (exchange.result.nbytes if is_staged else 0)
    want = getattr(scipy.fft, f"{kind}n")(np.ones(shape, dtype), s=lengths, axes=axes)
    assert spec.shape == want.shape
    assert spec.dtype == str(want.dtype)
    assert how.plan.result == spec


@given(shapes_and_chunks(max_ndim=3, max_side=9, allow_empty=True), kinds, budgets, st.data())
def test_no_plan_exceeds_an_explicit_budget(grid, kind, memory, data):
    shape, chunks = grid
    axes = tuple(a % len(shape) for a in data.draw(axes_of(len(shape))))
    machine = Machine(2, memory, explicit=True)
    try:
        how = plan(chunks, kind, axes, machine=machine, dtype=input_dtype(kind, data))
    except MemoryBudgetError:
        return
    assert how.plan.peak_bytes <= memory


def test_plans_are_the_same_each_time():
    assert plan(((3, 5), (4, 4)), axes=(0, 1)) == plan(((3, 5), (4, 4)), axes=(0, 1))


def test_the_planner_is_pure():
    code = "import spanwise.graph.fft, sys; print({'dask', 'xarray'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_flops_are_counted_once_for_real_data():
    complex_ = plan(((64,), (64,)), "fft", (0, 1), dtype="complex64").plan.steps[0].flops
    real = plan(((64,), (64,)), "rfft", (0, 1), dtype="float32").plan.steps[0].flops
    assert complex_ == 5 * 64 * 64 * 12
    assert math.isclose(real, complex_ / 2)
