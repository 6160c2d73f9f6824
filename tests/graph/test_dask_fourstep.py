"""Graphs of transforms in four steps: right in every form, on every scheduler, nothing spoilt."""

import warnings

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
from distributed import Client, LocalCluster
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.graph import whole
from spanwise.graph.dask import lower_fft, spec_of
from spanwise.graph.fft import plan_fft
from spanwise.machine import Machine
from spanwise.testing import CountingSource, HostFree, register_with_dask
from spanwise.testing.strategies import chunkings

register_with_dask()

HERE = Machine(threads=2, memory=2**30)
CLUSTER = Machine(threads=1, memory=2**30, workers=2, distributed=True)
SHORT_OF_MEMORY = Machine(threads=2, memory=11_000)
"""In which transforms of 1200 points are staged: single ones of 9600 bytes."""
MACHINES = {"view": HERE, "split": CLUSTER, "staged": SHORT_OF_MEMORY}
N = 1200


@pytest.fixture(autouse=True, scope="module")
def small_arrays_count():
    """Arrays that one task could hold take four steps as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "ONE_TASK_BYTES", 0)
        yield


@pytest.fixture(autouse=True)
def two_threads():
    with dask.config.set(num_workers=2):
        yield


def random(shape, dtype="complex64"):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


def transform(x, kind="fft", n=None, axis=-1, norm=None, machine=HERE, store=None, **options):
    """The planned and lowered transform of one axis."""
    axis %= x.ndim
    if n is None:
        n = 2 * (x.shape[axis] - 1) if kind in ("irfft", "hfft") else x.shape[axis]
    return transform_axes(x, kind, (axis,), (n,), norm, machine, store, **options)


def transform_axes(x, kind, axes, lengths, norm=None, machine=HERE, store=None, **options):
    how = plan_fft(
        spec_of(x),
        kind=kind,
        axes=axes,
        lengths=lengths,
        norm=norm,
        machine=machine,
        operation=kind,
        **options,
    )
    return lower_fft(x, how, store_root=None if store is None else str(store))


def layers(y):
    """Our layers, in the order of the data."""
    order = [n for n in y.dask._toposort_layers() if hasattr(y.dask.layers[n], "plan")]
    return [y.dask.layers[n] for n in order]


def is_four_steps(y):
    return any("four steps" in layer.step.reason for layer in layers(y))


def form(y):
    """Forms of the exchanges."""
    return {la.step.pattern for la in layers(y)} - {"blockwise"}


def assert_close(got, want, rtol=None):
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    rtol = rtol or (2e-6 if np.finfo(want.dtype).eps > 1e-8 else 1e-14)
    assert np.linalg.norm(got - want) <= rtol * max(np.linalg.norm(want), 1e-30)


def check(x, kind="fft", n=None, axis=-1, norm=None, machine=HERE, store=None, **options):
    """A transform is in four steps, of as many tasks as it says, and SciPy's."""
    y = transform(x, kind, n, axis, norm, machine, store, **options)
    assert is_four_steps(y)
    for layer in layers(y):
        assert layer.step.tasks == len(layer)
    assert sum(len(layer) for layer in layers(y)) == layers(y)[-1].plan.tasks
    got = y.compute(scheduler="sync")
    want = getattr(scipy.fft, kind)(x.compute(scheduler="sync"), n=n, axis=axis, norm=norm)
    assert y.dtype == want.dtype
    assert y.shape == want.shape
    if options.get("order") == "decimated" and kind != "ifft":
        blocks = y.numblocks[axis]
        order = [i for k in range(blocks) for i in range(k, want.shape[axis], blocks)]
        bounds = [len(range(k, want.shape[axis], blocks)) for k in range(blocks)]
        assert y.chunks[axis] == tuple(bounds)
        want = np.take(want, order, axis=axis)
    assert_close(got, want)
    return y


INPUTS = {
    "fft": ("complex64", "float32", "float64"),
    "ifft": ("complex128", "float32"),
    "rfft": ("float32", "float64", "int16", "bool", "float16"),
    "irfft": ("complex64", "complex128", "float32"),
    "hfft": ("complex64", "float64"),
    "ihfft": ("float32", "float64"),
}
CASES = [(kind, dtype) for kind, dtypes in INPUTS.items() for dtype in dtypes]
CUT = (0, 500, 1, 0, 399, 300)
"""Uneven, empty and length-1 chunks of 1200 points."""


def line(dtype="complex64", chunks=((300,) * 4,)):
    return da.from_array(random(sum(chunks[0]), dtype), chunks=chunks)


