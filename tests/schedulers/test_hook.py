import functools
import logging
import pickle

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
from dask.array.optimization import optimize

import spanwise as sw
from spanwise.errors import ArgumentError, PlacementError, TransferError
from spanwise.kernels.kernel import Kernel
from spanwise.kernels.library import library_of
from spanwise.kernels.transfer import LOG, counted_transfers
from spanwise.schedulers import placement
from spanwise.schedulers.hook import Hook, current, install, settings
from spanwise.testing import HostFree

on_device = functools.partial(placement, "gpu", device="hostfree")
ran_on = []


def _double(x):
    ran_on.append(library_of(x))
    return x * 2


double = Kernel("test-double", _double)


@pytest.fixture(autouse=True)
def _fresh_counts():
    ran_on.clear()
    LOG.reset()


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(6, 8, 10))


@pytest.fixture
def x(values):
    return da.from_array(values, chunks=(2, 8, 10))


def copies():
    return LOG.to_device.copies, LOG.to_host.copies


def optimised(*arrays):
    """The graph of arrays as a scheduler gets it."""
    keys = [a.__dask_keys__() for a in arrays]
    graph = dask.highlevelgraph.HighLevelGraph.merge(*(a.dask for a in arrays))
    return arrays[0].__dask_optimize__(graph, keys)


def smooth(x):
    return sw.fft.ifft2(sw.fft.fft2(x) * 0.5).real


def test_smoothing_makes_two_copies_for_each_chunk(x, values):
    with on_device():
        got = smooth(x).compute(scheduler="sync")
    np.testing.assert_allclose(got, values / 2, atol=1e-14)
    assert type(got) is np.ndarray
    assert copies() == (3, 3)
    assert LOG.to_device.bytes == values.nbytes
    assert LOG.to_host.bytes == values.nbytes


def test_a_host_operand_between_kernels_is_copied_once_for_each_task(x, values):
    mask = np.linspace(0, 1, 80).reshape(8, 10)
    with on_device():
        got = sw.fft.ifft2(sw.fft.fft2(x) * mask).compute(scheduler="sync")
    np.testing.assert_allclose(got, scipy.fft.ifft2(scipy.fft.fft2(values) * mask), atol=1e-14)
    assert copies() == (6, 3)


def test_read_kernel_and_copies_of_a_chunk_are_one_task(x):
    read = x.map_blocks(np.negative, dtype=x.dtype)
    with on_device():
        y = smooth(read)
        graph = dict(optimised(y))
    tasks = [k for k in graph if k not in set(dask.core.flatten(y.__dask_keys__()))]
    assert len(tasks) == 3
    assert all("@gpu" in dask.utils.key_split(k) for k in tasks)


def test_the_user_sees_the_same_keys_meta_and_type(x):
    plain = smooth(x)
    with on_device():
        placed = smooth(x)
        graph = dict(optimised(placed))
        persisted = placed.persist(scheduler="sync")
    assert placed.name == plain.name
    assert type(placed._meta) is np.ndarray
    assert set(dask.core.flatten(placed.__dask_keys__())) <= set(graph)
    assert persisted.name == placed.name
    assert all(type(c) is np.ndarray for c in persisted.dask.values())


def test_opaque_code_stays_on_the_host(x, values):
    seen = []

    def user(block):
        seen.append(library_of(block))
        return block + 1

    with on_device():
        y = double_of(double_of(x).map_blocks(user, dtype=x.dtype, meta=x._meta))
        got = y.compute(scheduler="sync")
    np.testing.assert_array_equal(got, (values * 2 + 1) * 2)
    assert set(seen) == {"numpy"}
    assert set(ran_on) == {"hostfree"}
    assert copies() == (6, 6)


def double_of(x):
    return x.map_blocks(double, dtype=x.dtype, meta=x._meta)


def test_a_difference_from_the_mean_does_not_wait_for_itself(x, values):
    with on_device():
        y = double_of(x)
        got = (y - y.mean()).compute(scheduler="sync")
    np.testing.assert_allclose(got, 2 * values - 2 * values.mean())


