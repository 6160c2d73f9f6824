"""Whatever the graph, placement changes neither the result nor the number of copies planned."""

from unittest import mock

import dask
import dask.array as da
import hypothesis.strategies as st
import numpy as np
from hypothesis import given

import spanwise as sw
from spanwise.kernels.kernel import Kernel
from spanwise.kernels.transfer import LOG
from spanwise.measures import CPU, ELEMENTWISE, TO_DEVICE, TO_HOST, Observation, RateTable
from spanwise.schedulers import placement

double = Kernel("test-double-laws", lambda x: x * 2)


def _kernel(a, b):
    return a.map_blocks(double, dtype=a.dtype, meta=a._meta)


def _opaque(a, b):
    return a.map_blocks(lambda block: block + 1, dtype=a.dtype, meta=a._meta)


OPERATIONS = {
    "kernel": _kernel,
    "opaque": _opaque,
    "ufunc": lambda a, b: np.cos(a),
    "scale": lambda a, b: a * 0.5,
    "add": lambda a, b: a + b,
    "multiply": lambda a, b: a * b,
    "anomaly": lambda a, b: a - a.mean(axis=0),
    "exchange": lambda a, b: sw.fft.fft(a, axis=0).real,
    "transform": lambda a, b: sw.fft.fft(a, axis=1).imag,
    "shift": lambda a, b: sw.fft.fftshift(a, axes=0),
    "rechunk": lambda a, b: a.rechunk((3, 4)).rechunk(a.chunks),
    "flip": lambda a, b: a[::-1].rechunk(a.chunks),
    "neighbours": lambda a, b: da.concatenate([a[1:] - a[:-1], a[:1]]).rechunk(a.chunks),
    "single": lambda a, b: a.astype("float32"),
}


@st.composite
def expressions(draw):
    """A few lazy arrays that share work, and which of them are wanted."""
    values = np.random.default_rng(draw(st.integers(0, 9))).normal(size=(6, 4))
    x = da.from_array(values, chunks=(draw(st.sampled_from([2, 4, 6])), 4))
    arrays = [x]
    for _ in range(draw(st.integers(1, 6))):
        a = arrays[draw(st.integers(max(0, len(arrays) - 2), len(arrays) - 1))]
        b = draw(st.sampled_from(arrays))
        arrays.append(OPERATIONS[draw(st.sampled_from(sorted(OPERATIONS)))](a, b))
    wanted = {len(arrays) - 1} | draw(st.sets(st.integers(1, len(arrays) - 1), max_size=2))
    return [arrays[i] for i in sorted(wanted)]


@st.composite
def rates(draw):
    """What might have been measured of the kernels: any of them may be faster on either side."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    known = [k for k in ("test-double-laws", "fft", "roll", "flip") if draw(st.booleans())]
    seen = [
        Observation(kernel, dtype, device, 2**size, 10.0 ** rng.uniform(-3, 1))
        for kernel in (*known, ELEMENTWISE)
        for dtype in ("float32", "float64", "complex64", "complex128")
        for device in (CPU, "hostfree")
        for size in (4, 8)
    ]
    seen += [
        Observation(way, "", "hostfree", 64, 10.0 ** rng.uniform(-4, 0))
        for way in (TO_DEVICE, TO_HOST)
    ]
    return RateTable().observe(seen)


@given(expressions(), st.sampled_from(["gpu", "cost"]), rates())
def test_placed_graphs_give_the_same_results_with_the_copies_that_were_planned(
    arrays, policy, table
):
    expected = dask.compute(*arrays, scheduler="sync")
    with (
        mock.patch("spanwise.rates.load_table", return_value=table),
        placement(policy, device="hostfree"),
    ):
        planned = sw.explain(tuple(arrays)).totals
        LOG.reset()
        got = dask.compute(*arrays, scheduler="sync")
    for a, b, lazy in zip(got, expected, arrays, strict=True):
        assert type(a) is np.ndarray
        assert a.dtype == b.dtype == lazy.dtype
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    assert LOG.to_device.copies == planned.to_device.number
    assert LOG.to_host.copies == planned.to_host.number
    assert LOG.to_device.bytes == planned.to_device.bytes
    assert LOG.to_host.bytes == planned.to_host.bytes
