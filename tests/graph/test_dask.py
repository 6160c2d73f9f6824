"""Lowering: what graphs come out, what they are called, and what survives."""

import functools
import multiprocessing
import pickle
import weakref
from concurrent.futures import ProcessPoolExecutor

import cloudpickle
import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
from dask._task_spec import Alias, DataNode

import spanwise as sw
from spanwise.graph.dask import PlannedBlockwise, PlannedLayer, spec_of
from spanwise.kernels.library import library_of
from spanwise.testing import CountingSource, HostFree, register_with_dask

register_with_dask()

X = np.random.default_rng(0).standard_normal((24, 20, 24)).astype("float32")
SHORT_OF_MEMORY = 45_000
"""Bytes in which the exchange of X, which has 46080, must be staged."""


@pytest.fixture(autouse=True)
def options(tmp_path):
    """Two threads, and a store of the test's own."""
    with dask.config.set(num_workers=2), sw.set_options(temporary_store=str(tmp_path)):
        yield


def lazy(chunks=(3, 20, 24), x=X):
    return da.from_array(x, chunks=chunks)


def layers(y):
    """Our layers, in the order of the data."""
    ours = {n: la for n, la in y.dask.layers.items() if hasattr(la, "plan")}
    order = [n for n in y.dask._toposort_layers() if n in ours]
    return [ours[n] for n in order]


def form(y):
    return [layer.step.pattern for layer in layers(y)]


def tasks_after_fusion(y):
    """Tasks that a scheduler runs: neither data held in the graph nor other names of keys."""
    (optimised,) = dask.optimize(y)
    return [n for n in dict(optimised.dask).values() if not isinstance(n, (Alias, DataNode))]


def staged(name="fft", memory=SHORT_OF_MEMORY, x=None, **arguments):
    with sw.set_options(memory=memory):
        y = getattr(sw.fft, name)(lazy() if x is None else x, **arguments)
    assert any("staged" in pattern for pattern in form(y))
    return y


# Plans and graphs agree


@pytest.mark.parametrize(
    ("chunks", "memory"),
    [
        ((24, 20, 24), 2**30),
        ((5, 20, 24), 2**30),
        ((5, 4, 7), 2**30),
        (((0, 20, 4), 10, 6), 2**30),
        ((2, 20, 24), SHORT_OF_MEMORY),
        (((0, 12, 12), 10, 12), SHORT_OF_MEMORY),
    ],
)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("fft", {}),
        ("fftn", {}),
        ("rfftn", {}),
        ("irfftn", {}),
        ("ifft", {"axis": 0, "n": 9}),
        ("fftshift", {}),
        ("ifftshift", {"axes": 1}),
    ],
)
def test_the_plan_states_the_number_of_tasks_of_every_layer(name, arguments, chunks, memory):
    with sw.set_options(memory=memory):
        y = getattr(sw.fft, name)(lazy(chunks), **arguments)
    ours = layers(y)
    assert [layer.step for layer in ours] == list(ours[-1].plan.steps)
    assert all(layer.step.tasks == len(layer) for layer in ours)
    assert sum(layer.step.tasks for layer in ours) == ours[-1].plan.tasks
    assert ours[-1].plan.result.chunks == y.chunks
    assert ours[-1].plan.result.dtype == str(y.dtype)
    want = getattr(scipy.fft, name)(X, **arguments)
    got = y.compute(scheduler="sync")
    assert np.linalg.norm(got - want) <= 1e-6 * np.linalg.norm(want)


def test_local_transforms_are_one_symbolic_layer():
    y = sw.fft.fft2(lazy())
    (layer,) = layers(y)
    assert isinstance(layer, PlannedBlockwise)
    assert not layer.is_materialized()
    assert len(layer) == 8


def test_fft_mask_ifft_fuse_to_one_task_per_chunk():
    mask = np.linspace(0, 1, 24, dtype="float32")
    y = sw.fft.ifft2(sw.fft.fft2(lazy()) * mask).real
    assert len(tasks_after_fusion(y)) == y.npartitions
    np.testing.assert_allclose(
        y.compute(), scipy.fft.ifft2(scipy.fft.fft2(X) * mask).real, atol=1e-5
    )


def test_a_gather_and_its_transform_are_one_task_per_chunk():
    y = sw.fft.fft(lazy(), axis=0)
    assert form(y) == ["exchange (view)"]
    assert len(tasks_after_fusion(y)) == y.npartitions


