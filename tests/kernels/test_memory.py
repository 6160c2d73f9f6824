"""Kernels on a device that has no room: in parts with the same result, or an error."""

import functools
import sys
import types
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spanwise.kernels.catalog  # noqa: F401 - defines the kernels
from spanwise.errors import DeviceMemoryError
from spanwise.kernels import kernel as kernel_module
from spanwise.kernels.averages import finish, median
from spanwise.kernels.detrend import detrend, trend_sums
from spanwise.kernels.fft import fft
from spanwise.kernels.gaps import gap_ends
from spanwise.kernels.hankel import hankel
from spanwise.kernels.harmonics import band_sum, harmonic_sums, scaled
from spanwise.kernels.hermitian import mirror
from spanwise.kernels.kernel import Kernel
from spanwise.kernels.memory import all_but, is_out_of_memory, release_memory, run_within_memory
from spanwise.kernels.missing import Source, fill_missing, refuse_missing
from spanwise.kernels.observe import observed_by
from spanwise.kernels.overlap import Overlap, overlap_add
from spanwise.kernels.padding import pad
from spanwise.kernels.power import power
from spanwise.kernels.response import FrequencyAxis, apply_response, filter_block
from spanwise.kernels.segment_spectra import segment_spectra
from spanwise.kernels.segments import Segments, segment_sums
from spanwise.kernels.spectrum import Ramp, modulate, squared_magnitude
from spanwise.kernels.survey import whiten
from spanwise.kernels.tables import drop_tables, table_of
from spanwise.kernels.tapered import apply_window
from spanwise.kernels.trigonometric import trigonometric
from spanwise.testing import HostFree, limit_memory

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(4, 6, 8))
COMPLEX = REAL + 1j * RNG.normal(size=(4, 6, 8))
GAPPY = np.where(np.arange(8) % 3 == 1, np.nan, REAL)
AXIS = FrequencyAxis(2, 8, 1.0)


def halved(frequencies):
    return frequencies * 0 + 0.5


SEGMENTS = Segments(2, 4, 2, 4, "hann", "constant", True)

CALLS = [
    (fft, COMPLEX, (), {"kind": "fft", "axes": (2,), "lengths": (8,), "norm": None}),
    (fft, REAL, (), {"kind": "rfft", "axes": (1, 2), "lengths": (5, 9), "norm": "ortho"}),
    (fft, COMPLEX, (), {"kind": "irfft", "axes": (0,), "lengths": (6,), "norm": None}),
    (power, REAL, (), {"axes": (1,), "scale": 2.0, "half": True, "detrend": "linear"}),
    (trigonometric, REAL, (), {"kind": "dct", "axes": (0,), "lengths": (4,), "norm": None}),
    (
        hankel,
        REAL,
        (),
        {"kind": "fht", "axes": (2,), "lengths": (8,), "norm": None, "dln": 0.1, "mu": 0.5}
        | {"offset": 0.0, "bias": 0.0},
    ),
    (mirror, COMPLEX, (), {"axis": 0, "others": (1,)}),
    (modulate, COMPLEX, (2,), {"ramps": (Ramp(1, 12, "natural", 0.25),), "scale": 0.5}),
    (modulate, COMPLEX, (), {"ramps": (), "scale": 0.5, "shifts": ((1, 3),), "axes": (1, 2)}),
    (refuse_missing, COMPLEX, (), {"axes": (2,), "source": Source("", ("x",))}),
    (fill_missing, GAPPY, (), {"axes": (2, 1), "fill": "interp"}),
    (fill_missing, GAPPY, (), {"axes": (2, 1), "fill": 1.5}),
    (gap_ends, GAPPY, (3,), {"axes": (1,)}),
    (pad, REAL, (2, 1), {"axes": (1,), "mode": "edge", "values": ((0, 0),)}),
    (
        squared_magnitude,
        COMPLEX,
        (0,),
        {"axes": (2,), "scale": 1.0, "half": 14, "zero_mean": True},
    ),
    (detrend, REAL, (), {"axes": (2,), "type": "linear"}),
    (apply_window, REAL, (2,), {"axes": (2,), "points": (12,), "windows": ("hann",)}),
    (trend_sums, REAL, (2,), {"axes": (2,), "lengths": (12,), "type": "linear"}),
    (apply_response, COMPLEX, (0,), {"axes": (AXIS,), "response": halved}),
    (filter_block, COMPLEX, (), {"axes": (AXIS,), "response": halved}),
    (whiten, REAL[0], (0,), {"scales": np.arange(1.0, 9.0)}),
    (segment_sums, REAL, (), {"how": SEGMENTS, "quantity": "power"}),
    (
        segment_spectra,
        REAL,
        (),
        {"how": SEGMENTS, "mode": "psd", "scale": 0.5, "one_sided": True},
    ),
    (
        finish,
        REAL,
        (),
        {"axis": 2, "quantity": "cross", "scale": 0.5, "nfft": 6, "half": True}
        | {"one_sided": True, "dtype": "complex128"},
    ),
    (median, REAL, (), {"scale": 0.5, "dtype": "float64"}),
    (
        overlap_add,
        COMPLEX,
        (0, 2, 14),
        {"how": Overlap(1, 2, 10, 5, 10, "hann", 1.0, True, 8)},
    ),
    (harmonic_sums, REAL, (3,), {"axis": 1, "turns": (Fraction(1, 3), Fraction(1, 7))}),
    (scaled, COMPLEX, (), {"axis": 1, "factors": (1.0,) * 6, "dtype": "complex128"}),
    (band_sum, COMPLEX, (), {"axis": 1, "first": 0, "points": 10, "half": True}),
]
"""Kernel, block, what stands behind it, parameters."""
NAMES = [f"{kernel.name}-{i}" for i, (kernel, *_) in enumerate(CALLS)]

