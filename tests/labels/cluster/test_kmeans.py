import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import spanwise as sw
import spanwise.labels.cluster as labelled
from spanwise.errors import ArgumentError, ArrayTypeError, NonFiniteError
from spanwise.schedulers import MixedCluster
from spanwise.testing import ArrayBackend, CountingSource, count_computes, raise_if_computes
from spanwise.testing.strategies import chunkings

MONTHS = 12


def test_grid_points_are_samples_with_months_as_features(climate):
    data = climate()
    out = labelled.kmeans(data, 2, feature_dim="month", random_state=0)
    assert out.labels.dims == ("lat", "lon")
    assert set(out.labels.coords) == {"lat", "lon", "area", "depth"}
    assert out.labels.dtype == "int32"
    south_north = out.labels.where(out.labels >= 0)
    north = south_north.sel(lat=slice(None, 0))
    south = south_north.sel(lat=slice(0, None))
    assert north.min() == north.max() != south.min() == south.max()
    assert out.centroids.dims == ("cluster", "month")
    assert set(out.centroids.coords) == {"cluster", "month", "season", "depth"}
    assert out.centroids.dtype == "float32"


def test_samples_with_missing_values_are_left_out_and_put_back(climate):
    data = climate()
    out = labelled.kmeans(data, 2, feature_dim="month", random_state=0)
    missing = data.isnull().any("month")
    np.testing.assert_array_equal(out.labels == -1, missing)
    for c in range(2):
        members = data.where(out.labels == c).mean(("lat", "lon"))
        np.testing.assert_allclose(out.centroids.sel(cluster=c), members, rtol=1e-4)
    distance = ((data - out.centroids.sel(cluster=out.labels.clip(0))) ** 2).sum("month")
    np.testing.assert_allclose(out.inertia, distance.where(~missing).sum(), rtol=1e-5)
    with pytest.raises(NonFiniteError):
        labelled.kmeans(data, 2, feature_dim="month", skipna=False)


def test_each_time_is_a_sample_with_all_else_as_features(climate):
    data = climate(land=False).rename(month="time")
    out = labelled.kmeans(data, 3, sample_dim="time", random_state=0)
    assert out.labels.dims == ("time",)
    assert out.centroids.dims == ("cluster", "lat", "lon")
    assert set(out.centroids.coords) == {"cluster", "lat", "lon", "area", "depth"}
    x = data.values.reshape(MONTHS, -1)
    expected = sw.cluster.KMeans(3, random_state=0).fit(x)
    np.testing.assert_array_equal(out.labels, expected.labels_)
    np.testing.assert_array_equal(out.centroids.values.reshape(3, -1), expected.cluster_centers_)


@settings(max_examples=10)
@given(draw=st.data())
def test_labels_and_centroids_do_not_depend_on_the_chunking(draw, climate):
    data = climate()
    kwargs = draw.draw(
        st.sampled_from([{"feature_dim": "month"}, {"sample_dim": ("lat", "month")}])
    )
    if "sample_dim" in kwargs:
        data = data.fillna(0)
    chunks = draw.draw(chunkings(data.shape))
    cut = data.chunk(dict(zip(data.dims, chunks, strict=True)))
    with dask.config.set(scheduler="sync"):
        out = labelled.kmeans(cut, 3, random_state=1, **kwargs)
        expected = labelled.kmeans(data.chunk(), 3, random_state=1, **kwargs)
        np.testing.assert_array_equal(out.labels.values, expected.labels.values)
        np.testing.assert_array_equal(out.centroids.values, expected.centroids.values)


def test_labels_stay_lazy_and_only_the_fit_computes(climate):
    data = climate().chunk(month=3, lat=2)
    with count_computes() as computes:
        out = labelled.kmeans(data, 2, feature_dim="month", random_state=0)
        fits = computes.computes
    assert out.labels.chunks is not None
    assert out.centroids.chunks is None
    with raise_if_computes():
        masked = out.labels.where(out.labels >= 0)
    assert masked.chunks is not None
    assert fits == 1  # all points fit the sample
    np.testing.assert_array_equal(
        out.labels, labelled.kmeans(climate(), 2, feature_dim="month", random_state=0).labels
    )


def started(data):
    """Options of a fit that iterates over all rows from points of the data."""
    start = xr.concat([data.isel(lat=i, lon=0, drop=True) for i in (0, 50, 100)], "cluster")
    return {"feature_dim": "month", "method": "lloyd", "init": start, "weights": "area"}


def test_rows_that_have_to_be_put_together_are_read_once(climate, tmp_path):
    data = climate(110, 100)
    source = CountingSource(data.values, chunks=(3, 110, 100))
    lazy = data.copy(data=source.array)
    expected = labelled.kmeans(data, 3, **started(data))
    options = {"memory": "512KiB", "temporary_store": str(tmp_path)}
    with sw.set_options(**options), dask.config.set(scheduler="threads", num_workers=1):
        out = labelled.kmeans(lazy, 3, **started(data))
        assert source.passes == 1
        assert list(tmp_path.iterdir())
        done = out.compute()
    assert source.passes == 1
    xr.testing.assert_identical(done, expected)
    del out
    assert not list(tmp_path.iterdir())


