"""``scipy.fft`` on Dask arrays, through its own dispatch."""

import os
import pickle
import re
import subprocess
import sys
import threading
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.fft
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.testing import raise_if_computes
from spanwise.testing.strategies import axes_of, shapes_and_chunks

PAGE = Path(__file__).parents[2] / "docs" / "scipy-backend.md"
ONE_AXIS = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "dct", "idct", "dst", "idst"]
ALL = [
    name
    for name in scipy.fft.__all__
    if type(getattr(scipy.fft, name)) is type(scipy.fft.fft) and hasattr(sw.fft, name)
]
grids = shapes_and_chunks(max_ndim=3, min_side=2, max_side=9)
seeds = st.integers(0, 2**32 - 1)
norms = st.sampled_from([None, "backward", "ortho", "forward"])


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """The scheduler of one thread: the arrays are tiny."""
    with dask.config.set(scheduler="sync"):
        yield


def values_for(name, shape, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if name in ("fft", "ifft", "fftn", "irfft") else x


def assert_same(got, want):
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)


def through_backend(name, *args, **kwargs):
    """Call SciPy on a Dask array with our backend set, and compute what it gives."""
    with scipy.fft.set_backend(sw.fft.backend), raise_if_computes():
        lazy = getattr(scipy.fft, name)(*args, **kwargs)
    assert isinstance(lazy, da.Array)
    return lazy.compute()


@given(grids, st.sampled_from([n for n in ONE_AXIS if n in ALL]), norms, seeds, st.data())
def test_one_axis_equals_scipy_on_the_array_in_memory(grid, name, norm, seed, data):
    shape, chunks = grid
    x = values_for(name, shape, seed)
    arguments = {
        "n": data.draw(st.none() | st.integers(2, 12)),
        "axis": data.draw(st.integers(-len(shape), len(shape) - 1)),
        "norm": norm,
        "overwrite_x": data.draw(st.booleans()),
        "workers": data.draw(st.sampled_from([None, 1, 2, -1])),
    }
    if name.endswith(("ct", "st")):
        arguments["type"] = data.draw(st.integers(1, 4))
        arguments["orthogonalize"] = data.draw(st.sampled_from([None, True, False]))
    want = getattr(scipy.fft, name)(x, **arguments | {"overwrite_x": False})
    got = through_backend(name, da.from_array(x, chunks=chunks), **arguments)
    assert_same(got, want)


@given(grids, st.sampled_from([n for n in ALL if n.endswith("n")]), norms, seeds, st.data())
def test_several_axes_equal_scipy_on_the_array_in_memory(grid, name, norm, seed, data):
    shape, chunks = grid
    x = values_for(name, shape, seed)
    axes = data.draw(st.none() | axes_of(len(shape)))
    count = len(shape) if axes is None else len(axes)
    s = data.draw(st.none() | st.tuples(*(st.integers(2, 10) for _ in range(count))))
    arguments = {"s": s, "axes": axes, "norm": norm}
    want = getattr(scipy.fft, name)(x, **arguments)
    assert_same(through_backend(name, da.from_array(x, chunks=chunks), **arguments), want)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("by_name", [False, True])
def test_every_function_that_scipy_dispatches_is_lazy(name, by_name):
    x = values_for(name, (6, 8), 0)
    lazy = da.from_array(x, chunks=(2, 4))
    scale = {"dln": 0.1, "mu": 0.5} if name.endswith("fht") else {}
    want = getattr(scipy.fft, name)(x, **scale)
    keyword = {"fht": "a", "ifht": "A"}.get(name, "x")
    positional, named = ((), {keyword: lazy}) if by_name else ((lazy,), {})
    assert_same(through_backend(name, *positional, **named, **scale), want)


@pytest.mark.parametrize("plain", ["fftshift", "fftfreq", "next_fast_len", "fhtoffset"])
def test_helpers_of_scipy_are_not_dispatched(plain):
    assert type(getattr(scipy.fft, plain)) is not type(scipy.fft.fft)