WITH_SCRATCH = {power, trigonometric, hankel, mirror, squared_magnitude, filter_block, whiten}
THIRSTY = [
    (fft, REAL, (), {"kind": "fft", "axes": (2,), "lengths": (8,), "norm": None}),
    *(call for call in CALLS if call[0] in WITH_SCRATCH),
]
"""Calls that need room beside block and result, which parts need less of."""


@pytest.fixture
def make_kernel(monkeypatch):
    """Kernels that are forgotten after the test."""
    monkeypatch.setattr(kernel_module, "_REGISTRY", dict(kernel_module._REGISTRY))
    return Kernel


class Parts:
    """An observer that keeps what ran, and in how many parts."""

    def __init__(self):
        self.kernels = []
        self.parts = []

    def copied(self, direction, nbytes, seconds):
        pass

    def ran(self, kernel, library, dtype, nbytes, seconds):
        assert seconds >= 0
        self.kernels.append((kernel, library, dtype, nbytes))

    def cut(self, kernel, parts):
        self.parts.append(parts)


@pytest.mark.parametrize(("kernel", "block", "behind", "params"), CALLS, ids=NAMES)
def test_rows_along_a_free_axis_do_not_meet(kernel, block, behind, params):
    whole = kernel(block, *behind, **params)
    free = kernel.free_axes(block, *behind, **params)
    assert free
    for axis in free:
        pieces = [
            kernel(np.take(block, [i], axis=axis), *behind, **params)
            for i in range(block.shape[axis])
        ]
        np.testing.assert_allclose(np.concatenate(pieces, axis=axis), whole, atol=1e-12)


@pytest.mark.parametrize(
    ("kernel", "block", "behind", "params"), THIRSTY, ids=[call[0].name for call in THIRSTY]
)
def test_a_kernel_that_does_not_fit_runs_in_parts_with_the_same_result(
    kernel, block, behind, params
):
    with limit_memory("1GiB") as unlimited:
        whole = kernel(HostFree.copy_from_host(block), *behind, **params)
    seen = Parts()
    kept = drop_tables("hostfree")  # which would go first
    with limit_memory(unlimited.peak - kept - 1), observed_by(seen):
        x = HostFree.copy_from_host(block)
        out = kernel(x, *behind, **params)
    np.testing.assert_allclose(out.copy_to_host(), whole.copy_to_host(), atol=1e-12)
    assert [ran[:2] for ran in seen.kernels] == [(kernel.name, "hostfree")]
    assert min(seen.parts) > 1  # of the kernel or of one within


