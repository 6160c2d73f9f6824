"""The gate: memory stays within its budget where that is possible, and everything ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise.schedulers.gate import Gate, Producer


class Cluster:
    """A scheduler with any number of threads, on producers and consumers that take each other."""

    def __init__(self, gate, sizes, needs, threads):
        self.gate = gate
        self.sizes = sizes
        self.needs = needs
        self.threads = threads
        self.users = {p: {c for c, n in enumerate(needs) if p in n} for p in range(len(sizes))}
        self.state = {}
        self.alive = set()
        self.done = set()
        self.peak = 0

    def run(self):
        """Run to the end: each step finishes the oldest of what runs."""
        held = set(self.gate.held)
        self.state = dict.fromkeys(held, "no-worker")
        self.queue(p for p in range(len(self.sizes)) if p not in held)
        running = []
        while len(self.done) < len(self.needs):
            running += self.start(self.threads - len(running))
            if not running:
                assert self.turn(), "nothing runs and nothing is let go"
                continue
            self.finish(running.pop(0))
            self.turn()

    def queue(self, producers):
        for p in producers:
            self.state[p] = "ready"
            self.gate.moved(p, "queued")

    def start(self, room):
        ready = [("c", c) for c, n in enumerate(self.needs) if self.is_ready(c, n)]
        ready += [("p", p) for p, state in self.state.items() if state == "ready"]
        for kind, i in ready[:room]:
            if kind == "p":
                self.state[i] = "processing"
            else:
                self.done.add(i)  # not started twice
        return ready[:room]

    def is_ready(self, c, needed):
        return c not in self.done and needed <= self.alive

    def finish(self, task):
        kind, i = task
        if kind == "p":
            self.state[i] = "memory"
            self.alive.add(i)
            self.gate.moved(i, "memory", self.sizes[i])
            for c, n in enumerate(self.needs):
                if self.is_ready(c, n):
                    self.gate.moved(("c", c), "queued")
            self.peak = max(self.peak, sum(self.sizes[p] for p in self.alive))
            return
        self.gate.moved(("c", i), "memory")
        for p in self.needs[i]:
            self.users[p].discard(i)
            if not self.users[p]:
                self.alive.discard(p)
                self.gate.moved(p, "released")
                self.gate.moved(p, "forgotten")

    def turn(self):
        keys = self.gate.ready()
        if not keys and self.gate.stalled():
            keys = self.gate.force()
        self.queue(keys)
        return keys


def gated(sizes, needs, *, budget, threads=2, told=True):
    gate = Gate(budget)
    producers = [Producer(p, "x", n if told else None) for p, n in enumerate(sizes)]
    gate.admit(producers, range(len(sizes)), [("c", c) for c in range(len(needs))])
    cluster = Cluster(gate, sizes, needs, threads)
    cluster.run()
    return cluster


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 12))
    sizes = draw(st.lists(st.integers(1, 5), min_size=n, max_size=n))
    needs = draw(st.lists(st.sets(st.integers(0, n - 1), min_size=1), min_size=1, max_size=8))
    used = set().union(*needs)
    order = sorted(used)
    return [sizes[p] for p in order], [{order.index(p) for p in s} for s in needs]


@given(graphs(), st.integers(0, 20), st.integers(1, 4), st.booleans())
def test_every_graph_ends_whatever_the_budget(graph, budget, threads, told):
    sizes, needs = graph
    cluster = gated(sizes, needs, budget=budget, threads=threads, told=told)
    assert len(cluster.done) == len(needs)
    assert not cluster.gate.held


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20), st.integers(5, 20), st.integers(1, 4))
def test_chunks_with_a_consumer_each_stay_within_the_budget(sizes, budget, threads):
    cluster = gated(sizes, [{p} for p in range(len(sizes))], budget=budget, threads=threads)
    assert cluster.peak <= budget


def test_a_reduction_over_everything_is_let_through():
    cluster = gated([1] * 64, [set(range(64))], budget=4)
    assert cluster.peak == 64


def test_sizes_that_nobody_knows_are_learnt_from_the_first():
    gate = Gate(100, slots=2)
    held = gate.admit([Producer(i, "x") for i in range(20)], range(20), [])
    assert held == list(range(4, 20))
    gate.moved(0, "memory", 10)
    assert gate.ready() == [4]
    for i in range(1, 4):
        gate.moved(i, "memory", 10)
    assert gate.ready() == [5, 6, 7, 8, 9]


def test_everything_within_the_budget_runs_at_once():
    gate = Gate(10)
    assert gate.admit([Producer(i, "x", 1) for i in range(10)], range(10), []) == []


def test_a_producer_over_the_budget_runs_alone():
    gate = Gate(10)
    assert gate.admit([Producer(i, "x", 11) for i in range(3)], range(3), []) == [1, 2]
    gate.moved(0, "memory", 11)
    assert gate.ready() == []
    gate.moved(0, "forgotten")
    assert gate.ready() == [1]


def test_a_consumer_that_waits_for_its_worker_is_no_reason_to_let_more_run():
    gate = Gate(1)
    gate.admit([Producer(i, "x", 1) for i in range(3)], range(3), ["fft"])
    gate.moved(0, "memory", 1)
    assert gate.stalled()
    gate.moved("fft", "no-worker")
    assert not gate.stalled()


def test_every_time_nothing_moves_twice_as_many_run():
    gate = Gate(1)
    gate.admit([Producer(i, "x", 1) for i in range(16)], range(16), [])
    assert [len(gate.force()) for _ in range(4)] == [1, 2, 4, 8]


def test_what_a_worker_lost_is_counted_again_when_it_is_made_again():
    gate = Gate(2)
    gate.admit([Producer(i, "x", 1) for i in range(4)], range(4), [])
    gate.moved(0, "memory", 1)
    gate.moved(0, "released")
    gate.moved(0, "processing")
    assert gate.ready() == []


@pytest.mark.parametrize("state", ["erred", "forgotten"])
def test_a_producer_that_fails_frees_its_share(state):
    gate = Gate(1)
    gate.admit([Producer(i, "x", 1) for i in range(2)], range(2), [])
    gate.moved(0, state)
    assert gate.ready() == [1]


def test_forgotten_producers_are_held_no_more():
    gate = Gate(1)
    gate.admit([Producer(i, "x", 1) for i in range(3)], range(3), [])
    gate.moved(2, "forgotten")
    assert list(gate.held) == [1]
    assert 2 not in gate
    assert gate.open() == [1]
    assert not gate.held
