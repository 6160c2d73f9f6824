from itertools import pairwise

import numpy as np
import pytest

from spanwise.kernels.gaps import ENDS, fill_between, gap_ends
from spanwise.kernels.library import namespace
from spanwise.kernels.missing import fill_missing
from spanwise.testing import HostFree, xp_assert_close

pytestmark = pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")


def lines(dtype="float64"):
    values = np.random.default_rng(0).normal(size=(4, 30)).astype(dtype)
    values[0, 3:17] = np.nan
    values[1, :12] = values[1, 21:] = np.nan
    values[2] = np.nan
    values[3, ::2] = np.nan
    return values


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("cuts", [(10, 20), (1, 2, 29), (5, 5, 25), (0, 30)])
def test_parts_of_lines_are_filled_as_the_whole(xp, dtype, cuts):
    values = lines(dtype)
    edges = (0, *cuts, 30)
    blocks = [values[:, a:b] for a, b in pairwise(edges)]
    told = [
        gap_ends(xp.asarray(block), start, axes=(1,))
        for block, start in zip(blocks, edges, strict=False)
    ]
    assert all(ends.shape == (4, ENDS) for ends in told)
    ns = namespace(told[0])
    ends = ns.concat(told, axis=1)
    filled = [
        fill_between(xp.asarray(block), ends, start, number, axes=(1,))
        for number, (block, start) in enumerate(zip(blocks, edges, strict=False))
    ]
    expected = xp.asarray(fill_missing(values, axes=(1,), fill="interp"))
    rtol = 1e-12 if dtype == "float64" else 1e-5
    xp_assert_close(ns.concat(filled, axis=1), expected, rtol=rtol, atol=rtol)


def test_a_device_makes_no_more_calls_where_there_are_more_blocks(arrays_made):
    x, made = lines(), []
    for number in (3, 10):
        ends = gap_ends(x, 0, axes=(1,))
        ends = HostFree.copy_from_host(np.tile(ends, (1, number)))
        block = HostFree.copy_from_host(x)
        made.append(arrays_made(fill_between, block, ends, 0, 1, axes=(1,)))
    assert made[0] == made[1]


def test_a_block_tells_its_first_and_last_values(xp):
    values = np.asarray([[np.nan, 5.0, 7.0, np.nan], [np.nan] * 4, [1.0, 2.0, 3.0, 4.0]])
    expected = [[11, 5, 12, 7], [np.nan] * 4, [10, 1, 13, 4]]
    out = gap_ends(xp.asarray(values.T), 10, axes=(0,))
    xp_assert_close(out, xp.asarray(np.asarray(expected).T))
