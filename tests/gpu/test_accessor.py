"""Every method of the accessor on device arrays: the host's answer, with its labels."""

import inspect

import numpy as np
import pytest
import xarray as xr

from spanwise.kernels.library import library_of
from spanwise.kernels.transfer import counted_transfers, to_host
from spanwise.testing import raise_if_computes
from spanwise.xarray import SpanwiseAccessor

ONE, TWO = {"dim": "x"}, {"dim": ("y", "x")}
ARGUMENTS = {
    "fft2": TWO,
    "ifft2": TWO,
    "rfft2": TWO,
    "irfft2": TWO,
    "hfft2": TWO,
    "ihfft2": TWO,
    "fftn": TWO,
    "ifftn": TWO,
    "rfftn": TWO,
    "irfftn": TWO,
    "hfftn": TWO,
    "ihfftn": TWO,
    "zoom_fft": {**ONE, "fn": (0.1, 0.3), "m": 5},
    "pad": {"x": (2, 3)},
}
"""Arguments of methods that take other ones than ``dim="x"``."""
OF_SPECTRA = {"ifft", "irfft", "ifft2", "irfft2", "ifftn", "irfftn", "ifftshift"}


def methods():
    """Methods of all name spaces of the accessor, as ``"fft.rfft"``."""
    for space in ("fft", "signal"):
        kind = type(getattr(SpanwiseAccessor(None), space))
        yield from (f"{space}.{name}" for name in vars(kind) if not name.startswith("_"))


def labelled(data):
    coords = {"y": 10.0 + np.arange(6), "x": ("x", 0.5 * np.arange(8), {"units": "m"})}
    return xr.DataArray(data, dims=("t", "y", "x"), coords=coords, name="v", attrs={"units": "K"})


@pytest.fixture
def values():
    return np.random.default_rng(4).standard_normal((4, 6, 8))


def call(array, method):
    """The method on an array, or on its spectrum where it is an inverse."""
    space, _, name = method.partition(".")
    arguments = ARGUMENTS.get(name, ONE)
    if name in OF_SPECTRA:
        shift = name == "ifftshift"
        forward = "fftshift" if shift else name.replace("i", "", 1)
        array = getattr(array.spanwise.fft, forward)(**arguments)
        renamed = {"x": "freq_x", "y": "freq_y"}
        if not shift:
            dims = arguments["dim"]
            names = [dims] if isinstance(dims, str) else list(dims)
            arguments = {**arguments, "dim": [renamed[name] for name in names]}
            arguments["dim"] = arguments["dim"][0] if len(names) == 1 else tuple(arguments["dim"])
    function = getattr(getattr(array.spanwise, space), name)
    needed = [
        p.name
        for p in inspect.signature(function).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    if unknown := set(needed) - {*arguments, "other"}:
        pytest.skip(f"{method} needs {sorted(unknown)}, which ARGUMENTS does not have")
    others = (array,) if "other" in needed else ()
    return function(*others, **arguments)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("method", list(methods()))
def test_a_method_gives_the_hosts_numbers_and_labels_on_the_device(device, values, method):
    want = call(labelled(values), method)
    chunks = ((3, 1), (4, 2), (5, 3))
    for data in (device.concrete.asarray(values), device.lazy.asarray(values, chunks=chunks)):
        lazy = hasattr(data, "dask")
        with counted_transfers() as log:
            if lazy:
                with raise_if_computes():
                    got = call(labelled(data), method)
                assert library_of(got.data._meta) == device.library
                block = got.data.compute()
            else:
                got = call(labelled(data), method)
                block = got.data
        assert library_of(block) == device.library
        assert log.to_host.bytes + log.to_device.bytes == 0
        assert (block.dtype, got.dims, got.attrs) == (want.dtype, want.dims, want.attrs)
        np.testing.assert_allclose(to_host(block), want.data, atol=1e-11)
        for name, coord in want.coords.items():
            np.testing.assert_array_equal(got.coords[name].values, coord.values)


def test_a_map_of_clusters_stays_on_the_device(device):
    rng = np.random.default_rng(0)
    centres = rng.integers(0, 3, (8, 10))
    values = (10.0 * centres[None] + rng.standard_normal((12, 8, 10))).astype("float32")
    values[:, 0, 0] = np.nan

    def fitted(data):
        array = xr.DataArray(data, dims=("month", "y", "x"))
        return array.spanwise.cluster.kmeans(3, feature_dim="month", random_state=0)

    want = fitted(values)
    for backend in (device.concrete, device.lazy):
        found = fitted(backend.asarray(values))
        np.testing.assert_array_equal(backend.to_numpy(found.labels.data), want.labels)
        centroids = found.centroids.data
        assert library_of(centroids) == device.library
        np.testing.assert_allclose(to_host(centroids), want.centroids.data, rtol=1e-6)
