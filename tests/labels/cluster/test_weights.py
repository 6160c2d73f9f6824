import numpy as np
import pytest
import xarray as xr
from sklearn.cluster import KMeans

import spanwise.labels.cluster as labelled
from spanwise.errors import ArgumentError, ArgumentTypeError, NonFiniteError

MONTHS = 12


def ours(data, k=3, **options):
    return labelled.kmeans(data, k, **{"random_state": 0, "method": "lloyd"} | options)


def theirs(data, start, weights):
    """scikit-learn's fit of stacked points."""
    rows = data.stack(point=("lat", "lon")).transpose("point", "month").dropna("point")
    beside = xr.broadcast(weights, data.isel(month=0))[0].stack(point=("lat", "lon"))
    beside = beside.sel(point=rows.point).values
    fit = KMeans(len(start), init=start, n_init=1).fit(rows.values, sample_weight=beside)
    labels = xr.DataArray(fit.labels_, coords={"point": rows.point}, dims="point")
    return fit, labels.unstack("point", fill_value=-1).reindex_like(
        data.isel(month=0), fill_value=-1
    )


@pytest.fixture
def points(climate):
    """Data with land, and points of it to start from."""
    data = climate(12, 14).astype("float64")
    start = xr.concat([data.isel(lat=i, lon=j) for i, j in [(0, 0), (6, 6), (11, 8)]], "cluster")
    return data, start.transpose("cluster", "month").drop_vars(["lat", "lon"])


