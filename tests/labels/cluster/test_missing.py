import dask
import numpy as np
import pytest
import xarray as xr

import spanwise as sw
import spanwise.labels.cluster as labelled
from spanwise.errors import ArgumentError, NonFiniteError
from spanwise.testing import ArrayBackend, CountingSource


def regimes(n=40, ny=5, nx=6, dtype="float32"):
    """Maps of three kinds over time, with land, and one time without values."""
    rng = np.random.default_rng(0)
    kinds = rng.standard_normal((3, ny, nx))
    values = 5 * kinds[np.arange(n) % 3] + rng.standard_normal((n, ny, nx))
    values[:, 1:3, 2:4] = np.nan
    return xr.DataArray(
        values.astype(dtype),
        coords={"time": np.arange(n), "lat": np.linspace(-60, 60, ny)},
        dims=("time", "lat", "lon"),
        attrs={"units": "K"},
    )


def ours(data, **options):
    return labelled.kmeans(data, 3, sample_dim="time", random_state=0, **options)


@pytest.mark.parametrize("method", ["auto", "lloyd", "gram"])
@pytest.mark.parametrize("chunks", [None, {"time": 7}, {"lat": 2, "lon": 4}, {"time": 9, "lon": 1}])
def test_features_that_all_samples_lack_are_left_out(chunks, method):
    data = regimes()
    out = ours(data if chunks is None else data.chunk(chunks), method=method)
    sea = data.isel(time=0).notnull()
    expected = ours(data.where(sea, 0.0), method=method)
    np.testing.assert_array_equal(out.labels, expected.labels)
    assert (out.labels >= 0).all()
    np.testing.assert_array_equal(out.centroids.notnull(), xr.broadcast(sea, out.cluster)[0].T
                                  if False else sea.expand_dims(cluster=3))  # fmt: skip
    np.testing.assert_allclose(out.centroids, expected.centroids.where(sea), rtol=1e-6)
    np.testing.assert_array_equal(out.feature_weights, sea.astype(float))
    np.testing.assert_allclose(out.inertia, expected.inertia)


@pytest.mark.parametrize("chunks", [None, {"time": 7}])
def test_a_feature_that_only_some_samples_lack_leaves_those_samples_out(chunks):
    data = regimes()
    data[{"time": [0, 4], "lat": 0, "lon": 0}] = np.nan
    data[{"time": 20}] = np.nan
    out = ours(data if chunks is None else data.chunk(chunks))
    np.testing.assert_array_equal(np.flatnonzero(out.labels == -1), [0, 4, 20])
    assert bool(out.centroids.isel(lat=0, lon=0).notnull().all())
    assert out.counts.sum() == 37
    with pytest.raises(NonFiniteError):
        ours(data, skipna=False)


def test_area_weights_and_land_go_together():
    data = regimes(dtype="float64")
    out = ours(data, weights="area")
    sea = data.isel(time=0).notnull()
    weights = np.cos(np.deg2rad(data.lat))
    np.testing.assert_allclose(
        out.feature_weights, xr.broadcast(weights, sea)[0].where(sea, 0.0), atol=1e-15
    )
    for c in range(3):
        np.testing.assert_allclose(
            out.centroids.sel(cluster=c), data.where(out.labels == c).mean("time")
        )


@pytest.mark.parametrize("backend", ["hostfree", "dask:hostfree"])
def test_device_arrays_are_served(backend):
    container = ArrayBackend(backend)
    data = regimes()
    out = ours(data.copy(data=container.asarray(data.values)), weights="area")
    expected = ours(data, weights="area")
    np.testing.assert_array_equal(container.to_numpy(out.labels.data), expected.labels.values)


def test_nothing_but_the_first_chunks_is_read_twice_where_nothing_is_missing():
    values = regimes().fillna(0).values
    source = CountingSource(values, chunks=(10, 5, 6))
    data = xr.DataArray(source.array, dims=("time", "lat", "lon"))
    with dask.config.set(scheduler="sync"):
        out = ours(data, method="gram")
    reads = source.reads
    assert {reads[index] for index in reads if index[0] > 0} == {2}
    assert reads[0, 0, 0] == 3
    assert "feature_weights" not in out


def test_integers_are_not_looked_at():
    source = CountingSource(np.arange(600).reshape(20, 5, 6) % 7, chunks=(10, 5, 6))
    data = xr.DataArray(source.array, dims=("time", "lat", "lon"))
    ours(data, method="gram")
    assert source.passes == 2


def test_data_without_any_value_is_named():
    with pytest.raises(ArgumentError, match="every feature is NaN in all samples"):
        ours(regimes() * np.nan)


def test_the_read_that_looks_for_land_is_one_of_the_store_where_there_is_one(tmp_path):
    source = CountingSource(regimes(24, 100, 200).values, chunks=(2, 100, 200))
    data = xr.DataArray(source.array, dims=("time", "lat", "lon"))
    options = {"memory": "1900KiB", "temporary_store": str(tmp_path)}
    with sw.set_options(**options), dask.config.set(scheduler="threads", num_workers=1):
        out = ours(data, method="gram").compute()
    assert source.passes == 1
    assert not list(tmp_path.iterdir())
    xr.testing.assert_identical(out, ours(data, method="gram").compute())