def test_workers_of_a_cluster_write_and_read_the_store(climate, tmp_path):
    data = climate(110, 100)
    expected = labelled.kmeans(data, 3, **started(data))
    with (
        sw.set_options(memory="512KiB", temporary_store=str(tmp_path)),
        MixedCluster(cpu=2, gpu=0, processes=False),
    ):
        out = labelled.kmeans(data.chunk(month=3), 3, **started(data))
        assert list(tmp_path.iterdir())
        xr.testing.assert_identical(out.compute(), expected)


def test_rows_that_fit_the_budget_stay_in_memory_for_the_fit(climate, tmp_path):
    data = climate(40, 50)
    source = CountingSource(data.values, chunks=(3, 40, 50))
    with sw.set_options(memory="4MiB", temporary_store=str(tmp_path)):
        out = labelled.kmeans(
            data.copy(data=source.array), 3, feature_dim="month", random_state=0, method="coreset"
        )
    assert source.passes == 1
    assert not list(tmp_path.iterdir())
    assert out.labels.chunks is not None


def test_chunks_of_labels_are_such_as_stores_take(climate):
    data = climate(11, 7).chunk(month=4, lat=3)
    with sw.set_options(memory="1MiB"):
        out = labelled.kmeans(data, 2, feature_dim="month", random_state=0)
    *lengths, last = out.labels.chunks[0]
    assert len({*lengths}) == 1
    assert last <= lengths[0]


def test_chunks_of_whole_features_are_read_where_they_are(climate):
    data = climate(ny=8).chunk(lat=2)
    out = labelled.kmeans(data, 2, feature_dim="month", random_state=0)
    assert out.labels.chunks == ((2, 2, 2, 2), (7,))


def test_former_centroids_are_a_start(climate):
    data = climate()
    first = labelled.kmeans(data, 2, feature_dim="month", random_state=0)
    centroids = first.centroids.transpose("month", "cluster")
    again = labelled.kmeans(data, 2, feature_dim="month", init=centroids)
    xr.testing.assert_equal(again.labels, first.labels)
    with pytest.raises(ArgumentError, match="init has the dimensions"):
        labelled.kmeans(data, 2, feature_dim="month", init=first.labels)


def test_attributes_follow_the_meaning(climate):
    out = labelled.kmeans(climate(), 2, feature_dim="month", random_state=0)
    assert out.centroids.attrs == {"units": "K", "long_name": "temperature"}
    assert out.inertia.units == "K^2"
    assert out.labels.attrs == {
        "long_name": "cluster",
        "flag_values": [-1, 0, 1],
        "flag_meanings": "left_out cluster_0 cluster_1",
    }
    assert out.attrs["iterations"] >= 1
    bare = labelled.kmeans(climate(), 2, feature_dim="month", random_state=0, keep_attrs=False)
    assert bare.centroids.attrs == {}
    assert "units" not in bare.inertia.attrs


@pytest.mark.parametrize("backend", ["hostfree", "dask:hostfree"])
def test_device_chunks_stay_on_their_device(backend, climate):
    container = ArrayBackend(backend)
    data = climate()
    there = data.copy(data=container.asarray(data.values))
    out = labelled.kmeans(there, 2, feature_dim="month", random_state=0)
    expected = labelled.kmeans(data, 2, feature_dim="month", random_state=0)
    np.testing.assert_array_equal(container.to_numpy(out.labels.data), expected.labels.values)


@pytest.mark.parametrize("dtype", ["int16", "float64"])
def test_other_element_types_are_clustered(dtype, climate):
    out = labelled.kmeans(
        climate(land=False, dtype="float64").round().astype(dtype), 2, feature_dim="month"
    )
    assert out.centroids.dtype == "float64"


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({}, r"exactly one.*sample_dim=\"time\".*feature_dim=\"month\""),
        ({"sample_dim": "lat", "feature_dim": "month"}, "exactly one"),
        ({"feature_dim": "time"}, "dim='time'"),
        ({"sample_dim": ("month", "lat", "lon")}, "no dimension but"),
        ({"feature_dim": "month", "k": 0}, "n_clusters=0"),
        ({"feature_dim": "month", "k": 1000}, "1000"),
    ],
)
def test_wrong_arguments_are_named(kwargs, message, climate):
    k = kwargs.pop("k", 2) if "k" in kwargs else 2
    with pytest.raises(ArgumentError, match=f"(?s){message}"):
        labelled.kmeans(climate(), k, **kwargs)


def test_a_dataset_is_told_how_to_become_one_array(climate):
    ds = climate().to_dataset().assign(b=climate())
    with pytest.raises(ArrayTypeError, match="to_dataarray"):
        labelled.kmeans(ds, 2, feature_dim="month")
    stacked = ds.to_dataarray("variable")
    out = labelled.kmeans(stacked, 2, feature_dim=("variable", "month"), random_state=0)
    assert out.centroids.dims == ("cluster", "variable", "month")
    with pytest.raises(ArrayTypeError, match="xarray"):
        labelled.kmeans(climate().values, 2, feature_dim="month")


def test_a_dimension_that_is_called_cluster_is_refused(climate):
    with pytest.raises(ArgumentError, match="rename"):
        labelled.kmeans(climate().rename(lat="cluster"), 2, feature_dim="month")
