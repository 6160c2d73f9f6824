"""The choice of policy cost, on the model alone."""

import heapq
import math
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from spanwise.measures import CPU, ELEMENTWISE, TO_DEVICE, TO_HOST, Observation, RateTable
from spanwise.schedulers import cost
from spanwise.schedulers.cost import LEAST_BYTES, Group, Work, choose, price
from spanwise.schedulers.policy import DeviceFacts
from spanwise.schedulers.rated import Load

MODEL, OTHER = "A100", "T4"
MIB = 2**20


def table(*, host, device, copy=1.0, nbytes=MIB, model=MODEL):
    """Seconds of kernels on so many bytes, and of a copy of as many."""
    seen = [Observation(k, "float32", CPU, nbytes, s) for k, s in host.items()]
    seen += [Observation(k, "float32", model, nbytes, s) for k, s in device.items()]
    seen += [Observation(way, "", model, nbytes, copy) for way in (TO_DEVICE, TO_HOST)]
    return RateTable().observe(seen)


def facts(rates, *, gpus=1, host_threads=3, others=0):
    """Devices of one model, and as many ``others`` of a second one as are asked for."""
    models = ((MODEL, gpus), (OTHER, others)) if others else ((MODEL, gpus),)
    return DeviceFacts(
        devices=gpus + others,
        advertised=True,
        host_threads=host_threads,
        device_threads=gpus + others,
        models=models,
        rates=rates,
    )


def work(*kernels, nbytes=MIB):
    loads = tuple(Load(k, "float32", nbytes) for k in kernels)
    return Work(loads, (nbytes,), (nbytes,))


def simulated(groups, there, devices):
    """Seconds of a run: each task goes to the slot that is free first, level by level.

    Written out task by task, with the copies and kernels of a task one after the other.
    """
    prices = [[price(g.work, there.rates, model) for model, _ in there.models] for g in groups]
    total = 0.0
    for level in sorted({g.level for g in groups}):
        mine = [i for i, g in enumerate(groups) if g.level == level]
        gpu = [(0.0, kind) for kind, (_, n) in enumerate(there.models) for _ in range(n)]
        for i in mine:
            if devices[i] == "gpu":
                for _ in range(groups[i].count):
                    free, kind = gpu[0]
                    heapq.heapreplace(gpu, (free + prices[i][kind].device, kind))
        busy = max(free for free, _ in gpu)
        cpu = [0.0] * there.host_threads + [busy] * there.device_threads
        heapq.heapify(cpu)
        done = 0.0
        for i in mine:
            if devices[i] == "cpu":
                for _ in range(groups[i].count):
                    done = max(done, cpu[0] + prices[i][0].host)
                    heapq.heapreplace(cpu, cpu[0] + prices[i][0].host)
        total += max(busy, done)
    return total


KERNELS = ("a", "b", "c", "d")
seconds = st.floats(0.01, 100.0)


@st.composite
def submissions(draw):
    rates = table(
        host={k: draw(seconds) for k in KERNELS},
        device={k: draw(seconds) for k in KERNELS},
        copy=draw(st.floats(0.001, 10.0)),
    ).merge(
        table(
            host={},
            device={k: draw(seconds) for k in KERNELS},
            copy=draw(st.floats(0.001, 10.0)),
            model=OTHER,
        )
    )
    groups = [
        Group(
            Work(
                tuple(
                    Load(k, "float32", draw(st.integers(2**17, 2**24)))
                    for k in draw(st.lists(st.sampled_from(KERNELS), min_size=1, max_size=3))
                ),
                tuple(draw(st.lists(st.integers(2**17, 2**24), max_size=2))),
                (draw(st.integers(2**17, 2**24)),),
            ),
            draw(st.integers(1, 60)),
            draw(st.integers(0, 2)),
        )
        for _ in range(draw(st.integers(1, 6)))
    ]
    gpus, threads = draw(st.integers(1, 4)), draw(st.integers(0, 12))
    others = draw(st.sampled_from([0, 0, 1, 3]))
    return groups, facts(rates, gpus=gpus, host_threads=threads, others=others)