@pytest.mark.parametrize("chunks", [None, {"month": 5}, {"lat": 5, "lon": 4}])
def test_area_weights_are_those_of_the_latitude(points, chunks):
    data, start = points
    weights = np.cos(np.deg2rad(data.lat.astype("float64")))
    fit, labels = theirs(data, start.values, weights)
    out = ours(data if chunks is None else data.chunk(chunks), feature_dim="month",
               weights="area", init=start)  # fmt: skip
    np.testing.assert_array_equal(out.labels, labels.transpose("lat", "lon"))
    np.testing.assert_allclose(out.centroids, fit.cluster_centers_, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(out.inertia, fit.inertia_, rtol=1e-9)
    there = out.labels >= 0
    for c in range(3):
        assert out.counts[c] == (out.labels == c).sum()
        share = weights.where(out.labels == c).sum() / weights.where(there).sum()
        np.testing.assert_allclose(out.share[c], share)
    assert "feature_weights" not in out


@pytest.mark.parametrize("lazy", [False, True])
def test_weights_are_aligned_and_broadcast(points, lazy):
    data, start = points
    area = xr.DataArray(
        np.random.default_rng(0).random((14, 12)),
        coords={"lon": data.lon, "lat": data.lat},
        dims=("lon", "lat"),
    )
    given = area.isel(lat=slice(None, None, -1))
    expected = ours(data, feature_dim="month", weights=area, init=start)
    if lazy:
        data, given = data.chunk(month=4, lat=7), given.chunk(lat=5, lon=3)
    out = ours(data, feature_dim="month", weights=given, init=start)
    xr.testing.assert_identical(out.compute(), expected)
    other = ours(data, feature_dim="month", init=start)
    assert abs(other.centroids - out.centroids).max() > 1e-3
    lines = ours(data, feature_dim="month", weights=area.isel(lon=0), init=start)
    full = xr.broadcast(area.isel(lon=0, drop=True), area.isel(lat=0, drop=True))[0]
    same = ours(data, feature_dim="month", weights=full, init=start)
    xr.testing.assert_identical(lines.compute(), same.compute())


def test_latitude_of_two_dimensions_weighs_the_points_of_an_ocean_grid(points):
    data, start = points
    lat = np.broadcast_to(data.lat.values[:, None], (12, 14)).astype(float)
    ocean = data.rename(lat="y", lon="x").drop_vars(["x", "y", "area"])
    ocean = ocean.assign_coords(nav_lat=(("y", "x"), lat))
    out = ours(ocean, feature_dim="month", weights="area", init=start)
    expected = ours(data, feature_dim="month", weights="area", init=start)
    np.testing.assert_array_equal(out.labels, expected.labels)
    np.testing.assert_array_equal(out.centroids, expected.centroids)
    assert "nav_lat" in out.labels.coords


def test_area_weighs_features_where_each_time_is_a_sample(climate):
    data = climate(land=False, dtype="float64").rename(month="time")
    root = np.sqrt(np.cos(np.deg2rad(data.lat)))
    out = ours(data, sample_dim="time", weights="area")
    other = ours(data * root, sample_dim="time")
    np.testing.assert_array_equal(out.labels, other.labels)
    np.testing.assert_allclose(out.inertia, other.inertia)
    for c in range(3):
        np.testing.assert_allclose(
            out.centroids.sel(cluster=c), data.where(out.labels == c).mean("time")
        )
    np.testing.assert_allclose(out.feature_weights, xr.broadcast(root**2, data[0])[0])
    assert out.feature_weights.dims == ("lat", "lon")
    assert out.centroids.units == "K"


def test_both_sides_have_weights_where_each_is_given(climate):
    data = climate(land=False, dtype="float64").rename(month="time")
    years = xr.DataArray(np.arange(12.0), coords={"time": data.time}, dims="time")
    out = ours(data, sample_dim="time", weights=years, feature_weights="area")
    for c in range(3):
        mean = data.where(out.labels == c).weighted(years).mean("time")
        np.testing.assert_allclose(out.centroids.sel(cluster=c), mean)
    np.testing.assert_allclose(
        out.share, [years.where(out.labels == c).sum() / 66 for c in range(3)]
    )
    assert "area" not in out.coords or out.area.attrs == data.area.attrs


def test_variables_of_a_dataset_are_weighed_by_name(climate):
    a = climate(land=False, dtype="float64")
    both = xr.Dataset({"u": a, "v": 100 * a.roll(lat=2)}).to_dataarray("variable")
    dims = ("variable", "month")
    out = ours(both, feature_dim=dims, feature_weights={"variable": {"v": 0.0, "u": 1.0}})
    alone = ours(both.sel(variable=["u"]), feature_dim=dims)
    np.testing.assert_array_equal(out.labels, alone.labels)
    assert bool(out.centroids.sel(variable="v").isnull().all())
    np.testing.assert_allclose(out.centroids.sel(variable="u"), alone.centroids[:, 0])
    listed = ours(both, feature_dim=dims, feature_weights={"variable": [1.0, 0.0]})
    np.testing.assert_array_equal(listed.labels, out.labels)


def test_a_weight_of_two_counts_a_squared_difference_twice(climate):
    data = climate(land=False, dtype="float64")
    twice = xr.concat([data, data.isel(month=[3]).assign_coords(month=[13])], "month")
    weights = xr.ones_like(data.month, float)
    weights[3] = 2
    out = ours(data, feature_dim="month", feature_weights=weights)
    np.testing.assert_array_equal(out.labels, ours(twice, feature_dim="month").labels)


def test_weights_that_are_nan_are_none_unless_nan_raises(points):
    data, _ = points
    area = xr.ones_like(data.isel(month=0, drop=True)).where(data.lat > 0).drop_vars(["lat", "lon"])
    out = ours(data, k=2, feature_dim="month", weights=area, random_state=1)
    filled = ours(data, k=2, feature_dim="month", weights=area.fillna(0), random_state=1)
    xr.testing.assert_identical(out, filled)
    with pytest.raises(NonFiniteError, match="sample_weight"):
        ours(data.fillna(0), feature_dim="month", weights=area, skipna=False)
    odd = xr.DataArray(np.where(np.arange(12) > 3, 1, np.nan), dims="month")
    assert bool(ours(data, feature_dim="month", feature_weights=odd).centroids[:, 0].isnull().all())
    with pytest.raises(NonFiniteError, match="features"):
        ours(data, feature_dim="month", feature_weights=odd, skipna=False)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"weights": "volume"}, ArgumentError, "weights='volume': expected \"area\""),
        ({"weights": np.ones(6)}, ArgumentTypeError, "weights is a ndarray.*dimensions"),
        ({"weights": xr.DataArray([1.0], dims="z")}, ArgumentError, "'z', which the data has not"),
        (
            {"weights": xr.DataArray(np.ones((12, 6)), dims=("month", "lat"))},
            ArgumentError,
            "samples \\('lat'\\) and features \\('month'\\).*factors",
        ),
        (
            {"weights": xr.DataArray(np.ones(3), {"lat": [50, 30, 0]}, "lat")},
            ArgumentError,
            "weights has no value at lat=",
        ),
        ({"weights": xr.DataArray(-np.ones(6), dims="lat")}, ArgumentError, "negative"),
        ({"weights": xr.DataArray(np.zeros(6), dims="lat")}, ArgumentError, "zero for all"),
        ({"weights": xr.DataArray(["a"] * 6, dims="lat")}, ArgumentTypeError, "real numbers"),
        (
            {"feature_weights": xr.DataArray(np.ones(6), dims="lat")},
            ArgumentError,
            "expected some of the features, 'month'",
        ),
        ({"feature_weights": {"z": [1]}}, ArgumentError, "'z' is not a dimension"),
        ({"feature_weights": {}}, ArgumentError, "feature_weights={}"),
        ({"feature_weights": {"month": {1: 2.0}}}, ArgumentError, "no value at month=2"),
        ({"feature_weights": {"month": np.zeros(12)}}, ArgumentError, "0 for all"),
        ({"feature_weights": {"month": -np.ones(12)}}, ArgumentError, "negative"),
    ],
)
def test_wrong_weights_are_named(climate, options, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        ours(climate(), feature_dim="month", **options)
