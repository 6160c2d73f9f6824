import json

import numpy as np
import pytest
import xarray as xr
from matplotlib.image import imread

from spanwise.demo import figure


def pictured(columns=72, rows=6, provinces=3):
    rng = np.random.default_rng(0)
    coords = {
        "latitude": np.linspace(-5, 5, rows),
        "longitude": np.arange(columns) * 360 / columns,
    }
    dims = ("latitude", "longitude")
    labels = xr.DataArray(rng.integers(-1, provinces, (rows, columns)), coords, dims)
    field = xr.DataArray(rng.standard_normal((rows, columns)), coords, dims)
    field = field.where(labels >= 0).assign_coords(time=np.datetime64("2009-12"))
    frequency = np.fft.rfftfreq(240, 1 / 12)
    return figure.Pictured(
        title="title",
        source="source",
        labels=labels,
        cycles=xr.DataArray(rng.standard_normal((provinces, 12)), dims=("cluster", "month")),
        spectrum=xr.DataArray(rng.random(len(frequency)), {"freq_time": frequency}, ("freq_time",)),
        red_noise=[{"lag_one": 0.9, "variance": 0.3}],
        before=field,
        after=field / 2,
        cutoff=4.0,
    )


@pytest.mark.parametrize(("columns", "rows"), [(72, 6), (5000, 140)])
@pytest.mark.parametrize("provinces", [1, 3, 12])
def test_it_draws_any_grid_and_any_number_of_provinces(tmp_path, columns, rows, provinces):
    figure.draw(pictured(columns, rows, provinces), tmp_path / "a.png", dpi=50)
    assert imread(tmp_path / "a.png").shape == (460, 600, 4)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_it_leaves_matplotlibs_global_state_alone(tmp_path):
    import matplotlib as mpl
    from matplotlib import _pylab_helpers

    before = json.dumps({key: str(value) for key, value in mpl.rcParams.items()})
    figure.draw(pictured(), tmp_path / "a.png", dpi=50)
    assert json.dumps({key: str(value) for key, value in mpl.rcParams.items()}) == before
    assert not _pylab_helpers.Gcf.figs


def test_no_ocean_is_cut_and_longitudes_follow_the_values():
    columns = 360
    field = pictured(columns).labels.copy(data=np.tile(np.arange(columns), (6, 1)))
    values, extent = figure._around(field)
    assert values[0, 0] == 30
    assert values[0, -1] == 29
    assert extent[0] == pytest.approx(29.5)
    assert extent[1] == pytest.approx(389.5)
    values, extent = figure._within(field, (140.0, 285.0))
    assert abs(values[0, 0] - 140) <= 1
    assert abs(values[0, -1] - 284) <= 1
    assert extent[0] == pytest.approx(values[0, 0] - 0.5)


def test_the_largest_province_comes_first():
    drawn = pictured()
    drawn.labels.values[:] = 2
    drawn.labels.values[:2] = 0
    drawn.labels.values[0] = -1
    assert [label for label, _ in figure._ranked(drawn)] == [2, 0, 1]
    assert sum(share for _, share in figure._ranked(drawn)) == pytest.approx(1)


def test_the_expected_density_integrates_to_the_variance():
    frequency = np.linspace(0, 6, 200_001)
    noise = [{"lag_one": 0.9, "variance": 0.3}, {"lag_one": 0.1, "variance": 0.2}]
    density = figure._expected(frequency, noise)
    assert np.trapezoid(density, frequency) == pytest.approx(0.5, rel=1e-4)
