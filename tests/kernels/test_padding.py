import numpy as np
import pytest

from spanwise.kernels.padding import pad
from spanwise.testing import xp_assert_close

pytestmark = pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")


@pytest.mark.parametrize("mode", ["constant", "edge", "linear_ramp"])
@pytest.mark.parametrize("dtype", ["float32", "complex128", "int64"])
@pytest.mark.parametrize("widths", [(0, 0, 0, 0), (2, 0, 0, 1), (1, 2, 3, 4)])
def test_blocks_are_padded_as_numpy_pads_corners_included(xp, mode, dtype, widths):
    x = (10 * np.random.default_rng(0).normal(size=(3, 2, 4))).astype(dtype)
    values = ((1.0, 2.0), (3.0, -4.0))
    pairs = [widths[:2], (0, 0), widths[2:]]
    how = {"constant": "constant_values", "linear_ramp": "end_values"}
    numpys = {how[mode]: [values[0], (0, 0), values[1]]} if mode in how else {}
    expected = np.pad(x, pairs, mode, **numpys)
    out = pad(xp.asarray(x), *widths, axes=(0, 2), mode=mode, values=values)
    # NumPy rounds integer ramps in its own way.
    xp_assert_close(out, xp.asarray(expected), rtol=1e-5, atol=1.0 if dtype == "int64" else 0)


def test_axes_may_come_in_any_order(xp):
    x = np.arange(6.0).reshape(2, 3)
    out = pad(xp.asarray(x), 1, 0, 0, 2, axes=(1, 0), mode="constant", values=((5, 5), (7, 7)))
    expected = np.pad(x, [(0, 2), (1, 0)], constant_values=[(7, 7), (5, 5)])
    xp_assert_close(out, xp.asarray(expected))
