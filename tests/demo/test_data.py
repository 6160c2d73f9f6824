import json

import numpy as np
import pytest
import xarray as xr

from spanwise import files
from spanwise.demo import data
from spanwise.errors import ArgumentError, OutputExistsError

SIZE = 2**20


def make(path, *, size=SIZE, **how):
    data.make_dataset(path, data.grid_for(size), **how)
    return xr.open_dataset(path, engine="zarr")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make(tmp_path_factory.mktemp("data") / "sst.zarr").load()


@pytest.mark.parametrize("size", [2**18, 2**20, 48 * 2**20, 2**31, 2**36, 2**40])
def test_the_grid_has_about_the_size_asked_for(size):
    grid = data.grid_for(size)
    assert 0.5 * size <= grid.nbytes <= size
    assert grid.longitude == 36 * grid.latitude
    assert 12 % grid.chunk == 0


@pytest.mark.parametrize("size", [2**31, 2**33, 2**36])
def test_chunks_are_bounded_and_many(size):
    grid = data.grid_for(size)
    assert grid.nbytes // (grid.shape[0] // grid.chunk) <= data.LARGEST_CHUNK
    assert grid.shape[0] // grid.chunk > 100


def test_a_dataset_too_small_for_a_coast_is_refused():
    with pytest.raises(ArgumentError, match="256KiB"):
        data.grid_for(1000)


def test_it_is_float32_with_units_and_decoded_months(dataset):
    assert dataset.sst.dtype == np.float32
    assert dataset.sst.units == "K"
    assert dataset.latitude.units == "degrees_north"
    assert dataset.longitude.units == "degrees_east"
    assert dataset.time.dtype.kind == "M"
    assert (dataset.time.dt.day == 1).all()
    assert int(dataset.time.dt.month[0]) == 1
    assert int(dataset.time.dt.year[-1]) == data.LAST_YEAR


def test_it_is_chunked_along_time_and_nothing_else(tmp_path):
    chunks = make(tmp_path / "sst.zarr").chunk().sst.encoding["chunks"]
    grid = data.grid_for(SIZE)
    assert chunks == (grid.chunk, grid.latitude, grid.longitude)


def test_land_is_the_same_in_every_month_and_a_quarter_of_the_belt(dataset):
    land = np.isnan(dataset.sst.values)
    assert (land == land[0]).all()
    assert 0.2 < land[0].mean() < 0.33


def test_temperatures_are_those_of_the_equatorial_sea(dataset):
    assert 286 < float(dataset.sst.min()) < 295
    assert 301 < float(dataset.sst.max()) < 308


def test_the_annual_cycle_is_that_of_the_record(dataset):
    source = data.record()
    interpolate = data.Bilinear(source, dataset.latitude.values, dataset.longitude.values)
    expected = interpolate(source.cycle.astype(np.float32))
    found = dataset.sst.values.reshape(-1, 12, *dataset.sst.shape[1:]).mean(axis=0)
    difference = (found - found.mean(axis=0)) - (expected - expected.mean(axis=0))
    sea = ~np.isnan(found[0])
    assert np.std(difference[:, sea]) < 0.35 * np.std((expected - expected.mean(axis=0))[:, sea])


def test_anomalies_have_the_variance_that_the_attributes_state(tmp_path):
    dataset = make(tmp_path / "sst.zarr", size=2**24, seed=3)
    stated = sum(part["variance"] for part in json.loads(dataset.attrs["red_noise"]))
    cycles = dataset.sst.values.reshape(-1, 12, *dataset.sst.shape[1:])
    variance = cycles[:, ~np.isnan(cycles[0])].var(axis=0, ddof=1).mean()
    assert 0.6 * stated < variance < 1.4 * stated


@pytest.mark.parametrize(("block", "workers"), [(12, 1), (24, 3), (60, 2), (1200, 1)])
def test_values_depend_on_neither_block_nor_workers(tmp_path, dataset, block, workers):
    again = make(tmp_path / "sst.zarr", block=block, workers=workers)
    np.testing.assert_array_equal(again.sst.values, dataset.sst.values)


def test_another_seed_is_another_dataset_on_the_same_land(tmp_path, dataset):
    other = make(tmp_path / "sst.zarr", seed=1)
    np.testing.assert_array_equal(np.isnan(other.sst), np.isnan(dataset.sst))
    assert float(abs(other.sst - dataset.sst).max()) > 0.1


def test_a_block_that_splits_a_chunk_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="block=5"):
        make(tmp_path / "sst.zarr", block=5)
    assert not list(tmp_path.iterdir())


def test_a_matching_dataset_is_used_again(tmp_path):
    path, grid = tmp_path / "sst.zarr", data.grid_for(SIZE)
    assert data.make_dataset(path, grid)
    before = path.stat().st_mtime_ns
    assert not data.make_dataset(path, grid)
    assert path.stat().st_mtime_ns == before


def test_a_dataset_of_another_seed_is_replaced(tmp_path):
    path, grid = tmp_path / "sst.zarr", data.grid_for(SIZE)
    data.make_dataset(path, grid)
    assert data.make_dataset(path, grid, seed=1)
    assert data.made_already(path, grid, 1)


def test_data_that_are_not_the_demos_are_never_replaced(tmp_path):
    path = tmp_path / "sst.zarr"
    files.to_zarr(xr.Dataset({"sst": ("x", np.arange(3))}), path, {})
    with pytest.raises(OutputExistsError, match="not a dataset of this demo"):
        data.make_dataset(path, data.grid_for(SIZE))
    assert xr.open_zarr(path).sst.sizes == {"x": 3}


def test_interpolation_is_exact_at_the_records_own_points():
    source = data.record()
    interpolate = data.Bilinear(source, source.latitude, source.longitude)
    field = source.cycle[0].astype(np.float32)
    np.testing.assert_allclose(interpolate(field), field, rtol=1e-6)


def test_interpolation_closes_around_the_globe():
    source = data.record()
    ends = data.Bilinear(source, source.latitude, np.array([0.0, 359.999999]))
    field = source.cycle[0].astype(np.float32)
    west, east = ends(field).T
    np.testing.assert_allclose(west, east, rtol=1e-6)


def test_the_first_patterns_amplitude_remembers_most_of_the_month_before():
    memory = data.record().memory
    assert len(memory) == data.MODES + 1
    assert memory[0] > 0.85
    assert ((memory > 0) & (memory < 1)).all()
