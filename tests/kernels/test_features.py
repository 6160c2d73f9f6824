import numpy as np

from spanwise.kernels.features import count_missing, weigh
from spanwise.kernels.transfer import to_device, to_host
from spanwise.testing import HostFree

X = np.array([[1.0, np.nan, 3.0], [4.0, np.nan, np.nan]])


def test_features_are_multiplied_and_those_without_weight_are_nothing(xp):
    x = xp.concrete_array(X.astype("float32"))
    out = weigh(x, np.array([2.0, 0.0, 0.5]))
    assert out.dtype == x.dtype
    np.testing.assert_array_equal(to_host(out), [[2, 0, 1.5], [8, 0, np.nan]])


def test_integers_are_weighed_in_double_precision():
    assert weigh(np.ones((2, 2), "int16"), np.ones(2)).dtype == "float64"


def test_missing_values_of_each_feature_are_counted(xp):
    np.testing.assert_array_equal(to_host(count_missing(xp.concrete_array(X))), [[0, 2, 1]])
    np.testing.assert_array_equal(count_missing(np.ones((3, 2), int)), [[0, 0]])


def test_factors_may_live_where_the_rows_do_not():
    out = weigh(to_device(X, library="hostfree"), np.array([1.0, 0.0, 1.0]))
    assert isinstance(out, HostFree)
