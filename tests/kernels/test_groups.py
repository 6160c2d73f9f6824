"""Sums over many groups of a line in few calls: right, in double precision, in a fixed order."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.kernels.groups import steps_of, sums_of_groups
from spanwise.kernels.tables import table_of
from spanwise.testing import HostFree, hostfree_namespace, xp_assert_close

pytestmark = pytest.mark.skip_xp_backends("dask", reason="kernels take concrete blocks")


def sums(x, groups, number):
    steps = table_of(x, lambda: steps_of(groups, number), keep=False)
    return sums_of_groups(x, steps)


def by_hand(x, groups, number):
    return np.stack([[math.fsum(row[groups == j]) for j in range(number)] for row in x])


@st.composite
def partitions(draw):
    """Groups of very different sizes, some of them empty, and entries that are in none."""
    sizes = draw(st.lists(st.sampled_from([0, 1, 2, 3, 7, 64, 65, 200, 5000]), min_size=2))
    seed = draw(st.integers(0, 2**32 - 1))
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return np.random.default_rng(seed).permutation(groups), len(sizes) - 1


@given(partition=partitions())
def test_each_group_is_added_up_and_the_rest_left_out(partition):
    groups, number = partition
    x = np.random.default_rng(1).standard_normal((2, groups.size))
    np.testing.assert_allclose(sums(x, groups, number), by_hand(x, groups, number), atol=1e-11)


def cube(n):
    k = np.minimum(np.arange(n), n - np.arange(n)) ** 2
    squares = k[:, None, None] + k[:, None] + k
    return np.minimum(np.sqrt(squares).astype(int), n // 2).ravel(), n // 2


def plane(n):
    k = np.minimum(np.arange(n), n - np.arange(n)) ** 2
    return np.minimum(np.sqrt(k[:, None] + k).astype(int), n // 2).ravel(), n // 2


CASES = {
    "plane": plane(100),
    "cube": cube(24),
    "pairs": (np.abs(np.arange(-50, 50)), 51),
    "one": (np.zeros(5000, int), 1),
    "each": (np.arange(40)[::-1], 40),
    "none": (np.full(9, 4), 4),
    "nothing": (np.zeros(0, int), 3),
    "skew": (np.append(np.arange(300), np.full(9000, 300)), 301),
}


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("case", CASES)
def test_every_library_adds_in_double_precision(xp, case, dtype):
    groups, number = CASES[case]
    x = np.random.default_rng(2).standard_normal((3, groups.size)).astype("float32")
    values = (x * (1 + 2j)).astype(dtype) if dtype == "complex64" else x.astype(dtype)
    expected = by_hand(values.real.astype("f8"), groups, number)
    if dtype == "complex64":
        expected = expected + 1j * by_hand(values.imag.astype("f8"), groups, number)
    out = sums(xp.asarray(values), groups, number)
    xp_assert_close(out, xp.asarray(expected), rtol=1e-12, atol=1e-12)


def test_small_groups_keep_their_digits_beside_large_values():
    groups, number = plane(64)
    x = 10.0 ** (-16 * np.linspace(0, 1, groups.size))[None]
    np.testing.assert_allclose(
        sums(x, groups, number), by_hand(x, groups, number), rtol=2e-15, atol=0
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_stays_in_its_group(bad):
    groups, number = plane(30)
    x = np.ones((1, groups.size))
    x[0, 5] = bad
    out = sums(x, groups, number)[0]
    np.testing.assert_array_equal(np.isfinite(out), np.arange(number) != groups[5])


def test_lines_are_added_up_alike_however_many_there_are(xp):
    groups, number = plane(40)
    x = np.random.default_rng(3).standard_normal((5, groups.size))
    whole = sums(xp.asarray(x), groups, number)
    for i in range(5):
        xp_assert_close(
            sums(xp.asarray(x[i : i + 1]), groups, number), whole[i : i + 1, ...], rtol=1e-14
        )


@pytest.mark.parametrize(
    ("partition", "most"), [(plane(64), 2), (plane(200), 2), (cube(32), 3), (CASES["pairs"], 2)]
)
def test_the_number_of_calls_does_not_follow_that_of_groups(partition, most, monkeypatch):
    groups, number = partition
    steps = steps_of(groups, number)
    assert len(steps) <= most
    sums_called, take_called = hostfree_namespace.sum, hostfree_namespace.take
    called = []
    monkeypatch.setattr(
        hostfree_namespace, "sum", lambda *a, **k: called.append(1) or sums_called(*a, **k)
    )
    monkeypatch.setattr(
        hostfree_namespace, "take", lambda *a, **k: called.append(1) or take_called(*a, **k)
    )
    sums(HostFree.copy_from_host(np.ones((2, groups.size))), groups, number)
    assert len(called) == 2 * len(steps)


def test_what_is_gathered_is_little_more_than_the_line():
    for groups, number in (plane(200), cube(32), CASES["pairs"]):
        gathered = [order.size for order, *_ in steps_of(groups, number)]
        assert gathered[0] <= groups.size
        assert sum(gathered[1:]) <= max(0.35 * groups.size, 2 * number)
