import numpy as np
import pytest
import xarray as xr

import spanwise.xarray  # noqa: F401
from spanwise.errors import ArgumentError, ArrayTypeError
from spanwise.plot import clusters


def provinces(k=3):
    """Labels on a map, centroids along months."""
    rng = np.random.default_rng(0)
    labels = rng.integers(-1, k, size=(6, 8)).astype("int32")
    return xr.Dataset(
        {
            "labels": (("latitude", "longitude"), labels),
            "centroids": (
                ("cluster", "month"),
                rng.normal(size=(k, 12)),
                {"units": "K", "long_name": "temperature"},
            ),
        },
        {
            "latitude": ("latitude", np.arange(6.0), {"units": "degrees_north"}),
            "longitude": ("longitude", np.arange(8.0), {"units": "degrees_east"}),
            "month": np.arange(1, 13),
        },
    )


def regimes(k=4, dates=True):
    """Labels along time, centroids on a map."""
    rng = np.random.default_rng(0)
    time = xr.date_range("2000-01-01", periods=30) if dates else np.arange(30.0)
    return xr.Dataset(
        {
            "labels": ("time", rng.integers(0, k, size=30).astype("int32")),
            "centroids": (("cluster", "lat", "lon"), rng.normal(size=(k, 5, 7))),
        },
        {"time": time, "lat": np.arange(5.0), "lon": np.arange(7.0)},
    )


def drawn(figure):
    figure.canvas.draw()
    return figure


def test_provinces_are_a_map_and_lines_in_its_colours():
    result = provinces()
    figure = drawn(result.spanwise.plot.clusters(title="provinces"))
    top, bottom = figure.axes[0], figure.axes[-1]
    (mesh,) = top.collections
    shown = mesh.get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(shown), result.labels.values < 0)
    assert (top.get_xlabel(), top.get_ylabel()) == ("longitude (°E)", "latitude (°N)")
    assert bottom.get_ylabel() == "temperature (K)"
    assert len(bottom.lines) == 3
    for i, line in enumerate(bottom.lines):
        np.testing.assert_allclose(line.get_ydata(), result.centroids.values[i])
        from matplotlib.colors import to_rgba

        np.testing.assert_allclose(to_rgba(line.get_color()), mesh.cmap(mesh.norm(i)))
    share = np.mean(result.labels.values[result.labels.values >= 0] == 0)
    assert bottom.lines[0].get_label() == f"0 ({100 * share:.0f} %)"


@pytest.mark.parametrize("dates", [True, False])
def test_regimes_are_a_line_of_labels_and_maps(dates):
    figure = drawn(clusters(regimes(dates=dates)))
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert [t.split(" (")[0] for t in titles] == [f"cluster {i}" for i in range(4)]
    strip = figure.axes[0].collections[0]
    np.testing.assert_array_equal(strip.get_array()[0], regimes().labels.values)


def test_maps_of_anomalies_have_white_zero():
    figure = drawn(clusters(regimes()))
    maps = [ax for ax in figure.axes if ax.get_title()]
    norm = maps[0].collections[0].norm
    assert norm.vmin == -norm.vmax
    positive = regimes()
    positive["centroids"] = positive.centroids**2 + 1
    maps = [ax for ax in drawn(clusters(positive)).axes if ax.get_title()]
    assert maps[0].collections[0].norm.vmin > 0


def test_many_clusters_have_many_colours():
    figure = drawn(clusters(provinces(20)))
    colours = {
        line.get_color() if isinstance(line.get_color(), str) else tuple(line.get_color())
        for line in figure.axes[-1].lines
    }
    assert len(colours) == 20


def test_a_result_of_kmeans_is_drawn_lazy_or_not():
    x = xr.DataArray(np.random.default_rng(0).normal(size=(4, 6, 12)), dims=("y", "x", "month"))
    for data in (x, x.chunk(y=2)):
        found = data.spanwise.cluster.kmeans(3, feature_dim="month", random_state=0)
        assert len(drawn(found.spanwise.plot.clusters()).axes) >= 2
        found = data.spanwise.cluster.kmeans(2, sample_dim="month", random_state=0)
        assert len(drawn(found.spanwise.plot.clusters()).axes) >= 3


def test_features_that_are_no_numbers_are_named_on_the_axis():
    result = provinces().assign_coords(month=list("JFMAMJJASOND"))
    bottom = drawn(clusters(result)).axes[-1]
    assert [t.get_text() for t in bottom.get_xticklabels()] == list("JFMAMJJASOND")


def test_what_cannot_be_drawn_is_named():
    with pytest.raises(ArgumentError, match="'labels' and 'centroids'"):
        clusters(xr.Dataset({"a": 1}))
    with pytest.raises(ArrayTypeError, match="DataArray"):
        clusters(xr.DataArray(1))
    with pytest.raises(ArgumentError, match="can be drawn"):
        clusters(provinces().expand_dims(level=2, depth=2))
