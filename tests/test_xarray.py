import inspect

import dask.array as da
import numpy as np
import pytest
import xarray as xr

import spanwise.xarray
from spanwise.labels import cluster, fft, signal
from spanwise.testing import raise_if_computes

NAMESPACES = {"fft": fft, "signal": signal, "cluster": cluster}
METHODS = [(space, name) for space, module in NAMESPACES.items() for name in module.__all__]


def array():
    return xr.DataArray(np.random.default_rng(0).normal(size=(6, 8)), dims=("time", "x"))


@pytest.mark.parametrize(("space", "name"), METHODS)
def test_every_labelled_function_is_a_method_with_its_signature(space, name):
    function = getattr(NAMESPACES[space], name)
    method = getattr(getattr(array().spanwise, space), name)
    _, *parameters = inspect.signature(function).parameters.values()
    assert list(inspect.signature(method).parameters.values()) == parameters
    assert method.__name__ == name


@pytest.mark.parametrize(("space", "name"), METHODS)
def test_a_methods_docstring_is_the_functions_less_the_object(space, name):
    ours = inspect.getdoc(getattr(getattr(array().spanwise, space), name))
    theirs = inspect.getdoc(getattr(NAMESPACES[space], name))
    assert "obj : " in theirs
    assert "obj : " not in ours
    assert ours.splitlines()[0] == theirs.splitlines()[0]
    assert "Parameters\n----------\n" in ours
    remaining = iter(theirs.splitlines())  # what is left over are the same lines in their order
    assert all(line in remaining for line in ours.splitlines() if line)
    assert ours.count("\nReturns\n") == theirs.count("\nReturns\n") == 1


def test_no_method_is_without_a_function():
    for space, module in NAMESPACES.items():
        public = {n for n in dir(getattr(array().spanwise, space)) if not n.startswith("_")}
        assert public == set(module.__all__)


def test_methods_are_the_functions():
    data = array()
    xr.testing.assert_identical(data.spanwise.fft.fft("x"), fft.fft(data, "x"))
    ds = data.to_dataset(name="a")
    xr.testing.assert_identical(
        ds.spanwise.signal.power_spectrum(dim="x"), signal.power_spectrum(ds, "x")
    )
    xr.testing.assert_identical(
        data.spanwise.cluster.kmeans(2, sample_dim="time", random_state=0),
        cluster.kmeans(data, 2, sample_dim="time", random_state=0),
    )


def test_the_accessor_explains_without_computing():
    lazy = array().chunk(time=2)
    with raise_if_computes():
        text = str(lazy.spanwise.fft.rfft("time").spanwise.explain())
    assert "rfft" in text


def test_methods_are_lazy_on_lazy_data():
    lazy = array().chunk(time=2).to_dataset(name="a")
    with raise_if_computes():
        out = lazy.spanwise.fft.fftn(...).spanwise.fft.ifftn(...)
    assert isinstance(out.a.data, da.Array)
    assert spanwise.xarray.SpanwiseAccessor is type(lazy.spanwise)
