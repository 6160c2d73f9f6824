import dask
import numpy as np
import pytest
import xarray as xr

import spanwise.labels.cluster as labelled
import spanwise.xarray  # noqa: F401  (the accessor)
from spanwise.errors import ArgumentError, ArrayTypeError, NonFiniteError
from spanwise.testing import ArrayBackend, CountingSource, raise_if_computes

FORMS = [
    {"feature_dim": "month"},
    {"feature_dim": "month", "weights": "area", "feature_weights": {"month": np.arange(12.0)}},
    {"sample_dim": "month", "weights": "area"},
    {"sample_dim": "month", "method": "lloyd"},
]


def written(found, path, how):
    """The result after a round trip through a file."""
    if how == "zarr":
        found.to_zarr(path / "found.zarr", consolidated=False)
        return xr.open_zarr(path / "found.zarr", consolidated=False)
    engine = {"netcdf4": "netcdf4", "netcdf3": "scipy"}[how]
    pytest.importorskip("netCDF4" if engine == "netcdf4" else "scipy")
    found.to_netcdf(path / "found.nc", engine=engine)
    with xr.open_dataset(path / "found.nc", engine=engine) as there:
        return there.load()


@pytest.mark.parametrize("how", ["zarr", "netcdf4", "netcdf3"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("lazy", [False, True])
def test_what_was_written_predicts_the_labels_of_the_fit(climate, tmp_path, how, form, lazy):
    data = climate(8, 10, dtype="float64")
    if "sample_dim" in form:
        data[3] = data[2]  # a point is missing at one time only
    data = data.drop_vars("season").chunk(lat=3) if lazy else data.drop_vars("season")
    found = labelled.kmeans(data, 3, random_state=0, **form)
    back = written(found, tmp_path, how)
    labels = data.spanwise.cluster.predict(back)
    np.testing.assert_array_equal(labels, found.labels)
    np.testing.assert_array_equal(labels, back.labels)
    assert labels.name == "labels"
    assert labels.dtype == "int32"
    assert labels.attrs == found.labels.attrs
    np.testing.assert_allclose(back.centroids, found.centroids)
    assert back.counts.sum() == (found.labels >= 0).sum()
    np.testing.assert_allclose(back.share.sum(), 1)


def test_lazy_data_or_a_lazy_result_computes_nothing(climate, tmp_path):
    data = climate()
    found = labelled.kmeans(data, 2, feature_dim="month", weights="area", random_state=0)
    lazy = data.chunk(month=5, lat=2)
    stored = found.drop_vars("season").chunk(month=5, cluster=1)
    with raise_if_computes():
        outs = [
            labelled.predict(lazy, found),
            labelled.predict(lazy, stored),
            labelled.predict(data, stored),
            labelled.transform(lazy, stored),
        ]
    assert all(out.chunks is not None for out in outs)
    for out in outs[:3]:
        np.testing.assert_array_equal(out, found.labels)
    np.testing.assert_array_equal(outs[3], labelled.transform(data, found))


def test_labels_of_ties_survive_the_round_trip(tmp_path):
    rng = np.random.default_rng(0)
    data = xr.DataArray(rng.integers(0, 4, (500, 3)).astype("float32"), dims=("point", "f"))
    found = labelled.kmeans(data.chunk(point=90), 5, feature_dim="f", random_state=0)
    back = written(found, tmp_path, "zarr")
    np.testing.assert_array_equal(labelled.predict(data, back), found.labels)


def test_new_samples_may_have_other_dimensions(climate):
    data = climate()
    found = labelled.kmeans(data, 2, feature_dim="month", random_state=0)
    new = xr.concat([data, data + 0.1], "member").transpose("member", "lon", "month", "lat")
    labels = labelled.predict(new, found)
    assert labels.dims == ("member", "lon", "lat")
    np.testing.assert_array_equal(labels[0], found.labels.T)
    one = labelled.predict(data.isel(lat=0, lon=[0]), found)
    assert one.dims == ("lon",)


def test_features_are_aligned_by_their_coordinates(climate):
    data = climate()
    found = labelled.kmeans(data, 2, feature_dim="month", random_state=0)
    more = xr.concat([data.isel(month=slice(None, None, -1)), data[:1] * 0], "month")
    more = more.assign_coords(month=[*range(12, 0, -1), 13])
    np.testing.assert_array_equal(labelled.predict(more, found), found.labels)
    with pytest.raises(ArgumentError, match=r"obj has no value at month=12.*the centroids"):
        labelled.predict(data.isel(month=slice(11)), found)
    with pytest.raises(ArgumentError, match="obj has no dimension 'month'"):
        labelled.predict(data.rename(month="m"), found)
    with pytest.raises(ArgumentError, match="no dimension of samples"):
        labelled.predict(data.isel(lat=0, lon=0), found)
    with pytest.raises(ArgumentError, match="11 points along 'month', and the centroids 12"):
        labelled.predict(data.isel(month=slice(11)).drop_vars("month"), found)


def test_distances_are_those_of_weighed_features(climate):
    data = climate(dtype="float64")
    weights = {"month": np.arange(12.0)}
    found = labelled.kmeans(data, 3, feature_dim="month", feature_weights=weights, random_state=0)
    out = data.spanwise.cluster.transform(found)
    assert out.dims == ("lat", "lon", "cluster")
    apart = (data - found.centroids).fillna(0) ** 2 * xr.DataArray(np.arange(12.0), dims="month")
    expected = np.sqrt(apart.sum("month")).where(found.labels >= 0)
    np.testing.assert_allclose(out, expected.transpose(*out.dims), rtol=1e-9)
    assert out.units == "K"
    assert out.long_name == "distance to centroid"
    np.testing.assert_array_equal(out.fillna(-1).argmin("cluster").where(found.labels >= 0, -1),
                                  found.labels)  # fmt: skip
    assert "units" not in labelled.transform(data, found, keep_attrs=False).attrs
    np.testing.assert_allclose((out.min("cluster") ** 2).sum(), found.inertia)


def test_nan_raises_unless_it_is_skipped_but_not_in_features_without_weight(climate):
    data = climate()
    found = labelled.kmeans(data, 2, feature_dim="month", random_state=0)
    lazy = labelled.predict(data.chunk(lat=2), found, skipna=False)
    with pytest.raises(NonFiniteError, match="NaN"):
        lazy.compute()
    land = data.where(data.lon != 30)
    maps = labelled.kmeans(land.fillna(0).where(data.lon != 30), 2, sample_dim="month")
    strict = labelled.predict(land.fillna(0).where(data.lon != 30), maps, skipna=False)
    np.testing.assert_array_equal(strict, maps.labels)


@pytest.mark.parametrize("backend", ["hostfree", "dask:hostfree"])
def test_device_data_is_labelled_where_it_is(climate, backend):
    container = ArrayBackend(backend)
    data = climate()
    found = labelled.kmeans(data, 2, feature_dim="month", weights="area", random_state=0)
    there = data.copy(data=container.asarray(data.values))
    out = labelled.predict(there, found)
    np.testing.assert_array_equal(container.to_numpy(out.data), found.labels)


def test_what_is_no_result_is_refused(climate):
    data = climate()
    found = labelled.kmeans(data, 2, feature_dim="month", random_state=0)
    with pytest.raises(ArrayTypeError, match="result is a DataArray"):
        labelled.predict(data, found.centroids)
    with pytest.raises(ArgumentError, match=r"'centroids'.*'labels'"):
        labelled.predict(data, found[["labels"]])
    with pytest.raises(ArrayTypeError, match=r"to_dataarray\(.variable.\).*predict\(result\)"):
        labelled.predict(found, data)


def test_labels_and_counts_share_one_read(climate):
    data = climate(40, 30, land=False)
    source = CountingSource(data.transpose("lat", "lon", "month").values, chunks=(10, 30, 12))
    lazy = xr.DataArray(source.array, dims=("lat", "lon", "month"))
    with dask.config.set(scheduler="sync"):
        found = labelled.kmeans(lazy, 2, feature_dim="month", random_state=0)
        source.reset()
        done = found.compute()
    assert source.passes == 1
    np.testing.assert_array_equal(done.counts, np.bincount(done.labels.values.ravel()))
