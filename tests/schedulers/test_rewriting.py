"""Placed graphs are whole, and what is inside of their tasks is fed from the right side."""

import dask
import dask.array as da
import numpy as np
import pytest
from dask._task_spec import Task
from dask.highlevelgraph import HighLevelGraph

import spanwise as sw
from spanwise.kernels.kernel import Kernel
from spanwise.kernels.library import library_of
from spanwise.kernels.transfer import LOG
from spanwise.schedulers import devices, placement
from spanwise.schedulers.dask.placed import PlacedTask
from spanwise.schedulers.hook import Hook
from spanwise.schedulers.policy import DeviceFacts

ADVERTISED = DeviceFacts("hostfree", 1, "1 GPU worker", advertised=True)
double = Kernel("test-double-rewriting", lambda x: x * 2)


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(8, 6))


@pytest.fixture
def x(values):
    return da.from_array(values, chunks=(2, 6))


def double_of(x):
    return x.map_blocks(double, dtype=x.dtype, meta=x._meta)


def seen_by(libraries):
    """Opaque code that notes what it is given."""

    def user(block):
        libraries.append(library_of(block))
        return block + 1

    return lambda x: x.map_blocks(user, dtype=x.dtype, meta=x._meta)


def placed(*arrays, facts=ADVERTISED):
    """The only layer of a placed graph."""
    graph = HighLevelGraph.merge(*(a.dask for a in arrays))
    keys = [a.__dask_keys__() for a in arrays]
    (layer,) = Hook("gpu", "hostfree", facts=facts)(graph, keys).layers.values()
    return layer


GRAPHS = {
    "chunk by chunk": lambda x: [sw.fft.fft(x, axis=1).real],
    "across chunks": lambda x: [sw.fft.fft(x, axis=0)],
    "several users": lambda x: [double_of(x), abs(double_of(x)), double_of(x)[:, ::2]],
    "neighbours": lambda x: [double_of(x)[1:] - double_of(x)[:-1]],
    "sums": lambda x: [double_of(x).sum(axis=0)],
    "opaque code between": lambda x: [double_of(seen_by([])(double_of(x)))],
    "overlaps": lambda x: [double_of(da.map_overlap(np.negative, x, depth=1, boundary="none"))],
    "rechunked": lambda x: [double_of(double_of(x).rechunk((3, 4)))],
}


@pytest.mark.parametrize("kind", GRAPHS)
def test_a_placed_graph_is_whole_and_its_device_tasks_say_so(x, kind):
    arrays = GRAPHS[kind](x)
    layer = placed(*arrays)
    wanted = set(dask.core.flatten([a.__dask_keys__() for a in arrays]))
    assert wanted <= layer.keys()
    for key, task in layer.items():
        assert task.key == key
        assert task.dependencies <= layer.keys()
        assert isinstance(task, PlacedTask) is ("@gpu" in str(key))
    needed = {d for task in layer.values() for d in task.dependencies} | wanted
    assert needed == layer.keys(), "nothing is left that nobody needs"


@pytest.mark.parametrize("kind", GRAPHS)
def test_exactly_the_device_tasks_are_kept_to_gpu_workers(x, kind):
    layer = placed(*GRAPHS[kind](x))
    restriction = layer.annotations["resources"]
    for key in layer:
        assert restriction(key) == ({"GPU": 1} if "@gpu" in str(key) else None)


def test_a_placed_task_is_named_after_what_it_runs_and_the_chunk_that_it_makes(x):
    y = sw.fft.fft(x, axis=1)
    names = {key[0] for key in placed(y[:, :3] * 2) if "@gpu" in str(key)}
    assert {key[1:] for key in placed(y) if "@gpu" in str(key)} == {(i, 0) for i in range(4)}
    assert {name.partition("@")[0] for name in names} == {"fft+getitem+mul"}
    assert {len(name.partition("@gpu-")[2]) for name in names} == {32}