@pytest.mark.parametrize("room", [4300, 3300, 2900])
def test_a_kernel_runs_in_as_many_parts_as_it_takes(make_kernel, room):
    def thirsty(x):
        return (x + 1) + (x + 2) * (x + 3)

    kernel = make_kernel("thirsty", thirsty, free_axes=lambda x: (1,))
    seen = Parts()
    with limit_memory(room), observed_by(seen):
        out = kernel(HostFree.copy_from_host(np.ones((10, 16))))
    np.testing.assert_array_equal(out.copy_to_host(), np.full((10, 16), 14.0))
    assert seen.parts == [{4300: 4, 3300: 8, 2900: 16}[room]]


def test_several_results_are_put_together_each(make_kernel):
    def both(x):
        return x[:, 0] * 2, x * x * x * x

    kernel = make_kernel("both", both, free_axes=lambda x: (0,))
    with limit_memory((24 + 24 + 8 + 20) * 8):
        first, second = kernel(HostFree.copy_from_host(np.arange(24.0).reshape(8, 3)))
    np.testing.assert_array_equal(first.copy_to_host(), 2 * np.arange(0.0, 24, 3))
    np.testing.assert_array_equal(second.copy_to_host(), np.arange(24.0).reshape(8, 3) ** 4)


def test_a_result_that_fits_in_no_way_raises_what_the_device_said(make_kernel):
    kernel = make_kernel("copy", lambda x: x + 1, free_axes=lambda x: (0,))
    x = HostFree.copy_from_host(np.ones(100))
    with limit_memory(799), pytest.raises(DeviceMemoryError, match="800 B wanted"):
        kernel(x)


@pytest.mark.parametrize(
    ("free_axes", "params"),
    [(None, {}), (lambda x, **_: (), {}), (lambda x, **_: (0,), {"overwrite": True})],
)
def test_a_kernel_that_may_not_be_cut_raises_at_once(make_kernel, free_axes, params):
    calls = []

    def greedy(x, overwrite=False):
        calls.append(x.shape)
        return x + (x + (x + 1))

    kernel = make_kernel("greedy", greedy, free_axes=free_axes, in_place=True)
    x = HostFree.copy_from_host(np.ones(100))
    with limit_memory(1000), pytest.raises(DeviceMemoryError):
        kernel(x, **params)
    assert calls == [(100,)]


def test_other_errors_pass_at_once(make_kernel):
    calls = []

    def wrong(x):
        calls.append(1)
        raise ValueError("wrong")

    kernel = make_kernel("wrong", wrong, free_axes=lambda x: (0,))
    with pytest.raises(ValueError, match="wrong"):
        kernel(HostFree.copy_from_host(np.ones(4)))
    assert calls == [1]


def test_kernels_within_a_kernel_are_part_of_it():
    seen = Parts()
    with observed_by(seen):
        power(REAL, axes=(2,), scale=1.0, half=True, detrend="constant")
    assert seen.kernels == [("power", "numpy", "float64", REAL.nbytes)]


class OutOfMemoryError(MemoryError):
    """CuPy's, for a process without CuPy."""


class Pool:
    """CuPy's memory pool: blocks that no array uses, freed on demand."""

    def __init__(self, kept):
        self.kept = kept

    def total_bytes(self):
        return self.kept

    def free_all_blocks(self):
        self.kept = 0