def half_line(dtype, n=N):
    """Half a spectrum, in uneven chunks."""
    half = n // 2 + 1
    return line(dtype, ((0, 300, 1, half - 401, 100),))


def input_of(kind, dtype):
    if kind in ("irfft", "hfft"):
        return half_line(dtype)
    return line(dtype, (CUT,))


# SciPy's results


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize(("kind", "dtype"), CASES)
def test_every_transform_is_scipys(kind, dtype, norm):
    check(input_of(kind, dtype), kind, norm=norm)


def is_single(dtype):
    return dtype in ("float16", "float32")


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(("kind", "dtype"), CASES)
def test_every_form_of_exchange_gives_the_same(kind, dtype, machine, tmp_path):
    budget = MACHINES[machine]
    if machine == "staged" and np.dtype(dtype).kind != "c":
        budget = Machine(2, 7_000 if is_single(dtype) else 8_000)
    y = check(input_of(kind, dtype), kind, machine=budget, store=tmp_path)
    # Of the exchanges of real data and of half spectra, some fit into little memory.
    assert f"exchange ({machine})" in form(y)
    assert len(form(y)) == 1 or machine == "staged"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("n", [N, N - 30, N // 2, N + 60, 4 * N, N + 15])
@pytest.mark.parametrize("kind", INPUTS)
def test_cropped_and_padded_axes(kind, n, machine, tmp_path):
    budget = Machine(2, 40_000) if machine == "staged" else MACHINES[machine]
    dtype = INPUTS[kind][0]
    check(input_of(kind, dtype), kind, n=n, machine=budget, store=tmp_path)


@pytest.mark.parametrize("kind", INPUTS)
def test_zeros_by_far_are_padding(kind):
    for chunks in (((1, 2),), ((0, 1),), ((5, 0),)):
        check(line(INPUTS[kind][0], chunks), kind, n=240, machine=Machine(4, 2**30))


@pytest.mark.parametrize("kind", ["fft", "rfft", "ihfft"])
@pytest.mark.parametrize("dtype", ["complex64", "float32"])
def test_decimated_chunks_hold_every_pth_point(kind, dtype):
    if kind != "fft" and dtype == "complex64":
        return
    for n in (N, N - 1, 15, 6, 4):
        x = line(dtype, ((n // 2, n - n // 2),))
        y = transform(x, kind, order="decimated")
        if not is_four_steps(y):
            continue
        want = getattr(scipy.fft, kind)(x.compute())
        blocks = y.numblocks[0]
        for k in range(blocks):
            assert_close(y.blocks[k].compute(), want[k::blocks])


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("n", [N, 15 * 7, 8, 2 * 13])
@pytest.mark.parametrize(
    ("there", "back", "dtype"),
    [
        ("fft", "ifft", "complex128"),
        ("fft", "ifft", "float64"),
        ("rfft", "irfft", "float64"),
        ("ihfft", "hfft", "float64"),
    ],
)
@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
def test_decimated_order_is_taken_back(there, back, dtype, n, machine, norm, tmp_path):
    how = {"machine": MACHINES[machine], "store": tmp_path, "norm": norm, "order": "decimated"}
    x = line(dtype, ((n // 3, n - n // 3),))
    spectrum = transform(x, there, **how)
    assert is_four_steps(spectrum)
    y = transform(spectrum, back, n=n, **how)
    assert is_four_steps(y)
    for layer in layers(y):
        assert layer.step.tasks == len(layer)
    want = x.compute().astype(y.dtype)
    assert_close(y.compute(scheduler="sync"), want, rtol=1e-13)
    assert list(tmp_path.iterdir()) == []


def test_imaginary_parts_that_a_real_result_has_no_room_for_are_ignored():
    x = random(601, "complex128")
    for kind in ("irfft", "hfft"):
        for n in (1200, 1201 - 1, 1199, 900):
            whole = scipy.fft.rfft(random(n, "float64"))
            whole += x[: len(whole)]  # Hermitian nowhere
            y = transform(da.from_array(whole, chunks=100), kind, n=n, machine=Machine(8, 2**30))
            if is_four_steps(y):
                assert_close(y.compute(), getattr(scipy.fft, kind)(whole, n=n), rtol=1e-13)


@pytest.mark.parametrize("order", ["natural", "decimated"])
@pytest.mark.parametrize("kind", INPUTS)
def test_other_axes_too_short_to_be_cut_stay_as_they_are(kind, order, tmp_path):
    dtype = INPUTS[kind][0]
    order = "natural" if kind in ("ifft", "irfft", "hfft") else order
    machine = Machine(threads=16, memory=2**30)
    for shape, axis, chunks in [
        ((3, 240), 1, ((2, 1), (100, 140))),
        ((240, 3), 0, ((100, 140), (1, 2))),
        ((2, 240, 3), 1, ((1, 1), (7, 1, 232), (3,))),
        ((2, 2, 240), 2, ((2,), (1, 1), (120, 120))),
    ]:
        x = da.from_array(random(shape, dtype), chunks=chunks)
        for budget in (machine, Machine(16, 2**30, 2, distributed=True)):
            y = check(x, kind, n=240, axis=axis, machine=budget, order=order)
            for other in set(range(x.ndim)) - {axis}:
                assert y.chunks[other] == x.chunks[other]


def test_several_chunks_of_other_axes_are_staged_by_themselves(tmp_path):
    x = da.from_array(random((3, N)), chunks=((2, 1), (500, 700)))
    y = check(x, machine=Machine(4, 30_000), store=tmp_path)
    assert form(y) == {"exchange (staged)"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("fft", "complex64"), ("fft", "float32"), ("ifft", "float32"), ("rfft", "float32")],
)
@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0), (1, 2), (0, 2, 1)])
def test_one_long_axis_of_several(axes, kind, dtype, tmp_path):
    x = da.from_array(random((2, 240, 3), dtype), chunks=((1, 1), (100, 140), (2, 1)))
    lengths = tuple(x.shape[a] for a in axes)
    for machine in (Machine(16, 2**30), Machine(2, 9_000)):
        y = transform_axes(x, kind, axes, lengths, machine=machine, store=tmp_path)
        want = getattr(scipy.fft, f"{kind}n")(x.compute(), axes=axes)
        if 1 in axes:
            assert is_four_steps(y) or machine.memory < 2**30
        assert_close(y.compute(scheduler="sync"), want)


@pytest.mark.parametrize("kind", ["irfft", "hfft"])
def test_half_a_spectrum_on_a_long_axis_becomes_real_last(kind):
    x = da.from_array(random((3, 121)), chunks=((2, 1), (60, 61)))
    y = transform_axes(x, kind, (0, 1), (3, 240), machine=Machine(16, 2**30))
    assert is_four_steps(y)
    want = getattr(scipy.fft, f"{kind}n")(x.compute(), s=(3, 240), axes=(0, 1))
    assert_close(y.compute(), want)


@given(st.data(), st.sampled_from(list(INPUTS)), st.integers(2, 12), st.integers(2, 12))
def test_results_do_not_depend_on_chunks_and_forms(data, kind, blocks, m):
    n = blocks * m
    length = data.draw(st.sampled_from([n, n // 2 + 1, n + 5, max(1, n // 3)]))
    (chunks,) = data.draw(chunkings((length,), max_blocks=5, allow_empty=True))
    dtype = data.draw(st.sampled_from(INPUTS[kind]))
    norm = data.draw(st.sampled_from([None, "ortho", "forward"]))
    threads = data.draw(st.integers(2, 6))
    machine = data.draw(
        st.sampled_from([Machine(threads, 2**30), Machine(threads, 2**30, 2, distributed=True)])
    )
    x = line(dtype, (chunks,))
    y = transform(x, kind, n=n, norm=norm, machine=machine)
    want = getattr(scipy.fft, kind)(x.compute(scheduler="sync"), n=n, norm=norm)
    assert_close(y.compute(scheduler="sync"), want, rtol=4e-6 if want.itemsize < 16 else None)


@pytest.mark.skipif(np.finfo(np.longdouble).eps == np.finfo(float).eps, reason="no wider type")
def test_long_double_keeps_its_precision():
    x = random(N).astype("clongdouble") / 3
    y = transform(da.from_array(x, chunks=300))
    assert is_four_steps(y)
    assert_close(y.compute(), scipy.fft.fft(x), rtol=1e-18)


def test_nan_goes_everywhere_and_infinity_does_not_hang():
    x = random(N)
    x[17] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = transform(da.from_array(x, chunks=300)).compute()
    assert np.isnan(y).all()


# Chunks on a device


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("kind", INPUTS)
def test_chunks_keep_their_library(kind, machine, tmp_path):
    dtype = INPUTS[kind][0]
    values = input_of(kind, dtype).compute()
    x = da.from_array(HostFree.copy_from_host(values), chunks=300, asarray=False)
    for order in ("natural", "decimated") if kind in ("fft", "rfft", "ihfft") else ("natural",):
        for n in (N, 2400):
            budget = Machine(2, 40_000) if machine == "staged" else MACHINES[machine]
            y = transform(x, kind, n=n, machine=budget, order=order, store=tmp_path)
            assert is_four_steps(y)
            assert isinstance(y._meta, HostFree)
            assert y._meta.dtype == y.dtype
            for block in y.blocks:
                got = block.compute(scheduler="sync")
                assert isinstance(got, HostFree)
                assert got.dtype == y.dtype
            if order == "natural":
                want = getattr(scipy.fft, kind)(values, n=n)
                assert_close(sw.to_host(y.compute(scheduler="sync")), want)
            if kind in ("fft", "rfft", "ihfft") and order == "decimated":
                back = {"fft": "ifft", "rfft": "irfft", "ihfft": "hfft"}[kind]
                z = transform(y, back, n=n, machine=budget, order=order, store=tmp_path)
                got = sw.to_host(z.compute(scheduler="sync"))
                kept = np.zeros(n, got.dtype)
                kept[: min(n, N)] = values[:n]
                assert_close(got, kept, rtol=1e-5)


# Schedulers


@pytest.fixture(scope="module")
def cluster(untroubled_by_the_process):
    """Two workers in this process."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        dashboard_address="127.0.0.1:0",
        memory_limit="1GiB",
    ) as cluster:
        yield cluster


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("scheduler", ["sync", "threads", "client"])
def test_graphs_run_wherever_they_were_built(scheduler, machine, cluster, tmp_path):
    x = line("float32", (CUT,))
    y = transform(x, "rfft", machine=MACHINES[machine], store=tmp_path)
    z = transform(line(), order="decimated", machine=MACHINES[machine], store=tmp_path)
    back = transform(z, "ifft", order="decimated", machine=MACHINES[machine], store=tmp_path)
    if scheduler == "client":
        with Client(cluster) as client:
            got, again = client.gather(client.compute([y, back]))
    else:
        got, again = dask.compute(y, back, scheduler=scheduler)
    assert_close(got, scipy.fft.rfft(x.compute(scheduler="sync")))
    assert_close(again, line().compute(scheduler="sync"))


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_graphs_run_in_other_processes(machine, tmp_path):
    y = transform(line("float32", (CUT,)), "rfft", machine=MACHINES[machine], store=tmp_path)
    z = transform(line(), machine=MACHINES[machine], store=tmp_path)
    with dask.config.set({"multiprocessing.context": "spawn"}):
        got, other = dask.compute(y, z, scheduler="processes")
    assert_close(got, scipy.fft.rfft(line("float32", (CUT,)).compute(scheduler="sync")))
    assert_close(other, scipy.fft.fft(line().compute(scheduler="sync")))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_graphs_run_on_workers_of_their_own(tmp_path):
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            memory_limit="1GiB",
        ) as cluster,
        Client(cluster) as client,
    ):
        for machine in MACHINES.values():
            y = transform(line(), machine=machine, store=tmp_path)
            z = transform(half_line("complex64"), "irfft", machine=machine, store=tmp_path)
            got, real = client.gather(client.compute([y, z]))
            assert_close(got, scipy.fft.fft(line().compute(scheduler="sync")))
            assert_close(real, scipy.fft.irfft(half_line("complex64").compute(scheduler="sync")))


# What is read, and what is left alone


@pytest.mark.parametrize("machine", MACHINES)
def test_every_chunk_is_read_once(machine, tmp_path):
    for kind, values in (("fft", random(N)), ("irfft", random(601))):
        source = CountingSource(values, chunks=(150,))
        y = transform(source.array, kind, machine=MACHINES[machine], store=tmp_path)
        assert is_four_steps(y)
        y.compute(scheduler="sync")
        assert (source.passes, source.total_reads) == (1, source.array.npartitions)


def test_one_chunk_of_a_batch_reads_its_own_lines_only():
    source = CountingSource(random((3, 240)), chunks=(1, 60))
    for kind, n in (("fft", 240), ("irfft", 478)):
        source.reset()
        y = transform(source.array, kind, n=n, machine=Machine(16, 2**30))
        assert is_four_steps(y)
        y.blocks[1, 0].compute(scheduler="sync")
        assert set(source.reads) == {(1, i) for i in range(4)}


def test_one_chunk_runs_the_slabs_and_a_row_of_its_own():
    y = transform(line(), order="decimated")
    (culled,) = dask.optimize(y.blocks[1])
    done = [k for k in dict(culled.dask) if isinstance(k, tuple) and k[0] == y.name]
    assert len(done) <= 1
    want = scipy.fft.fft(line().compute())[1 :: y.numblocks[0]]
    assert_close(culled.compute(), want)
    real = transform(line("float32"), order="decimated")
    last = real.numblocks[0] - 1  # the mirror image of row 1
    want = scipy.fft.fft(line("float32").compute())[last :: real.numblocks[0]]
    assert_close(real.blocks[last].compute(), want)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(("kind", "dtype"), [("fft", "complex64"), ("irfft", "complex64")])
def test_data_that_others_see_is_not_spoilt(kind, dtype, machine, tmp_path):
    values = random(1201 if kind == "irfft" else N, dtype)
    kept = values.copy()
    how = {"machine": MACHINES[machine], "store": tmp_path}
    # One chunk per slab or row, too: a gather of one part is a view of its source.
    for chunks in (len(values), 400, 100, ((1, len(values) - 1),)):
        x = da.from_array(values, chunks=chunks, name=False, asarray=False)
        y, z = transform(x, kind, **how), transform(x, kind, norm="ortho", **how)
        doubled = 2 * x
        for _ in range(2):
            got, other, same, twice = dask.compute(y, z, x, doubled)
            np.testing.assert_array_equal(same, kept)
            np.testing.assert_array_equal(values, kept)
            np.testing.assert_array_equal(twice, 2 * kept)
            assert_close(got, getattr(scipy.fft, kind)(kept))
            assert_close(other, getattr(scipy.fft, kind)(kept, norm="ortho"))


@pytest.mark.parametrize("scheduler", ["sync", "threads", "client"])
def test_persisted_intermediates_are_not_spoilt(scheduler, cluster, tmp_path):
    def run():
        x = da.from_array(random(N), chunks=300).persist()
        spectrum = transform(x, order="decimated").persist()
        before = [a.compute() for a in (x, spectrum)]
        back = transform(spectrum, "ifft", order="decimated").persist()
        again = transform(spectrum, "ifft", order="decimated", norm="ortho")
        rechunked = transform(x.rechunk(200))
        once = rechunked.compute()
        got = dask.compute(back, again, x, spectrum, rechunked)
        for a, b in zip(before, got[2:4], strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(once, got[4])
        assert_close(got[0], before[0])
        np.testing.assert_array_equal(back.compute(), got[0])
        return got

    if scheduler == "client":
        with Client(cluster):
            run()
    else:
        with dask.config.set(scheduler=scheduler):
            run()


# Names


def test_calls_that_differ_differ_in_every_name():
    def make(kind="fft", n=N, norm=None, machine=HERE, order="natural", dtype="complex64"):
        return transform(line(dtype), kind, n, norm=norm, machine=machine, order=order)

    made = [
        make(),
        make(norm="ortho"),
        make(norm="forward"),
        make(order="decimated"),
        make(order="decimated", norm="ortho"),
        make(n=N + 60),
        make(n=N + 60, order="decimated"),
        make(n=N // 2),
        make("ifft"),
        make("ifft", norm="ortho"),
        make("irfft"),
        make("hfft"),
        make("irfft", n=N + 60),
        make("irfft", norm="ortho"),
        make("rfft", dtype="float32"),
        make("ihfft", dtype="float32"),
        make(dtype="float32"),
        make(dtype="float64"),
        make(machine=CLUSTER),
        make(machine=Machine(3, 2**30)),
        make(machine=SHORT_OF_MEMORY),
    ]
    assert all(map(is_four_steps, made))
    assert len({y.name for y in made}) == len(made)
    ours = {}
    for y in made:
        for name, layer in y.dask.layers.items():
            if hasattr(layer, "plan"):
                # Points are sorted alike whatever the norm of the rows behind.
                first = ours.setdefault(name, layer)
                assert (first.step, first.plan) == (layer.step, layer.plan)
                assert layer is first or "sorts" in layer.step.reason
                assert dict(first) == dict(layer)


def test_equal_calls_have_equal_names():
    for options in ({}, {"order": "decimated"}, {"machine": SHORT_OF_MEMORY}):
        first, second = transform(line(), **options), transform(line(), **options)
        assert first.name == second.name
        assert set(first.dask) == set(second.dask)


def test_different_calls_are_computed_together():
    x = line("float32")
    made = [
        transform(x, kind, norm=norm, machine=machine)
        for kind in ("fft", "rfft", "ihfft")
        for norm in (None, "ortho")
        for machine in (HERE, CLUSTER)
    ]
    values = x.compute()
    wants = [
        getattr(scipy.fft, kind)(values, norm=norm)
        for kind in ("fft", "rfft", "ihfft")
        for norm in (None, "ortho")
        for _ in range(2)
    ]
    for got, want in zip(dask.compute(*made), wants, strict=True):
        assert_close(got, want)