def test_several_results_of_one_task_are_each_right(x, values):
    with on_device():
        y = double_of(x)
        got = dask.compute(y, abs(y), y[:, ::2], scheduler="sync")
    np.testing.assert_array_equal(got[0], 2 * values)
    np.testing.assert_array_equal(got[1], abs(2 * values))
    np.testing.assert_array_equal(got[2], 2 * values[:, ::2])


def test_two_transforms_that_meet_are_one_task(x, values):
    with on_device():
        y = double_of(x) * double_of(x + 1)
        got = y.compute(scheduler="sync")
        tasks = [k for k in dict(optimised(y)) if "@gpu" in str(k)]
    np.testing.assert_allclose(got, 4 * values * (values + 1))
    assert len(tasks) == 3
    assert copies() == (6, 3)


def test_astype_slices_and_ufuncs_stay_with_the_kernels(x, values):
    with on_device():
        y = double_of(np.cos(double_of(x)).astype("float32")[..., 1:])
        got = y.compute(scheduler="sync")
    np.testing.assert_allclose(got, 2 * np.cos(2 * values)[..., 1:], rtol=1e-5, atol=1e-6)
    assert got.dtype == np.float32
    assert copies() == (3, 3)


@pytest.mark.parametrize("chunks", [(2, 4, 10), ((1, 5), (3, 4, 1), 10), (6, 8, 10)])
def test_an_exchange_beside_device_segments_stays_on_the_host(values, chunks):
    x = da.from_array(values, chunks=chunks)
    with on_device():
        y = sw.fft.fftn(x)
        planned = sw.explain(y).totals
        got = y.compute(scheduler="sync")
    np.testing.assert_allclose(got, scipy.fft.fftn(values), atol=1e-12)
    assert copies() == (planned.to_device.number, planned.to_host.number)
    assert LOG.to_device.bytes == planned.to_device.bytes
    assert LOG.to_host.bytes == planned.to_host.bytes


def test_a_reduction_combines_on_the_host(x, values):
    with on_device():
        got = double_of(x).sum(axis=0).compute(scheduler="sync")
    np.testing.assert_allclose(got, 2 * values.sum(axis=0))
    assert copies() == (3, 3)


@pytest.mark.parametrize("dtype", ["float32", "complex64", "int16", "bool"])
def test_every_device_dtype_goes_and_comes_back(values, dtype):
    x = da.from_array((values > 0).astype(dtype), chunks=(2, 8, 10))
    with on_device():
        got = double_of(x.astype(dtype)).compute(scheduler="sync")
    assert set(ran_on) == {"hostfree"}
    np.testing.assert_array_equal(got, (values > 0).astype(dtype) * 2)


def test_long_double_stays_on_the_host(values):
    x = da.from_array(values.astype("longdouble"), chunks=(2, 8, 10))
    with on_device():
        double_of(x).compute(scheduler="sync")
        row = next(r for r in sw.explain(double_of(x)).rows if r.kernel)
    assert set(ran_on) == {"numpy"}
    if x.dtype.itemsize > 8:  # some platforms have none longer than double
        assert "on devices" in row.reason


def test_uneven_single_and_empty_chunks(values):
    for chunks in [((1, 5), (8,), (3, 7)), values.shape]:
        with on_device():
            got = double_of(da.from_array(values, chunks=chunks)).compute(scheduler="sync")
        np.testing.assert_array_equal(got, 2 * values)
    with on_device():
        assert double_of(da.zeros((0, 3), chunks=2)).compute(scheduler="sync").shape == (0, 3)


def test_threads_give_the_same_result(x, values):
    with on_device():
        got = smooth(x).compute(scheduler="threads")
    np.testing.assert_allclose(got, values / 2, atol=1e-14)


def test_culled_chunks_are_neither_copied_nor_computed(x, values):
    with on_device():
        got = double_of(x)[:2].compute(scheduler="sync")
    np.testing.assert_array_equal(got, 2 * values[:2])
    assert copies() == (1, 1)