@pytest.fixture
def cupy(monkeypatch):
    """As much of CuPy as looks after memory."""
    stub = types.SimpleNamespace(cleared=[], ndarray=type("ndarray", (), {}))
    pool = Pool(1000)
    stub.get_default_memory_pool = lambda: pool
    cache = types.SimpleNamespace(clear=lambda: stub.cleared.append(1))
    stub.fft = types.SimpleNamespace(config=types.SimpleNamespace(get_plan_cache=lambda: cache))
    memory = types.SimpleNamespace(OutOfMemoryError=OutOfMemoryError)
    monkeypatch.setitem(sys.modules, "cupy", stub)
    monkeypatch.setitem(sys.modules, "cupy.cuda.memory", memory)
    return stub


def test_errors_of_cupy_are_known_without_importing_it(cupy):
    class CuFFTError(RuntimeError):
        __module__ = "cupy.cuda.cufft"

    assert is_out_of_memory(OutOfMemoryError())
    assert is_out_of_memory(CuFFTError("CUFFT_ALLOC_FAILED"))
    assert not is_out_of_memory(CuFFTError("CUFFT_INVALID_SIZE"))
    assert not is_out_of_memory(RuntimeError("CUFFT_ALLOC_FAILED"))
    assert not is_out_of_memory(MemoryError())


def test_the_pool_and_the_plans_are_freed(cupy):
    assert release_memory("cupy") == 1000
    assert release_memory("cupy") == 0
    assert cupy.cleared == [1, 1]


def test_tables_are_given_back_where_a_kernel_needs_their_room(make_kernel):
    def times_ramp(x):
        return x + table_of(x, np.arange, 100.0)

    kernel = make_kernel("times_ramp", times_ramp, free_axes=lambda x: (0,))
    seen = Parts()
    with limit_memory(4 * 800) as account, observed_by(seen):
        x = HostFree.copy_from_host(np.ones((1, 100)))
        table_of(x, np.ones, 200)
        out = kernel(x)
        assert account.used == 3 * 800  # block, result and the ramp
        np.testing.assert_array_equal(out.copy_to_host(), 1.0 + np.arange(100.0)[None])
        assert release_memory("hostfree") == 800
        assert release_memory("hostfree") == 0
    assert seen.parts == []


def test_a_block_is_tried_once_more_as_a_whole_when_that_freed_something(cupy):
    sizes = []

    def run(x):
        sizes.append(len(x))
        if len(sizes) < 3:
            raise OutOfMemoryError
        return HostFree.copy_from_host(x.copy_to_host())

    x = HostFree.copy_from_host(np.arange(8.0))
    out, parts = run_within_memory(run, x, lambda: (0,), "cupy")
    assert (sizes, parts) == ([8, 8, 4, 4], 2)
    np.testing.assert_array_equal(out.copy_to_host(), np.arange(8.0))


def test_arrays_that_an_error_held_are_free_before_the_next_attempt(make_kernel):
    kept = []

    def heavy(x):
        temporary = x + 1
        kept.append(1)
        return temporary + (temporary + 1)

    kernel = make_kernel("heavy", heavy, free_axes=lambda x: (0,))
    with limit_memory(64 * 8 * 3 + 32) as account:
        kernel(HostFree.copy_from_host(np.ones(64)))
        assert account.used == 0
    assert len(kept) > 2


@given(ndim=st.integers(1, 5), taken=st.lists(st.integers(-5, 4), max_size=3))
def test_all_but_gives_the_other_axes(ndim, taken):
    taken = [a for a in taken if -ndim <= a < ndim]
    rest = all_but(*taken, ndim=ndim)
    assert set(rest) | {a % ndim for a in taken} == set(range(ndim))
    assert set(rest).isdisjoint(a % ndim for a in taken)


def test_a_call_with_bound_parameters_finds_its_free_axes():
    bound = functools.partial(fft, kind="fft", axes=(0,), lengths=(4,), norm=None)
    with limit_memory(5 * REAL.nbytes - 1):
        out = bound(HostFree.copy_from_host(REAL))
    np.testing.assert_allclose(out.copy_to_host(), bound(REAL), atol=1e-12)
