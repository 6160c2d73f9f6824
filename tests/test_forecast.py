import numpy as np
import pytest
import xarray as xr

from spanwise import set_options
from spanwise.forecast import explain_kmeans
from spanwise.testing import raise_if_computes


def data(chunks=None):
    values = np.random.default_rng(0).standard_normal((40, 6, 5)).astype(np.float32)
    array = xr.DataArray(values, dims=("time", "y", "x"))
    return array.chunk(chunks or {"time": 8})


@pytest.mark.parametrize("how", [{"sample_dim": "time"}, {"feature_dim": "time"}])
@pytest.mark.parametrize("chunks", [{"time": 8}, {"time": 7, "y": 4}, {}])
def test_it_tells_the_steps_of_the_fit_without_computing(how, chunks):
    with raise_if_computes():
        explanation = explain_kmeans(data(chunks), 3, **how)
    names = [row.name for row in explanation.rows]
    assert "spanwise-kmeans-moments" in names
    assert "spanwise-kmeans-lloyd" in names
    assert explanation.totals.passes == 1  # all rows fit the sample
    assert explanation.totals.peak_bytes > 0
    assert "the most that there can be" in str(explanation)


def test_data_in_memory_count_as_one_chunk():
    explanation = explain_kmeans(data().compute(), 3, sample_dim="time")
    assert explanation.totals.bytes_read >= explanation.totals.passes * data().nbytes


def test_the_budget_in_force_is_the_plans():
    with set_options(memory="32MiB"):
        assert explain_kmeans(data(), 3, sample_dim="time").machine.memory == 32 * 2**20