def test_follow_data_leaves_host_data_on_the_host(x):
    with placement("data", device="hostfree"):
        double_of(x).compute(scheduler="sync")
    assert set(ran_on) == {"numpy"}
    assert copies() == (0, 0)


@pytest.mark.parametrize("policy", ["gpu", "data"])
def test_chunks_that_are_on_a_device_stay_there(values, policy):
    x = da.from_array(HostFree.copy_from_host(values), chunks=(2, 8, 10), asarray=False)
    LOG.reset()
    with placement(policy, device="hostfree"):
        y = sw.fft.ifft2(sw.fft.fft2(x) * 2)
        got = y.compute(scheduler="sync")
    assert isinstance(got, HostFree)
    np.testing.assert_allclose(got.copy_to_host(), 2 * values, atol=1e-14)
    assert copies() == (0, 0)


def test_cpu_refuses_kernels_on_device_chunks_and_names_the_way_out(values):
    x = da.from_array(HostFree.copy_from_host(values), chunks=(2, 8, 10), asarray=False)
    with placement("cpu"), pytest.raises(PlacementError, match=r"map_blocks\(spanwise.to_host"):
        sw.fft.fft2(x).compute(scheduler="sync")
    with placement("cpu"):
        host = x.map_blocks(sw.to_host, dtype=x.dtype, meta=np.empty((0, 0, 0)))
        got = sw.fft.fft2(host).compute(scheduler="sync")
    np.testing.assert_allclose(got, scipy.fft.fft2(values), atol=1e-12)


def test_cpu_leaves_the_graph_alone(x):
    y = smooth(x)
    plain = dict(optimised(y))
    with placement("cpu"):
        placed = dict(optimised(y))
    assert placed.keys() == plain.keys()


def test_a_graph_without_kernels_is_left_to_dask(x):
    y = (x + 1).sum()
    plain = dict(optimised(y))
    with on_device():
        assert dict(optimised(y)).keys() == plain.keys()


def test_no_device_means_the_cpu_with_a_reason(x, values):
    with placement("gpu"):
        got = double_of(x).compute(scheduler="sync")
        text = str(sw.explain(double_of(x)))
    np.testing.assert_array_equal(got, 2 * values)
    if ran_on[0] == "numpy":
        assert "no GPU" in text


def test_transfers_can_be_logged(x, caplog):
    with caplog.at_level(logging.INFO, "spanwise.transfers"), on_device(transfers="log"):
        double_of(x).compute(scheduler="sync")
    assert [m.split(":")[0] for m in caplog.messages].count("to_device") == 3
    assert caplog.messages[-1].startswith("to_host: (2, 8, 10) float64, 1280 bytes")


def test_transfers_can_be_forbidden_before_anything_runs(x):
    with on_device(transfers="disallow"), pytest.raises(TransferError, match="disallow"):
        double_of(x).compute(scheduler="sync")
    assert ran_on == []


def test_a_hook_that_was_set_before_is_still_called(x, values):
    calls = []

    def before(dsk, keys, **kwargs):
        calls.append(len(keys))
        return da.optimization.optimize(dsk, keys, **kwargs)

    with dask.config.set(array_optimize=before):
        with on_device():
            got = smooth(x).compute(scheduler="sync")
        assert dask.config.get("array_optimize") is before
    np.testing.assert_allclose(got, values / 2, atol=1e-14)
    assert calls
    assert copies() == (3, 3)


def test_a_graph_that_was_fused_before_is_taken_apart(x, values):
    (fused,) = dask.optimize(smooth(x))
    with on_device():
        got = fused.compute(scheduler="sync")
    np.testing.assert_allclose(got, values / 2, atol=1e-14)
    assert copies() == (3, 3)


