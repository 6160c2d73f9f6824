"""Blocks that overlap: parts of chunks, and the tasks that read them."""

import functools

import dask
import dask.array as da
import numpy as np
import pytest
from dask.array.optimization import optimize
from hypothesis import given
from hypothesis import strategies as st

from spanwise.errors import ArgumentError
from spanwise.graph.dask import map_halo, spec_of
from spanwise.graph.grid import ArraySpec, edges
from spanwise.graph.halo import halo_step, plan_halo
from spanwise.graph.plan import Plan
from spanwise.kernels.kernel import Kernel
from spanwise.machine import Machine
from spanwise.testing import HostFree, raise_if_computes, register_with_dask
from spanwise.testing.strategies import chunkings

register_with_dask()

MACHINE = Machine(threads=2, memory=2**30)

same = Kernel("test_same", lambda x, /, *numbers, before=(): x)


def joined(block, *numbers, before=()):
    """The block with what lies before it, and its numbers."""
    parts = [*before, block]
    return np.concatenate(parts, axis=-1) if before else block + 0


def lowered(x, ranges, function=joined, **options):
    how = plan_halo(spec_of(x), ranges)
    result = how.joined
    beside = [halo for _, halo in options.get("beside", ())]
    step = halo_step(how, result, same, machine=MACHINE, operation="test", reason="", beside=beside)
    plan = Plan("test", how.source, result, (step,), MACHINE)
    return map_halo(x, how, function, step=step, plan=plan, result=result, **options), plan


def blocks(y):
    return [np.asarray(b) for b in dask.compute(*y.to_delayed().ravel(), scheduler="sync")]


def padded(x, begin, end):
    zeros = np.zeros(max(0, -begin), x.dtype), np.zeros(max(0, end - x.size), x.dtype)
    inner = x[max(begin, 0) : max(end, 0)]
    return np.concatenate([zeros[0], inner, zeros[1]])[: end - begin]


@pytest.mark.parametrize("is_joined", [True, False])
@given(st.data())
def test_every_block_is_the_range_that_was_asked_for(is_joined, draw):
    n = draw.draw(st.integers(1, 30))
    x = np.arange(1.0, n + 1)
    lazy = da.from_array(x, chunks=draw.draw(chunkings((n,))))
    pairs = st.tuples(st.integers(-5, n + 5), st.integers(0, 20))
    ranges = [(a, a + m) for a, m in draw.draw(st.lists(pairs, min_size=1, max_size=6))]
    y, plan = lowered(lazy, {0: ranges}, joined=is_joined)
    for (a, b), got in zip(ranges, blocks(y), strict=True):
        np.testing.assert_array_equal(got, padded(x, a, b))
    assert len(y.dask.layers[y.name]) == plan.tasks


def test_several_axes_have_corners():
    x = np.arange(48.0).reshape(6, 8)
    lazy = da.from_array(x, chunks=(3, 4))
    ranges = {0: [(0, 4), (1, 6)], 1: [(0, 5), (3, 8)]}
    y, plan = lowered(lazy, ranges)
    for index in np.ndindex(2, 2):
        (a, b), (c, d) = ranges[0][index[0]], ranges[1][index[1]]
        np.testing.assert_array_equal(y.blocks[index].compute(scheduler="sync"), x[a:b, c:d])
    assert len(y.dask.layers[y.name]) == plan.tasks == 4 + 3 * 4
    # Eleven of each axis are read, eight by their own chunk: of 9 * 10 elements 48 stay.
    assert plan.bytes_moved == (9 * 10 - 48) * 8


def test_a_partial_chunk_of_its_own_and_slices_of_others_meet():
    x = np.arange(48.0).reshape(6, 8)
    lazy = da.from_array(x, chunks=(3, 4))
    ranges = {0: [(1, 4), (2, 5)], 1: [(1, 5), (3, 7)]}
    y, _ = lowered(lazy, ranges)
    for index in np.ndindex(2, 2):
        (a, b), (c, d) = ranges[0][index[0]], ranges[1][index[1]]
        np.testing.assert_array_equal(y.blocks[index].compute(scheduler="sync"), x[a:b, c:d])


def test_only_the_halo_moves():
    spec = ArraySpec(((1000,) * 10, (5,)), "float32", 4)
    how = plan_halo(spec, {0: [(max(0, a - 7), a + 1000) for a in range(0, 10_000, 1000)]})
    assert (how.tasks, how.slices, how.bytes_moved) == (19, 9, 9 * 7 * 5 * 4)
    assert how.joined.chunks == ((1000, *(1007,) * 9), (5,))
    step = halo_step(how, spec, same, machine=MACHINE, operation="test", reason="")
    assert (step.pattern, step.tasks, step.bytes_moved) == ("halo", 19, 1260)


