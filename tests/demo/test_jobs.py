import numpy as np
import pytest
import scipy.fft
import xarray as xr

from spanwise.demo import data, jobs


@pytest.fixture(scope="module")
def sst(tmp_path_factory):
    path = tmp_path_factory.mktemp("jobs") / "sst.zarr"
    data.make_dataset(path, data.grid_for(2**21))
    return xr.open_dataset(path, engine="zarr", chunks={}).sst


@pytest.fixture(scope="module")
def climatology(sst):
    return jobs.climatology(sst).compute().chunk()


@pytest.fixture(scope="module")
def sea(climatology):
    return jobs.sea_mask(climatology)


@pytest.mark.parametrize("months", [12, 6, 4, 1])
def test_the_climatology_is_xarrays_group_mean(sst, months):
    found = jobs.climatology(sst.chunk(time=months))
    expected = sst.compute().groupby("time.month").mean()
    assert found.dims == expected.dims
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.month, expected.month)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_climatology_reads_the_data_once(sst):
    tasks = dict(jobs.climatology(sst).data.__dask_graph__())
    assert sum(str(key).startswith("('open_dataset") for key in tasks) == sst.data.npartitions


def test_the_response_is_a_half_at_the_cutoff():
    response = jobs._response(800, 800, 0.1, 0.1)
    at = round(80 / jobs.CUTOFF)
    assert response[at, 0] == pytest.approx(0.5)
    assert response[0, at] == pytest.approx(0.5)
    assert response[0, 0] == 1


def test_smoothing_is_the_normalised_convolution(sst, climatology, sea):
    found = jobs.smooth_anomalies(sst, climatology, sea).compute()
    anomalies = sst.compute().values - np.tile(climatology.values, (len(sst) // 12, 1, 1))
    height = float(sst.latitude[1] - sst.latitude[0])
    padded = jobs._padded(sst.shape[1], height)
    response = jobs._response(padded, sst.shape[2], height, 360 / sst.shape[2])

    def low_pass(x):
        spectrum = scipy.fft.rfftn(x.astype(float), s=(padded, sst.shape[2]), axes=(-2, -1))
        smooth = scipy.fft.irfftn(spectrum * response, s=(padded, sst.shape[2]), axes=(-2, -1))
        return smooth[..., : sst.shape[1], :]

    expected = low_pass(np.nan_to_num(anomalies)) / low_pass(sea.values)
    assert (np.isnan(found.values) == ~sea.values).all()
    np.testing.assert_allclose(
        found.values[:, sea.values], expected[:, sea.values], rtol=1e-4, atol=1e-4
    )
    assert found.dtype == np.float32
    assert found.std() < np.nanstd(anomalies)


def test_a_constant_field_is_not_darkened_at_the_coast(sst, climatology, sea):
    one = xr.ones_like(climatology).where(sea).chunk()
    found = jobs.smooth_anomalies(sst.copy(data=sst.data * 0 + 1), one * 0, sea)
    np.testing.assert_allclose(found.values[:, sea.values], 1, atol=1e-3)


def test_each_chunk_is_one_task_from_read_to_mask(sst, climatology, sea):
    import dask

    smooth = jobs.smooth_anomalies(sst, climatology, sea)
    (optimised,) = dask.optimize(smooth.data)
    per_chunk = [key for key in dict(optimised.__dask_graph__()) if isinstance(key, tuple)]
    assert len(per_chunk) <= smooth.data.npartitions + 2


def test_the_spectrum_is_scipys_mean_over_the_sea(sst, climatology, sea):
    found = jobs.sea_spectrum(sst, climatology, sea)
    assert found.dims == ("freq_time",)
    values = np.nan_to_num(sst.values - climatology.values.mean(axis=0)).astype(float)
    density = 2 * np.abs(scipy.fft.rfft(values, axis=0)) ** 2 / len(values) / 12
    density[[0, -1]] /= 2
    area = np.cos(np.deg2rad(sst.latitude.values))[:, None] * sea.values
    expected = (density * area / area.sum()).sum(axis=(1, 2))
    np.testing.assert_allclose(found.values[1:], expected[1:], rtol=1e-4)
    assert found.freq_time.units == "1/year"
    assert found.units == "K^2 year"


def test_the_annual_cycle_stands_out_of_the_spectrum(sst, climatology, sea):
    found = jobs.sea_spectrum(sst, climatology, sea).compute()
    assert float(found.idxmax()) == pytest.approx(1)


def test_provinces_cover_the_sea_and_nothing_else(climatology, sea):
    found = jobs.provinces(climatology, seed=0).compute()
    np.testing.assert_array_equal(found.labels.values >= 0, sea.values)
    assert set(np.unique(found.labels.values[sea.values])) == set(range(jobs.PROVINCES))
    assert found.centroids.dims == ("cluster", "month")
    np.testing.assert_allclose(found.centroids.mean("month"), 0, atol=1e-4)
