"""Sums of what was measured: they merge as if one had measured everything."""

import json
import math
import statistics

import hypothesis.strategies as st
import pytest
from hypothesis import given

from spanwise.measures import FARTHEST, Key, Measure, Observation, RateTable, bucket_of, table_of

rates = st.floats(1e-12, 1e-3)
samples = st.lists(rates, min_size=1, max_size=20)
observations = st.lists(
    st.builds(
        Observation,
        st.sampled_from(["fft", "vq"]),
        st.sampled_from(["float32", "complex64"]),
        st.sampled_from(["cpu", "A100"]),
        st.integers(1, 2**12),
        st.floats(1e-6, 10),
    ),
    max_size=12,
)


def measured(values):
    whole = Measure(values[0])
    for value in values[1:]:
        whole = whole.merge(Measure(value))
    return whole


def same(a, b):
    spread = a.n * max(a.mean, b.mean) ** 2
    return (
        a.n == b.n
        and math.isclose(a.mean, b.mean, rel_tol=1e-9)
        and math.isclose(a.squares, b.squares, rel_tol=1e-7, abs_tol=1e-12 * spread)
    )


def same_tables(a, b):
    return a.entries.keys() == b.entries.keys() and all(
        same(a.entries[key], b.entries[key]) for key in a.entries
    )


@given(samples)
def test_a_measure_is_the_mean_and_deviation_of_its_runs(values):
    found = measured(values)
    scale = max(values)
    assert found.n == len(values)
    assert math.isclose(found.mean, statistics.fmean(values), rel_tol=1e-9)
    expected = statistics.stdev(values) if len(values) > 1 else 0.0
    assert math.isclose(found.deviation, expected, rel_tol=1e-6, abs_tol=1e-7 * scale)


@given(samples, samples, samples)
def test_merging_measures_is_associative_and_commutative(a, b, c):
    a, b, c = measured(a), measured(b), measured(c)
    assert same(a.merge(b).merge(c), a.merge(b.merge(c)))
    assert same(a.merge(b), b.merge(a))


@given(observations, observations, observations)
def test_tables_that_were_measured_apart_merge_into_one(a, b, c):
    whole = RateTable().observe(a + b + c)
    apart = [RateTable().observe(part) for part in (a, b, c)]
    assert same_tables(whole, apart[0].merge(apart[1]).merge(apart[2]))
    assert same_tables(whole, apart[0].merge(apart[1].merge(apart[2])))
    assert same_tables(whole, apart[2].merge(apart[0]).merge(apart[1]))
    assert apart[0].merge(RateTable()) == apart[0]


@given(observations)
def test_a_table_survives_json(seen):
    table = RateTable().observe(seen)
    assert table_of(json.loads(json.dumps(table.rows()))) == table


@given(observations, st.integers(1, 2**20))
def test_the_nearest_size_is_looked_up_the_larger_of_two(seen, nbytes):
    table = RateTable().observe(seen)
    wanted = bucket_of(nbytes)
    there = [k.bucket for k in table.entries if k[:3] == ("fft", "float32", "cpu")]
    found = table.lookup("fft", "float32", "cpu", nbytes)
    near = [b for b in there if abs(b - wanted) <= FARTHEST]
    if not near:
        assert found is None
        return
    best = min(near, key=lambda b: (abs(b - wanted), -b))
    assert found == table.entries[Key("fft", "float32", "cpu", best)]


def test_what_takes_no_time_or_has_no_bytes_says_nothing():
    wrong = [(0, 1.0), (8, 0.0), (8, -1.0), (8, math.nan), (8, math.inf)]
    assert not RateTable().observe(Observation("fft", "f", "cpu", *w) for w in wrong)


def test_measuring_anew_replaces_what_was_known_of_the_device():
    old = RateTable().observe(
        [Observation("fft", "f", "cpu", 8, 1.0), Observation("fft", "f", "A100", 8, 1.0)]
    )
    new = RateTable().observe([Observation("vq", "f", "A100", 8, 2.0)])
    kept = old.replaced(new)
    assert kept.devices == ("A100", "cpu")
    assert kept.lookup("fft", "f", "A100", 8) is None
    assert kept.of("cpu") == old.of("cpu")
    assert kept.of("A100") == new


@pytest.mark.parametrize(
    "row",
    [
        ["fft", "f", "cpu", 3, 0.0, 0.0, 1],
        ["fft", "f", "cpu", 3, math.nan, 0.0, 1],
        ["fft", "f", "cpu", 3, 1.0, -1.0, 1],
        ["fft", "f", "cpu", 3, 1.0, 0.0, 0],
        ["fft", "f", "cpu", "3", 1.0, 0.0, 1],
        ["fft", "f", None, 3, 1.0, 0.0, 1],
        ["fft", "f", "cpu", 3, 1.0, 0.0],
    ],
)
def test_rows_that_are_no_measures_are_refused(row):
    with pytest.raises((ValueError, TypeError)):
        table_of([row])