def test_slices_are_copies_and_are_cut_once_for_all_who_read_them():
    x = da.from_array(np.arange(30.0), chunks=10)
    y, plan = lowered(x, {0: [(8, 20), (8, 20), (18, 30)]})
    assert plan.tasks == 3 + 2
    layer = y.dask.layers[y.name]
    slices = [key for key in layer if "slice" in key[0]]
    assert sorted(key[1:] for key in slices) == [(0, 0), (1, 0)]
    for key in slices:
        part = dask.get(dict(y.dask), key)
        assert part.size == 2
        assert part.base is None


def test_slices_stay_tasks_of_their_own_after_optimisation():
    x = da.ones(40, chunks=10) + 1
    y, _ = lowered(x, {0: [(max(0, a - 2), a + 10) for a in range(0, 40, 10)]})
    graph = optimize(y.dask, list(dask.core.flatten(y.__dask_keys__())))
    names = [str(key[0]) for key in graph]
    assert sum("slice" in name for name in names) == 3


def test_blocks_that_are_chunks_are_one_layer_that_fuses():
    x = da.ones(40, chunks=10) + 1
    y, plan = lowered(x, {0: [(a, a + 10) for a in range(0, 40, 10)]})
    assert plan.steps[0].pattern == "blockwise"
    graph = optimize(y.dask, list(dask.core.flatten(y.__dask_keys__())))
    assert len(graph) == 4


def test_the_function_is_given_the_numbers_of_its_block():
    x = da.from_array(np.zeros((4, 6)), chunks=(2, 3))

    def number(block, row, column, other):
        return block + 100 * row + 10 * column + other

    y, _ = lowered(
        x,
        {1: [(0, 4), (2, 6)]},
        number,
        numbers=((0, (1, 2)), (1, (3, 4)), (1, (5, 6))),
    )
    got = [int(b.flat[0]) for b in blocks(y)]
    assert got == [135, 146, 235, 246]


def test_several_arrays_are_cut_in_their_own_chunks():
    x, z = np.arange(20.0), np.arange(20.0) ** 2
    ranges = {0: [(0, 10), (8, 20)]}
    lazy, other = da.from_array(x, chunks=10), da.from_array(z, chunks=7)
    beside = plan_halo(spec_of(other), ranges)
    y, _ = lowered(lazy, ranges, lambda a, b: a * b, beside=[(other, beside)])
    for (a, b), got in zip(ranges[0], blocks(y), strict=True):
        np.testing.assert_array_equal(got, (x * z)[a:b])


def test_chunks_of_a_device_are_joined_where_they_are():
    x = np.arange(12.0)
    lazy = da.from_array(HostFree.copy_from_host(x), chunks=4, asarray=False)
    ranges = [(-1, 4), (2, 8), (7, 13)]
    y, _ = lowered(lazy, {0: ranges}, functools.partial(same), joined=False)
    for (a, b), got in zip(ranges, dask.compute(*y.to_delayed(), scheduler="sync"), strict=True):
        assert isinstance(got, HostFree)
        np.testing.assert_array_equal(got.copy_to_host(), padded(x, a, b))


def test_nothing_is_computed_when_tasks_are_made():
    with raise_if_computes():
        lowered(da.ones(40, chunks=10), {0: [(0, 30), (10, 40)]})


def test_equal_calls_have_equal_names_and_others_do_not():
    x = da.ones(40, chunks=10)
    first, second = (lowered(x, {0: [(0, 30), (10, 40)]})[0] for _ in range(2))
    assert first.name == second.name
    assert lowered(x, {0: [(0, 30), (11, 40)]})[0].name != first.name
    assert lowered(x, {0: [(0, 30), (10, 40)]}, joined=False)[0].name != first.name


def test_ranges_that_end_before_they_begin_are_refused():
    with pytest.raises(ArgumentError, match=r"range \(5, 3\) of axis 0"):
        plan_halo(ArraySpec(((10,),), "float32", 4), {0: [(5, 3)]})


def test_ranges_of_empty_axes_are_zeros():
    how = plan_halo(ArraySpec(((0,),), "float32", 4), {0: [(-2, 1)]})
    assert edges(how.joined.chunks[0]) == (0, 3)
    y, _ = lowered(da.ones(0, chunks=1), {0: [(-2, 1)]})
    np.testing.assert_array_equal(blocks(y)[0], np.zeros(3))
