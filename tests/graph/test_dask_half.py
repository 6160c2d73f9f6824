"""Complex transforms of real input: half is computed and moved, the rest are mirror images."""

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.graph import whole
from spanwise.graph.dask import lower_fft, spec_of
from spanwise.graph.fft import plan_fft
from spanwise.machine import Machine
from spanwise.testing import CountingSource, HostFree, register_with_dask

register_with_dask()

HERE = Machine(threads=2, memory=2**30)
CLUSTER = Machine(threads=1, memory=2**30, workers=2, distributed=True)


@pytest.fixture(autouse=True, scope="module")
def small_arrays_count():
    """Small arrays are cut as large ones would be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "ONE_TASK_BYTES", 0)
        yield


def transform(x, kind="fft", axes=None, lengths=None, norm=None, machine=HERE, store=None):
    axes = tuple(range(x.ndim)) if axes is None else axes
    lengths = tuple(x.shape[a] for a in axes) if lengths is None else lengths
    how = plan_fft(
        spec_of(x),
        kind=kind,
        axes=axes,
        lengths=lengths,
        norm=norm,
        machine=machine,
        operation=f"{kind}n",
    )
    return lower_fft(x, how, store_root=None if store is None else str(store))


def is_filled(y):
    return any(
        "mirror image" in la.step.reason for la in y.dask.layers.values() if hasattr(la, "step")
    )


def forms(y):
    patterns = {la.step.pattern for la in y.dask.layers.values() if hasattr(la, "step")}
    return patterns - {"blockwise"}


def random(shape, dtype="float32"):
    x = 10 * np.random.default_rng(0).standard_normal(shape)
    return (x > 0) if dtype == "bool" else x.astype(dtype)


def assert_close(got, want):
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    rtol = 2e-6 if want.dtype == np.complex64 else 1e-14
    assert np.linalg.norm(got - want) <= rtol * max(np.linalg.norm(want), 1e-30)


def check(x, kind="fft", axes=None, **options):
    y = transform(x, kind, axes, **options)
    for layer in y.dask.layers.values():
        if hasattr(layer, "step"):
            assert layer.step.tasks == len(layer)
    got = y.compute(scheduler="sync")
    values = x.compute(scheduler="sync")
    lengths = options.get("lengths")
    want = getattr(scipy.fft, f"{kind}n")(values, s=lengths, axes=axes, norm=options.get("norm"))
    assert y.dtype == want.dtype
    assert_close(got, want)
    return y, got


SHAPES = [
    ((16, 12), (4, 12), None),
    ((15, 13), ((1, 6, 0, 8), 13), None),
    ((15, 12), (15, 5), None),
    ((12, 10, 9), (5, 10, 9), None),
    ((12, 10, 9), (12, 3, 4), None),
    ((9, 8, 10), (3, 3, 10), None),
    ((9, 8, 10), (2, 8, 10), (0, 1)),
    ((9, 8, 10), (9, 8, 3), (2, 1)),
    ((4, 12, 10), (3, 5, 10), (1, 2)),
    ((5, 6, 7, 8), (2, 6, 7, 8), None),
    ((5, 6, 7, 8), (2, 3, 7, 8), None),
    ((3, 6, 7, 8), (2, 3, 7, 8), (1, 2, 3)),
    ((6, 7, 8, 3), (6, 3, 8, 2), (2, 1, 0)),
    ((1, 12, 10), (1, 5, 10), None),
    ((12, 2, 10), (5, 2, 10), None),
]


@pytest.mark.parametrize("machine", [HERE, CLUSTER], ids=["view", "split"])
@pytest.mark.parametrize("kind", ["fft", "ifft"])
@pytest.mark.parametrize(("shape", "chunks", "axes"), SHAPES)
def test_filled_spectra_are_scipys(shape, chunks, axes, kind, machine):
    y, _ = check(da.from_array(random(shape), chunks=chunks), kind, axes, machine=machine)
    assert is_filled(y)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint16", "bool"])
@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
def test_real_types_of_every_kind_are_filled(dtype, norm):
    for kind in ("fft", "ifft"):
        y, _ = check(da.from_array(random((16, 15), dtype), chunks=(4, 15)), kind, norm=norm)
        assert is_filled(y)


@pytest.mark.parametrize("memory", [12_000, 40_000])
@pytest.mark.parametrize("kind", ["fft", "ifft"])
def test_filled_spectra_are_staged(kind, memory, tmp_path):
    x = da.from_array(random((24, 30, 11)), chunks=(2, 30, 11))
    for axes in (None, (0, 1)):
        y, _ = check(x, kind, axes, machine=Machine(2, memory), store=tmp_path)
        assert is_filled(y) == (memory > 30_000)
        assert forms(y) == {"exchange (staged)"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lengths", [(16, 12), (10, 12), (20, 12), (16, 7), (16, 20), (9, 9)])
@pytest.mark.parametrize("machine", [HERE, CLUSTER], ids=["view", "split"])
def test_cropped_and_padded_axes_are_filled(lengths, machine):
    x = da.from_array(random((16, 12)), chunks=((5, 7, 4), 12))
    y, _ = check(x, lengths=lengths, axes=(0, 1), machine=machine)
    assert is_filled(y)


@pytest.mark.parametrize("shape", [(16, 12), (15, 13), (9, 8, 10), (12, 9, 7)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_filled_half_is_the_mirror_image_bit_by_bit(shape, dtype):
    x = da.from_array(random(shape, dtype), chunks=(4, *shape[1:]))
    for kind in ("fft", "ifft"):
        y = transform(x, kind)
        assert is_filled(y)
        got = y.compute()
        mirrored = got
        for axis in range(got.ndim):
            mirrored = np.take(mirrored, -np.arange(got.shape[axis]), axis=axis)
        half = fill_axis(y)
        n = got.shape[half]
        filled = (slice(None),) * half + (slice(n // 2 + 1, None),)
        np.testing.assert_array_equal(got[filled], np.conj(mirrored)[filled])
        assert np.abs(got - np.conj(mirrored)).max() <= 1e-5 * np.abs(got).max()


def fill_axis(y):
    (reason,) = {
        la.step.reason
        for la in y.dask.layers.values()
        if hasattr(la, "step") and "mirror image" in la.step.reason
    }
    return int(reason.partition("axis ")[2].split()[0])


@pytest.mark.parametrize("n", [64, 96, 100, 120, 128])
@pytest.mark.parametrize("parts", [2, 4, 5])
def test_chunks_are_regular_where_half_the_axis_has_a_divisor(n, parts):
    x = da.from_array(random((16, n)), chunks=(-(-16 // parts), n))
    y = transform(x, machine=Machine(parts, 2**30))
    assert is_filled(y)
    counts = range(parts, 2 * parts + 1)
    if any((n // 2) % c == 0 for c in counts):
        assert len(set(y.chunks[1])) == 1
    assert sum(y.chunks[1]) == n


@pytest.mark.parametrize("machine", [HERE, CLUSTER, Machine(2, 40_000)])
@pytest.mark.parametrize("kind", ["fft", "ifft"])
def test_chunks_keep_their_library(kind, machine, tmp_path):
    values = random((24, 30, 11))
    x = da.from_array(HostFree.copy_from_host(values), chunks=(2, 30, 11), asarray=False)
    y = transform(x, kind, machine=machine, store=tmp_path)
    assert is_filled(y)
    assert isinstance(y._meta, HostFree)
    got = y.compute(scheduler="sync")
    assert isinstance(got, HostFree)
    assert_close(sw.to_host(got), getattr(scipy.fft, f"{kind}n")(values))


@given(st.data())
def test_filled_spectra_do_not_depend_on_chunks(data):
    shape = tuple(data.draw(st.lists(st.integers(1, 12), min_size=2, max_size=4)))
    axes = tuple(data.draw(st.permutations(range(len(shape)))))
    axes = axes[: data.draw(st.integers(1, len(axes)))]
    chunks = tuple(data.draw(st.integers(1, n)) for n in shape)
    dtype = data.draw(st.sampled_from(["float32", "float64", "int16", "bool"]))
    kind = data.draw(st.sampled_from(["fft", "ifft"]))
    threads = data.draw(st.integers(1, 6))
    workers = data.draw(st.sampled_from([1, 2]))
    machine = Machine(threads, 2**30, workers, distributed=workers > 1)
    lengths = None
    if data.draw(st.booleans()):
        lengths = tuple(data.draw(st.integers(1, 14)) for _ in axes)
    x = da.from_array(random(shape, dtype), chunks=chunks)
    check(x, kind, axes, lengths=lengths, machine=machine)


def test_each_chunk_is_read_once_and_left_alone():
    values = random((16, 12, 10))
    kept = values.copy()
    source = CountingSource(values, chunks=(4, 6, 10))
    y = transform(source.array)
    assert is_filled(y)
    got, same = dask.compute(y, source.array)
    assert source.passes == 1
    np.testing.assert_array_equal(same, kept)
    assert_close(got, scipy.fft.fftn(kept))


def test_persisted_chunks_are_not_spoilt():
    x = da.from_array(random((16, 12)), chunks=(4, 12)).persist()
    y = transform(x)
    first = y.compute()
    z = y.persist()
    np.testing.assert_array_equal(z.compute(), first)
    np.testing.assert_array_equal((2 * z).compute(), 2 * first)
    np.testing.assert_array_equal(z.compute(), first)
    np.testing.assert_array_equal(x.compute(), random((16, 12)))


def test_chunks_of_a_filled_spectrum_are_no_views_of_what_others_change():
    y = transform(da.from_array(random((16, 12)), chunks=(4, 12)))
    want = scipy.fft.fftn(random((16, 12)))
    again = transform(y, "ifft")
    got, back, spectrum = dask.compute(y, again, y.map_blocks(np.copy, dtype=y.dtype, meta=y._meta))
    assert_close(got, want)
    assert_close(spectrum, want)
    np.testing.assert_allclose(back.real, random((16, 12)), atol=1e-4)


def test_one_chunk_needs_its_own_part_of_the_half():
    source = CountingSource(random((16, 3, 64)), chunks=(16, 1, 64))
    y = transform(source.array, axes=(0, 2))
    y.blocks[0, 1, 0].compute(scheduler="sync")
    assert source.total_reads == 1