def test_inner_placements_win_and_outer_ones_come_back(x):
    assert current() is None
    with on_device():
        with placement("cpu"):
            double_of(x).compute(scheduler="sync")
            assert set(ran_on) == {"numpy"}
        assert current() == Hook("gpu", "hostfree")
        with sw.set_options(placement=None):
            assert current() is None
        double_of(x).compute(scheduler="sync")
        assert set(ran_on) == {"numpy", "hostfree"}
    assert current() is None


def test_placement_decorates_functions_and_may_be_entered_again(x):
    @on_device()
    def run(depth):
        if depth:
            run(depth - 1)
        return current()

    assert run(2) == Hook("gpu", "hostfree")
    assert current() is None


def test_the_option_sets_the_hook_for_its_block_only():
    with sw.set_options(placement="gpu"):
        assert current() == Hook("gpu")
        assert "array_optimize" not in settings("gpu")
    assert current() is None
    with install("data", device="hostfree"):
        assert current() == Hook("data", "hostfree")
    assert current() is None


def test_a_pickled_hook_carries_what_the_client_knew():
    hook = Hook("gpu", "hostfree")
    assert bool(hook)
    copy = pickle.loads(pickle.dumps(hook))
    assert copy.facts is not None
    assert copy.facts.devices == 1


@pytest.mark.parametrize(
    "arguments",
    [("tpu", {}), ("gpu", {"device": "torch"}), ("gpu", {"transfers": "maybe"})],
)
def test_wrong_arguments_are_refused(arguments):
    policy, options = arguments
    with pytest.raises(ArgumentError, match="expected one of"):
        placement(policy, **options)


def test_a_key_stands_for_one_content_whatever_it_is_computed_with(x):
    # y alone and y beside abs(y) are different tasks and must not share a key.
    with on_device():
        y = double_of(x)
        alone = {k for k in dict(optimised(y)) if "@gpu" in str(k)}
        together = {k for k in dict(optimised(y, abs(y))) if "@gpu" in str(k)}
    assert not alone & together


@pytest.mark.parametrize("policy", ["cpu", "gpu", "data", "cost"])
def test_every_policy_can_be_set_as_an_option_and_in_the_configuration(policy):
    with sw.set_options(placement=policy):
        assert current().policy == sw.get_options()["placement"] == policy
    with dask.config.set({"spanwise.placement": policy, "array_optimize": optimize}):
        sw.fft.fft(da.ones((2, 4), chunks=(1, 4)))
        assert current().policy == policy


@pytest.mark.parametrize("chunks", [(6, 6, 8), ((4, 8), (7, 5), 8)])
@pytest.mark.parametrize("axis", [0, (0, 1), None])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "any", "all", "mean", "std", "var"])
def test_the_first_round_of_a_reduction_runs_on_the_device(name, axis, chunks):
    values = np.random.default_rng(2).normal(size=(12, 12, 8))
    x = da.from_array(values, chunks=chunks)
    with placement("gpu", device="hostfree"):
        squares = abs(sw.fft.fft(x, norm="ortho")) ** 2
        for y in (squares, squares[:, 1:]):
            out = getattr(y, name)(axis=axis)
            planned = sw.explain(out).totals
            with counted_transfers() as log:
                got = out.compute(scheduler="sync")
            expected = getattr(np.abs(np.fft.fft(values, norm="ortho")) ** 2, name)
            if y is squares:
                np.testing.assert_allclose(got, expected(axis=axis), rtol=1e-10)
            assert (log.to_host.copies, log.to_host.bytes) == (
                planned.to_host.number,
                planned.to_host.bytes,
            )
            assert log.to_host.bytes < y.nbytes


def test_a_reduction_that_leaves_no_arrays_alike_stays_on_the_host():
    x = da.from_array(np.random.default_rng(2).normal(size=(8, 10)), chunks=(2, 10))
    with placement("gpu", device="hostfree"):
        y = sw.fft.fft(x)
        planned = sw.explain(y.var()).totals
        with counted_transfers() as log:
            got = y.var().compute(scheduler="sync")
    np.testing.assert_allclose(got, np.fft.fft(x.compute()).var())
    assert log.to_host.bytes == planned.to_host.bytes == y.nbytes
