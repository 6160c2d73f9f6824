import pickle

import numpy as np
import pytest

from spanwise.kernels.bands import BandFilter, Interval
from spanwise.testing import HostFree, register_with_dask

register_with_dask()

F = np.array([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])


def test_sharp_edges_belong_to_the_interval():
    keep = BandFilter((Interval(0.5, 1.0),))
    np.testing.assert_array_equal(keep(F), [0, 1, 1, 0, 1, 1, 0])
    np.testing.assert_array_equal(BandFilter(keep.intervals, stops=True)(F), 1 - keep(F))


@pytest.mark.parametrize("edge", [0.8, 1.0])
def test_soft_edges_are_one_half_in_their_middle_and_add_up_to_one(edge):
    f = np.linspace(0, 2, 81)
    high = Interval(edge, None, 0.6)(f)
    low = Interval(None, edge, 0.6)(f)
    np.testing.assert_allclose(high + low, 1)
    np.testing.assert_allclose(np.interp(edge, f, high), 0.5)
    assert np.all(high[f <= edge - 0.3] == 0)
    assert np.all(high[f > edge + 0.301] == 1)
    assert np.all(np.diff(high) >= 0)


def test_the_length_of_the_vector_counts_for_several_axes():
    keep = BandFilter((Interval(None, 1.0),))
    np.testing.assert_array_equal(keep(F[:, None], F), np.hypot(F[:, None], F) <= 1)
    each = BandFilter((Interval(None, 1.0), Interval(0.5, None)))
    np.testing.assert_array_equal(each(F[:, None], F), (abs(F) <= 1)[:, None] * (abs(F) >= 0.5))


def test_filters_are_values_that_travel_and_run_in_the_library_of_the_frequencies():
    keep = BandFilter((Interval(0.5, 1.0, 0.2),))
    assert pickle.loads(pickle.dumps(keep)) == keep
    out = keep(HostFree.copy_from_host(F))
    assert type(out) is HostFree
    np.testing.assert_allclose(out.copy_to_host(), keep(F))
