"""Every method of the accessor on device arrays: the host's answer, with its labels."""

import inspect

import numpy as np
import pytest
import xarray as xr

from spanwise.kernels.library import library_of
from spanwise.kernels.transfer import counted_transfers, to_host
from spanwise.testing import raise_if_computes
from spanwise.xarray import SpanwiseAccessor

BOTH = ("y", "x")


def methods():
    """Methods of the name spaces of the accessor that compute nothing, as ``"fft.rfft"``."""
    for space in ("fft", "signal"):
        kind = type(getattr(SpanwiseAccessor(None), space))
        yield from (f"{space}.{name}" for name in vars(kind) if not name.startswith("_"))


def run(array, method, **arguments):
    space, _, name = method.partition(".")
    return getattr(getattr(array.spanwise, space), name)(**arguments)


def pairs():
    """How transforms and their inverses are called, an inverse on the transform."""
    for stem in ("fft", "rfft", "hfft", "dct", "dst"):
        for suffix, dims in (("", ("x",)), ("2", BOTH), ("n", BOTH)):
            there, back = f"fft.{stem}{suffix}", f"fft.i{stem}{suffix}"
            of_spectrum = tuple(f"freq_{dim}" for dim in dims)
            yield there, lambda a, there=there, dims=dims: run(a, there, dim=dims)
            yield (
                back,
                lambda a, there=there, back=back, dims=dims, of_spectrum=of_spectrum: run(
                    run(a, there, dim=dims), back, dim=of_spectrum
                ),
            )


def on_logarithms(array):
    return array.assign_coords(x=("x", np.logspace(0, 1, 8)))


def isotropic(array):
    return run(array, "signal.isotropic_power_spectrum", dim=BOTH)


CALLS = {
    **dict(pairs()),
    "fft.ifftshift": lambda a: run(run(a, "fft.fftshift", dim="x"), "fft.ifftshift", dim="x"),
    "fft.zoom_fft": lambda a: run(a, "fft.zoom_fft", fn=(0.1, 0.3), m=5, dim="x"),
    "fft.fht": lambda a: run(on_logarithms(a), "fft.fht", dim="x", mu=1.5),
    "fft.ifht": lambda a: run(
        run(on_logarithms(a), "fft.fht", dim="x", mu=1.5), "fft.ifht", dim="k_x"
    ),
    "fft.pad": lambda a: run(a, "fft.pad", x=(2, 3)),
    "fft.unpad": lambda a: run(run(a, "fft.pad", x=(2, 3)), "fft.unpad", x=(2, 3)),
    "signal.band_power": lambda a: run(a, "signal.band_power", band=(0.2, 0.8), dim="x"),
    "signal.fftconvolve": lambda a: run(
        a, "signal.fftconvolve", kernel=np.array([0.25, 0.5, 0.25]), dim="x"
    ),
    "signal.filter_frequencies": lambda a: run(
        a, "signal.filter_frequencies", dim="x", pass_band=(0.2, 0.8)
    ),
    "signal.fit_loglog": lambda a: run(isotropic(a), "signal.fit_loglog", dim="freq_r"),
    "signal.harmonics": lambda a: run(a, "signal.harmonics", frequencies=(0.25, 0.5), dim="x"),
    "signal.isotropic_power_spectrum": isotropic,
    "signal.isotropic_cross_spectrum": lambda a: run(
        a, "signal.isotropic_cross_spectrum", other=2 * a + 1, dim=BOTH
    ),
    "signal.isotropize": lambda a: run(
        run(a, "signal.power_spectrum", dim=BOTH),
        "signal.isotropize",
        dim=("freq_y", "freq_x"),
    ),
    "signal.istft": lambda a: run(
        run(a, "signal.stft", dim="x", nperseg=4), "signal.istft", dim="x"
    ),
}
"""Methods that take other arguments than ``dim="x"``."""


def call(array, method):
    """A method with its arguments; one that nobody has listed along one dimension."""
    if method in CALLS:
        return CALLS[method](array)
    function = getattr(getattr(array.spanwise, method.split(".")[0]), method.split(".")[1])
    needed = {
        p.name
        for p in inspect.signature(function).parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    }
    if unknown := needed - {"dim", "other"}:
        pytest.skip(f"{method} needs {sorted(unknown)}: CALLS does not have it")
    return function(dim="x", **({"other": 2 * array + 1} if "other" in needed else {}))


def labelled(data):
    coords = {"y": 10.0 + np.arange(6), "x": ("x", 0.5 * np.arange(8), {"units": "m"})}
    return xr.DataArray(data, dims=("t", "y", "x"), coords=coords, name="v", attrs={"units": "K"})


def variables(result):
    """The arrays of a result, by name."""
    return dict(result.data_vars) if isinstance(result, xr.Dataset) else {"": result}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("method", list(methods()))
def test_a_method_gives_the_hosts_numbers_and_labels_on_the_device(device, method):
    values = np.random.default_rng(4).standard_normal((4, 6, 8))
    want = variables(call(labelled(values), method))
    chunks = ((3, 1), (4, 2), (5, 3))
    for data in (device.concrete.asarray(values), device.lazy.asarray(values, chunks=chunks)):
        with counted_transfers() as log:
            if hasattr(data, "dask"):
                with raise_if_computes():
                    got = variables(call(labelled(data), method))
                assert {library_of(v.data._meta) for v in got.values()} == {device.library}
                blocks = {name: v.data.compute() for name, v in got.items()}
            else:
                got = variables(call(labelled(data), method))
                blocks = {name: v.data for name, v in got.items()}
        assert log.to_host.bytes + log.to_device.bytes == 0
        assert blocks.keys() == want.keys()
        for name, wanted in want.items():
            check(got[name], blocks[name], wanted, device)


def check(got, block, want, device):
    assert library_of(block) == device.library
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