@pytest.mark.parametrize("depth", [1, 2])
def test_what_is_made_on_the_host_from_an_input_of_the_same_task_sees_the_host(x, values, depth):
    libraries = []
    user = seen_by(libraries)
    beside = user(x) if depth == 1 else user(user(x))
    with placement("gpu", device="hostfree"):
        y = double_of(x) * beside
        planned = sw.explain(y).totals
        LOG.reset()
        got = y.compute(scheduler="sync")
    np.testing.assert_allclose(got, 2 * values * (values + depth))
    assert set(libraries) == {"numpy"}
    assert (LOG.to_device.copies, LOG.to_host.copies) == (8, 4)
    assert planned.to_device.number == 8


def test_a_chain_of_segments_and_opaque_code_is_one_task_for_each_chunk(values):
    libraries = []
    user = seen_by(libraries)
    x = da.from_array(values, chunks=(2, 6))[::-1]  # slices of their own: chunks differ
    with placement("gpu", device="hostfree"):
        y = user(double_of(user(double_of(user(x)))))
        got = y.compute(scheduler="sync")
    np.testing.assert_array_equal(got, 2 * (2 * (values[::-1] + 1) + 1) + 1)
    assert set(libraries) == {"numpy"}
    assert len([t for t in placed(y).values() if isinstance(t, Task) and "@gpu" in str(t.key)]) == 4


def test_a_graph_of_differing_chunks_that_was_fused_before_is_taken_apart(values):
    x = da.from_array(values, chunks=((1, 7), 6))
    (fused,) = dask.optimize(sw.fft.fft(double_of(x)[::-1], axis=1) + 1)
    names = {key[0] for key in placed(fused) if "@gpu" in str(key)}
    assert len(names) == 1, "one name for the chunks of one array"
    with placement("gpu", device="hostfree"):
        LOG.reset()
        got = fused.compute(scheduler="sync")
    np.testing.assert_allclose(got, np.fft.fft(2 * values[::-1], axis=1) + 1)
    assert LOG.to_host.copies >= 2


def test_a_graph_that_was_placed_before_keeps_its_tasks(values):
    x = da.from_array(values, chunks=((1, 7), 6))
    with placement("gpu", device="hostfree"):
        y = double_of(x)[::-1]
        LOG.reset()
        once = y.compute(scheduler="sync")
        planned = LOG.to_device.copies, LOG.to_host.copies
        (optimised,) = dask.optimize(y)
        LOG.reset()
        got = optimised.compute(scheduler="sync")
    np.testing.assert_array_equal(got, once)
    assert (LOG.to_device.copies, LOG.to_host.copies) == planned


def test_graphs_of_different_keys_are_layers_of_different_names(x):
    y = double_of(x)
    graphs = [
        Hook("gpu", "hostfree", facts=ADVERTISED)(a.dask, a.__dask_keys__()) for a in (y, y[:2])
    ]
    assert len({name for graph in graphs for name in graph.layers}) == 2


@pytest.mark.parametrize("is_active", [True, False])
def test_fusion_of_tasks_is_switched_as_in_dask(x, is_active):
    y = (double_of(x) + 0).sum()
    with dask.config.set({"optimization.fuse.active": is_active}):
        assert len(placed(y)) > 4
        with placement("gpu", device="hostfree"):
            np.testing.assert_allclose(y.compute(scheduler="sync"), 2 * x.sum().compute())


@pytest.mark.parametrize("of", [double_of, abs])
def test_another_optimiser_is_called_once(x, of):
    calls = []

    def before(dsk, keys, **kwargs):
        calls.append(len(keys))
        return da.optimization.optimize(dsk, keys, **kwargs)

    with dask.config.set(array_optimize=before):
        for policy in ("gpu", "cpu"):
            with placement(policy, device="hostfree"):
                of(x).compute(scheduler="sync")
    assert len(calls) == 2


def test_nobody_is_asked_for_devices_under_cpu(x, values, monkeypatch):
    monkeypatch.setattr(devices, "survey", None)
    with placement("cpu"):
        np.testing.assert_array_equal(double_of(x).compute(scheduler="sync"), 2 * values)