def test_a_staged_read_and_its_transform_are_one_task_per_chunk():
    y = staged(axis=0)
    # Each of the 8 chunks of the source is made and written in one task.
    assert len(tasks_after_fusion(y)) == y.npartitions + 8


def test_a_slice_of_the_result_takes_only_what_it_needs():
    source = CountingSource(X, chunks=(24, 20, 3))
    y = sw.fft.fft(source.array, axis=0)
    y[:, :, :3].compute(scheduler="sync")
    assert source.total_reads == 1


# Names


def test_names_are_the_same_each_time():
    for axis in (0, 1):
        assert sw.fft.fft(lazy(), axis=axis).name == sw.fft.fft(lazy(), axis=axis).name
    assert staged(axis=0).name == staged(axis=0).name


def test_whatever_differs_in_the_plan_differs_in_the_name():
    def make(x=None, function=sw.fft.fft, memory=2**30, threads=2, **arguments):
        with sw.set_options(memory=memory), dask.config.set(num_workers=threads):
            return function(lazy() if x is None else x, **{"axis": 0, **arguments})

    made = [
        make(),
        make(function=sw.fft.ifft),
        make(function=sw.fft.rfft),
        make(norm="ortho"),
        make(norm="forward"),
        make(n=23),
        make(axis=1),
        make(memory=SHORT_OF_MEMORY),
        make(memory=2**29),
        make(threads=3),
        make(x=lazy((4, 20, 24))),
        make(x=lazy(x=X.astype("float64"))),
        make(x=lazy(x=X + 1)),
        sw.fft.fftn(lazy(), axes=(0, 1)),
        sw.fft.fftn(lazy(), axes=(0, 2)),
        sw.fft.fftn(lazy(), axes=(0,)),
        sw.fft.fftshift(lazy(), axes=0),
        sw.fft.ifftshift(lazy(), axes=0),
        sw.fft.fftshift(lazy((5, 20, 24)), axes=0),
        sw.fft.fftshift(lazy((5, 20, 24)), axes=1),
    ]
    assert len({y.name for y in made}) == len(made)
    ours = {}
    for y in made:
        for name, layer in y.dask.layers.items():
            if hasattr(layer, "plan"):
                first = ours.setdefault(name, layer)
                assert (first.step, first.plan) == (layer.step, layer.plan)
                assert set(first) == set(layer)


def test_sources_of_one_name_and_two_types_do_not_meet():
    values = {"float32": X, "complex64": X + 1j}
    made = []
    for dtype, x in values.items():
        tasks = {("same-name", i, 0, 0): x[3 * i : 3 * i + 3].astype(dtype) for i in range(8)}
        made.append(da.Array(tasks, "same-name", ((3,) * 8, (20,), (24,)), dtype=dtype))
    first, second = (sw.fft.fft(x, axis=0) for x in made)
    assert first.name != second.name
    for y, x in ((first, X), (second, X + 1j)):
        assert np.allclose(y.compute(), scipy.fft.fft(x, axis=0), atol=1e-4)


def test_task_names_say_what_they_do():
    for y in (sw.fft.rfftn(lazy()), staged(axis=0), sw.fft.fftshift(lazy())):
        for layer in layers(y):
            assert layer.step.name.startswith("spanwise-")
            for key in layer.get_output_keys():
                name = key if isinstance(key, str) else key[0]
                assert name.startswith(layer.step.name)


# What survives


@pytest.mark.parametrize("make", [lambda: sw.fft.fft2(lazy()), lambda: staged(axis=0)])
def test_step_and_plan_survive_pickling_of_the_graph(make):
    y = make()
    copy = cloudpickle.loads(cloudpickle.dumps(y))
    assert [(la.step, la.plan) for la in layers(copy)] == [(la.step, la.plan) for la in layers(y)]
    np.testing.assert_allclose(copy.compute(), y.compute())
    graph = pickle.loads(cloudpickle.dumps(y.dask))
    assert {type(la) for la in graph.layers.values() if hasattr(la, "plan")} <= {
        PlannedBlockwise,
        PlannedLayer,
    }


def test_plans_survive_user_code_behind_them():
    y = abs(sw.fft.fft(lazy(), axis=0)[::2, 1:]).sum(axis=1).rechunk(2)
    assert form(y) == ["exchange (view)"]


