"""Which exchanges lead from one chunking to another."""

import math

import dask.array as da
import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st

import spanwise as sw
from spanwise.graph import routes
from spanwise.graph.dask import exchange, spec_of
from spanwise.graph.grid import ArraySpec
from spanwise.graph.plan import Plan, Step
from spanwise.graph.routes import halfway, plan_route, seconds
from spanwise.machine import Machine

PLENTY = Machine(threads=2, memory=2**30)
CLUSTER = Machine(threads=1, memory=2**30, workers=4, distributed=True)


def spec_of_chunks(chunks):
    return ArraySpec(chunks, "float32", 4)


def across(n, width=1):
    """One axis in n chunks, the other whole; and the reverse."""
    cut, whole = (width,) * n, (n * width,)
    return spec_of_chunks((cut, whole)), (whole, cut)


def route(source, target, machine, **options):
    return plan_route(source, target, machine, task_bytes=1000, **options)


def test_few_slices_move_at_once():
    (how,) = route(*across(256), PLENTY)
    assert (how.form, how.pieces) == ("view", 256**2)


def test_many_slices_move_in_two_rounds_of_groups():
    first, second = route(*across(1024), PLENTY)
    assert first.target == ((32,) * 32, (32,) * 32)
    assert first.pieces == second.pieces == 1024 * 32
    assert "two rounds" in first.reason


def test_a_budget_that_two_copies_exceed_keeps_one_round():
    source, target = across(1024)
    memory = int(1.5 * source.nbytes)
    assert len(route(source, target, Machine(threads=1, memory=memory))) == 1


def test_a_cluster_prices_peer_to_peer_against_slices():
    (how,) = route(*across(1024), CLUSTER)
    assert how.form == "p2p"
    assert how.tasks == 1 + 3 * 1024


def test_the_cheapest_route_is_taken(monkeypatch):
    monkeypatch.setattr(routes, "_DISK_RATE", 1.0)
    first, second = route(*across(1024), CLUSTER)
    assert (first.form, second.form) == ("split", "split")
    monkeypatch.setattr(routes, "_COPY_RATE", 1e-6)
    monkeypatch.setattr(routes, "_NETWORK_RATE", 1e-6)
    assert len(route(*across(1024), CLUSTER)) == 1


def test_seconds_grow_with_slices_and_bytes():
    few, many = (route(*across(n), PLENTY) for n in (8, 64))
    wide = route(*across(8, width=512), PLENTY)
    assert seconds(few, PLENTY) < min(seconds(many, PLENTY), seconds(wide, PLENTY))


chunkings = st.lists(st.integers(0, 5), min_size=1, max_size=12).map(tuple)


@given(chunkings, st.integers(1, 12), st.integers(0, 3))
def test_halfway_chunks_hold_every_point(before, parts, cropped):
    length = sum(before)
    kept = max(0, length - cropped)
    after = tuple(len(p) for p in np.array_split(np.arange(kept), parts))
    (middle,) = halfway((before,), (after,))
    assert sum(middle) == length
    assert len(middle) <= max(len(before), len(after))


@given(st.integers(2, 30), st.integers(1, 3), st.booleans())
def test_two_rounds_give_what_one_gives(n, width, overlapping):
    source, target = across(n, width)
    ranges = None
    if overlapping:
        length = n * width
        ranges = {1: tuple((a, min(a + width + 1, length)) for a in range(0, length, width))}
        target = (target[0], tuple(b - a for a, b in ranges[1]))
    x = np.arange(math.prod(source.shape), dtype="float32").reshape(source.shape)
    want = x if ranges is None else np.concatenate([x[:, a:b] for a, b in ranges[1]], axis=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routes, "MANY", 1)
        rounds = route(source, target, PLENTY, ranges=ranges)
    y = da.from_array(x, chunks=source.chunks)
    for how in rounds:
        step = Step("spanwise-test", "exchange", how.tasks)
        plan = Plan("test", spec_of(y), how.result, (step,), PLENTY)
        y = exchange(y, how, step=step, plan=plan)
    assert y.chunks == target
    np.testing.assert_array_equal(y.compute(scheduler="sync"), want)


def test_a_transform_in_two_rounds_is_scipys(monkeypatch):
    monkeypatch.setattr(routes, "MANY", 100)
    x = np.random.default_rng(0).standard_normal((60, 500, 3))
    source = da.from_array(x, chunks=(1, 500, 3))
    for y, want in (
        (sw.fft.fft(source * (1 + 1j), axis=0), scipy.fft.fft(x * (1 + 1j), axis=0)),
        (sw.fft.fft2(source, axes=(0, 1)), scipy.fft.fft2(x, axes=(0, 1))),
    ):
        steps = [la.step for la in y.dask.layers.values() if hasattr(la, "step")]
        assert sum(step.pattern == "exchange (view)" for step in steps) == 2
        np.testing.assert_allclose(y.compute(), want, atol=1e-10)