@given(submissions())
def test_the_choice_is_never_worse_than_host_alone_or_device_alone(submission):
    groups, there = submission
    chosen = [v.device for v in choose(groups, there)]
    alone = [["cpu"] * len(groups), ["gpu"] * len(groups)]
    best = min(simulated(groups, there, devices) for devices in alone)
    assert simulated(groups, there, chosen) <= 1.1 * best


@given(submissions(), st.integers(2, 5))
def test_the_choice_depends_on_no_unit_of_time(submission, factor):
    groups, there = submission
    slower = RateTable().observe(
        Observation(*key[:3], 2**key.bucket, m.mean * 2**key.bucket * 2**factor)
        for key, m in there.rates.entries.items()
    )
    again = replace(there, rates=slower)
    assert [v.device for v in choose(groups, there)] == [v.device for v in choose(groups, again)]


@given(submissions())
def test_the_numbers_that_are_told_bear_the_choice_out(submission):
    groups, there = submission
    for verdict in choose(groups, there):
        if "busy" in verdict.reason:
            assert ("<" in verdict.reason) == (verdict.device == "cpu")
        else:
            assert ("<" in verdict.reason) == (verdict.device == "gpu")


def test_copies_decide_over_a_fast_kernel():
    cheap = table(host={"a": 4.2}, device={"a": 0.4}, copy=0.55)
    (won,) = choose([Group(work("a"), 1)], facts(cheap))
    assert (won.device, won.reason) == ("gpu", "cost: 400 ms + 1.1 s of copies < 4.2 s")
    dear = table(host={"a": 4.2}, device={"a": 1.9}, copy=1.55)
    (lost,) = choose([Group(work("a"), 1)], facts(dear))
    assert (lost.device, lost.reason) == ("cpu", "cost: 1.9 s + 3.1 s of copies > 4.2 s")


def test_a_chain_pays_its_copies_once():
    rates = table(host={"a": 2.0}, device={"a": 0.1}, copy=1.5)
    alone, chain = Group(work("a"), 1), Group(work("a", "a", "a"), 1)
    assert choose([alone], facts(rates))[0].device == "cpu"
    assert choose([chain], facts(rates))[0].device == "gpu"


def test_many_cpu_threads_outdo_one_device():
    rates = table(host={"a": 4.0}, device={"a": 0.5}, copy=0.25)
    chosen = [
        choose([Group(work("a"), 64)], facts(rates, host_threads=n))[0].device for n in (2, 30)
    ]
    assert chosen == ["gpu", "cpu"]


def test_segments_compete_for_one_device():
    """Both gain, but the device is best left to the one that gains more."""
    rates = table(host={"a": 8.0, "b": 2.0}, device={"a": 0.8, "b": 0.8}, copy=0.1)
    groups = [Group(work("a"), 8), Group(work("b"), 8)]
    verdicts = choose(groups, facts(rates, host_threads=2))
    assert [v.device for v in verdicts] == ["gpu", "cpu"]
    assert choose(groups[1:], facts(rates, host_threads=0))[0].device == "gpu"


@pytest.mark.parametrize(
    ("nbytes", "device", "words"),
    [
        (64 * MIB, "gpu", "chunk of 64.0 MiB is over 1.0 MiB"),
        (LEAST_BYTES, "cpu", "chunk of 1.0 MiB is not over 1.0 MiB"),
        (0, "cpu", "chunk of unknown size is not over 1.0 MiB"),
    ],
)
def test_without_a_measurement_the_size_decides(nbytes, device, words):
    group = Group(work("a", nbytes=nbytes), 4)
    (verdict,) = choose([group], facts(table(host={"a": 1.0}, device={}, nbytes=64 * MIB)))
    assert verdict.device == device
    assert verdict.reason.startswith("no measurement of a of float32 on ")
    assert verdict.reason.endswith(words)