def test_finished_work_has_no_plan():
    assert layers(sw.fft.fft(lazy(), axis=0).persist(scheduler="sync")) == []


def test_culled_graphs_still_compute():
    y = sw.fft.fft(lazy(), axis=0)
    small = y[:, 3:4, 5]
    want = scipy.fft.fft(X, axis=0)[:, 3:4, 5]
    for z in (small, dask.optimize(small)[0], staged(axis=0)[:, 3:4, 5]):
        np.testing.assert_allclose(z.compute(), want, atol=1e-5)


def test_results_may_be_persisted_and_go_on():
    y = staged(axis=0).persist()
    np.testing.assert_allclose((y * 2).compute(), 2 * scipy.fft.fft(X, axis=0), atol=1e-4)


def test_results_that_share_a_source_are_computed_together():
    source = CountingSource(X, chunks=(3, 20, 24))
    with sw.set_options(memory=SHORT_OF_MEMORY):
        made = sw.fft.fft(source.array, axis=0), sw.fft.ifft(source.array, axis=0)
    here = sw.fft.rfft(source.array)
    got = dask.compute(*made, here)
    assert source.passes == 1
    wants = scipy.fft.fft(X, axis=0), scipy.fft.ifft(X, axis=0), scipy.fft.rfft(X)
    for a, b in zip(got, wants, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.fixture(scope="module")
def process_pool():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("scheduler", ["sync", "threads", "processes"])
@pytest.mark.parametrize("memory", [2**30, SHORT_OF_MEMORY])
def test_every_form_runs_on_every_local_scheduler(scheduler, memory, tmp_path, process_pool):
    with sw.set_options(memory=memory):
        y = sw.fft.fft(lazy(), axis=0)
    pool = process_pool if scheduler == "processes" else None
    got = y.compute(scheduler=scheduler, pool=pool)
    np.testing.assert_allclose(got, scipy.fft.fft(X, axis=0), atol=1e-4)
    assert list(tmp_path.iterdir()) == []


# Meta


@pytest.mark.parametrize("memory", [2**30, 80_000])
@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize("name", ["fft", "rfft", "irfft", "fftshift"])
def test_meta_keeps_the_library_of_the_chunks(name, axis, memory):
    x = da.from_array(HostFree.copy_from_host(X), chunks=(3, 20, 24), asarray=False)
    key = "axes" if name == "fftshift" else "axis"
    with sw.set_options(memory=memory):
        y = getattr(sw.fft, name)(x, **{key: axis})
    assert isinstance(y._meta, HostFree)
    assert y._meta.shape == (0, 0, 0)
    assert y._meta.dtype == y.dtype
    block = y.blocks[0, 0, 0].compute()
    assert isinstance(block, HostFree)
    assert block.dtype == y.dtype
    want = getattr(scipy.fft, name)(X, **{key: axis})
    np.testing.assert_allclose(sw.to_host(y.compute()), want, atol=1e-4)


def test_meta_comes_from_a_table_not_from_running_on_a_sample(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a transform ran when the graph was built")

    monkeypatch.setattr(scipy.fft, "fftn", refuse)
    assert sw.fft.fftn(lazy()).dtype == np.complex64


def test_specs_of_dask_arrays():
    spec = spec_of(lazy((5, 4, 7)))
    assert spec.chunks == ((5, 5, 5, 5, 4), (4,) * 5, (7, 7, 7, 3))
    assert (spec.dtype, spec.itemsize, spec.library) == ("float32", 4, library_of(X))
    assert all(type(n) is int for axis in spec.chunks for n in axis)
    with pytest.raises(sw.errors.UnknownChunksError, match="compute_chunk_sizes"):
        spec_of(lazy()[lazy()[:, 0, 0] > 0])


def test_results_do_not_keep_the_graph_of_their_source_alive():
    x = np.ones((8, 8), "float32")
    held = weakref.ref(x)
    y = sw.fft.fft(da.from_array(x, chunks=4, name=False), axis=0).compute()
    del x
    assert held() is None
    assert y.shape == (8, 8)


def test_partial_functions_of_kernels_travel_small():
    size = len(cloudpickle.dumps(sw.fft.fft2(lazy().map_blocks(functools.partial(np.add, 1)))))
    data = len(cloudpickle.dumps(lazy()))
    assert size < data + 20_000