@pytest.mark.parametrize(
    "x",
    [
        np.arange(4.0),
        [1.0, 2.0, 3.0, 4.0],
        np.float32([1, 2, 3, 4]),
        np.ma.masked_array([1.0, 2.0, 3.0, 4.0]),
        xr.DataArray([1.0, 2.0, 3.0, 4.0], dims="t"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_anything_but_a_dask_array_is_left_to_scipy(x):
    want = scipy.fft.fft(x)
    with scipy.fft.set_backend(sw.fft.backend):
        got = scipy.fft.fft(x)
        again = scipy.fft.fft(x=x)
    assert type(got) is type(want)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(again, want)


def test_a_backend_that_only_counts_refuses_what_it_does_not_take():
    with (
        scipy.fft.set_backend(sw.fft.backend, only=True),
        pytest.raises(NotImplementedError, match="No selected backends"),
    ):
        scipy.fft.fft(np.ones(4))


def test_functions_that_we_lack_are_declined():
    def unheard_of(x):
        """A transform that SciPy may get one day."""

    answer = sw.fft.backend.__ua_function__(unheard_of, (da.ones(4, chunks=2),), {})
    assert answer is NotImplemented
    assert sw.fft.backend.__ua_function__(unheard_of, (), {"n": 3}) is NotImplemented


def test_errors_are_ours_and_scipys_in_kind():
    x = da.ones((4, 6), chunks=2)
    with scipy.fft.set_backend(sw.fft.backend):
        with pytest.raises(ValueError, match="Invalid norm value"):
            scipy.fft.fft(x, norm="o")
        with pytest.raises(sw.errors.ArgumentError, match="unique"):
            scipy.fft.fftn(x, axes=(0, 0))
        with pytest.raises(TypeError, match="real"):
            scipy.fft.rfft(x * 1j)
        with pytest.raises(NotImplementedError, match="precomputed plan"):
            scipy.fft.fft(x, plan="any")


def test_two_threads_at_once_get_each_its_own_result():
    arrays = [da.random.default_rng(i).random((12, 8), chunks=(3, 2)) for i in range(2)]
    results, errors, together = [None, None], [], threading.Barrier(2, timeout=60)

    def work(i):
        try:
            with scipy.fft.set_backend(sw.fft.backend):
                together.wait()
                lazy = [scipy.fft.fft2(scipy.fft.rfft(arrays[i], axis=0)) for _ in range(10)]
            results[i] = [y.compute() for y in lazy]
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for x, got in zip(arrays, results, strict=True):
        want = scipy.fft.fft2(scipy.fft.rfft(x.compute(), axis=0))
        for y in got:
            assert_same(y, want)


def test_a_backend_set_in_one_thread_is_not_set_in_another_but_a_registered_one_is():
    code = """
import threading, numpy, dask.array as da, scipy.fft, spanwise as sw
x = da.ones((4, 6), chunks=2)
def kind():
    found = []
    def work():
        try:
            found.append(type(scipy.fft.fft(x)).__name__)
        except Exception as error:
            found.append(type(error).__name__)
    thread = threading.Thread(target=work); thread.start(); thread.join()
    return found[0]
with scipy.fft.set_backend(sw.fft.backend):
    assert isinstance(scipy.fft.fft(x), da.Array)
    assert kind() != "Array"
scipy.fft.register_backend(sw.fft.backend)
assert kind() == "Array", kind()
assert isinstance(scipy.fft.fft(x), da.Array)
assert type(scipy.fft.fft(numpy.ones(4))) is numpy.ndarray
assert type(scipy.fft.fft2([[1, 2], [3, 4]])) is numpy.ndarray
assert type(sw.fft.fft(numpy.ones(4))) is numpy.ndarray
y = scipy.fft.rfft2(x)
assert abs(y.compute(scheduler="threads") - scipy.fft.rfft2(numpy.ones((4, 6)))).max() < 1e-12
"""
    for flag in ("0", "1"):
        environment = os.environ | {"SCIPY_ARRAY_API": flag}
        subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=120)


def test_the_backend_alone_imports_neither_dask_nor_scipys_fft():
    code = (
        "import sys, spanwise.fft; spanwise.fft.backend.__ua_domain__;"
        "assert not {'dask', 'scipy.fft'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_it_is_one_object_also_after_pickling():
    assert pickle.loads(pickle.dumps(sw.fft.backend)) is sw.fft.backend
    assert repr(sw.fft.backend) == "spanwise.fft.backend"


def test_the_code_of_the_page_runs():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        subprocess.run([sys.executable, "-c", block], check=True, timeout=120)


def test_the_page_names_every_function_that_scipy_dispatches_and_none_else():
    text = PAGE.read_text(encoding="utf-8")
    reach, not_reach = text.split("Do not reach us", 1)
    assert [n for n in ALL if f"`{n}`" not in reach] == []
    plain = ["fftshift", "ifftshift", "fftfreq", "rfftfreq", "next_fast_len", "prev_fast_len"]
    assert [n for n in [*plain, "fhtoffset"] if f"`{n}`" not in not_reach] == []