def test_what_was_not_measured_leaves_the_price_of_others_alone():
    rates = table(host={"a": 4.2}, device={"a": 0.4}, copy=0.55)
    unknown, known = Group(work("z", nbytes=8), 4), Group(work("a"), 1)
    verdicts = choose([unknown, known], facts(rates))
    assert [v.device for v in verdicts] == ["cpu", "gpu"]
    assert verdicts[1] == choose([known], facts(rates))[0]


def test_copies_that_were_not_measured_are_told():
    seen = [Observation("a", "float32", d, MIB, 1.0) for d in (CPU, MODEL)]
    assert price(work("a"), RateTable().observe(seen), MODEL) == "copies to and from A100"


def test_what_stands_between_kernels_counts_where_it_was_measured():
    plain = table(host={"a": 1.0}, device={"a": 0.1})
    both = table(host={"a": 1.0, ELEMENTWISE: 0.5}, device={"a": 0.1, ELEMENTWISE: 0.01})
    between = work("a", ELEMENTWISE)
    assert price(between, plain, MODEL) == price(work("a"), plain, MODEL)
    assert math.isclose(price(between, both, MODEL).host, 1.5)
    assert math.isclose(price(between, both, MODEL).kernels, 0.11)


def test_the_number_of_candidates_does_not_grow_with_that_of_structures(monkeypatch):
    calls = []
    original = cost.duration
    monkeypatch.setattr(cost, "duration", lambda *args: calls.append(1) or original(*args))
    rates = table(host={"a": 4.0}, device={"a": 0.5})
    groups = [Group(work("a", nbytes=MIB + 8 * i), 1) for i in range(300)]
    choose(groups, facts(rates))
    assert len(calls) <= 17


@given(submissions())
def test_what_is_handed_out_in_rounds_ends_when_one_by_one_it_would(submission):
    groups, there = submission
    slots = cost.slots_of(there)
    for group in groups:
        devices = tuple(price(group.work, there.rates, m).device for m, _ in there.models)
        found = cost._finished([(group.count, devices)], cost._device_slots(slots))
        assert found == pytest.approx(simulated([replace(group, level=0)], there, ["gpu"]))


def test_each_model_is_priced_by_its_own_rates():
    """A card that is fast enough for all of the work alone, and one that would hold it up."""
    fast = table(host={"a": 4.0}, device={"a": 0.5}, copy=0.25)
    slow = table(host={}, device={"a": 20.0}, copy=1.0, model=OTHER)
    both = fast.merge(slow)
    one = Group(work("a"), 8)
    (alone,) = choose([one], facts(both, host_threads=1))
    (mixed,) = choose([one], facts(both, host_threads=1, others=1))
    assert (alone.device, mixed.device) == ("gpu", "cpu")
    assert alone.reason == "cost: 4.0 s + 4.0 s of copies < 16 s"
    assert mixed.reason == "cost: 22 s with copies on 1 A100 and 1 T4 > 12 s"


def test_a_slow_model_takes_few_of_many_tasks():
    """Equal shares would be ruled by the slow one: free first, it takes one task of twenty."""
    both = table(host={"a": 4.0}, device={"a": 0.5}, copy=0.25).merge(
        table(host={}, device={"a": 20.0}, copy=1.0, model=OTHER)
    )
    (verdict,) = choose([Group(work("a"), 400)], facts(both, host_threads=1, others=1))
    assert verdict.device == "gpu"
    assert cost.shared((1.0, 22.0), cost.Slots((1, 1), 0, 2)) == pytest.approx(2 / (1 + 1 / 22))


def test_a_model_that_was_not_measured_leaves_the_size_to_decide():
    rates = table(host={"a": 4.0}, device={"a": 0.5})
    (verdict,) = choose([Group(work("a"), 8)], facts(rates, others=1))
    assert verdict.reason.startswith("no measurement of a of float32 on T4; ")


def test_a_price_by_estimates_says_so():
    rates = table(host={"columns": 4.2, "a": 1.0}, device={"columns": 0.4, "a": 0.1}, copy=0.5)
    (verdict,) = choose([Group(work("back", "a"), 1)], facts(rates))
    assert verdict.reason.endswith("of copies < 5.2 s (estimated: back as columns)")
