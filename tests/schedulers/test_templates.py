"""What is inside of placed tasks is made once for chunks that do the same."""

import functools

import dask
import dask.array as da
import numpy as np
import pytest
from dask._task_spec import Alias, DataNode, List, Task, TaskRef, execute_graph
from dask.highlevelgraph import HighLevelGraph

import spanwise as sw
from spanwise.schedulers import placement
from spanwise.schedulers.dask import templates
from spanwise.schedulers.dask.placed import PlacedTask
from spanwise.schedulers.dask.templates import Templates
from spanwise.schedulers.hook import Hook
from spanwise.schedulers.policy import DeviceFacts

FACTS = DeviceFacts("hostfree", 1, "1 GPU worker", advertised=True)


def add(a, b, c=0):
    return a + b + c


def total(pieces):
    return sum(p for p in pieces if p is not None)


def run(arguments, **values):
    """What a fused task gives out."""
    inner, out, places, *given = arguments
    task = Task("fused", templates._execute_subgraph, inner, out, places, *given)
    return execute_graph({"fused": task} | {k: DataNode(k, v) for k, v in values.items()})["fused"]


def placed_tasks(*arrays):
    graph = HighLevelGraph.merge(*(a.dask for a in arrays))
    keys = [a.__dask_keys__() for a in arrays]
    placed = dict(Hook("gpu", "hostfree", facts=FACTS)(graph, keys))
    return [t for t in placed.values() if isinstance(t, PlacedTask)]


def test_chunks_that_differ_in_keys_and_values_share_what_is_inside():
    known = Templates()
    found = []
    for i, value in enumerate((10, 20)):
        nodes = {
            ("a", i): Task(("a", i), add, TaskRef(("x", i)), value, c=1),
            ("b", i): (add, ("a", i), "y"),
        }
        arguments, _ = known.arguments(nodes, ("b", i), {"y": "z"}, {"z": "moved"})
        found.append(arguments)
    assert found[0][0] is found[1][0]
    values = {"moved": 5}
    assert [a[3:] for a in found] == [
        (TaskRef(("x", i)), TaskRef("moved"), v) for i, v in ((0, 10), (1, 20))
    ]
    graph = values | {("x", 0): 1, ("x", 1): 2}
    for arguments, want in zip(found, (1 + 10 + 1 + 5, 2 + 20 + 1 + 5), strict=True):
        inner, out, places, *given = arguments
        task = Task("fused", templates._execute_subgraph, inner, out, places, *given)
        assert task({k: graph[k] for k in task.dependencies}) == want


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Task("a", add, TaskRef("x"), TaskRef("x")), Task("a", add, TaskRef("x"), TaskRef("y"))),
        (Task("a", add, TaskRef("x"), 1), Task("a", add, 1, TaskRef("x"))),
        (Task("a", add, TaskRef("x"), 1), Task("a", add, TaskRef("x"), 1, c=2)),
        (Task("a", add, TaskRef("x"), 1), Task("a", max, TaskRef("x"), 1)),
        (Task("a", add, 1, 2), DataNode("a", 3)),
    ],
)
def test_tasks_that_do_something_else_are_told_apart(first, second):
    known = Templates()
    values = {"x": 3, "y": 4}
    results = []
    for node in (first, second, first):
        arguments, _ = known.arguments({"a": node, "b": (abs, "a")}, "b", {}, {})
        results.append(run(arguments, **values))
    want = [abs(node({k: values[k] for k in node.dependencies})) for node in (first, second)]
    assert results == [*want, want[0]]


@pytest.mark.parametrize("inside", [True, False])
def test_pieces_come_from_outside_or_from_inside(inside):
    pieces = List(TaskRef("x"), None, TaskRef("a" if inside else "y"))
    nodes = {
        "a": Task("a", add, TaskRef("x"), 1),
        "b": Task("b", total, pieces),
        "c": (add, "a", "b"),
    }
    arguments, _ = Templates().arguments(nodes, "c", {}, {"y": "new", "x": "old"})
    assert run(arguments, old=1, new=10) == 2 + (3 if inside else 11)


def test_whoever_reads_data_says_so():
    read = Task("a", add, 1, 2, _data_producer=True)
    assert Templates().arguments({"a": read, "b": (abs, "a")}, "b", {}, {})[1]
    assert Templates().arguments({"a": DataNode("a", 1), "b": (abs, "a")}, "b", {}, {})[1]
    plain = Task("a", add, 1, 2)
    assert not Templates().arguments({"a": plain, "b": (abs, "a")}, "b", {}, {})[1]


def test_functions_of_each_chunk_alone_are_not_collected_for_ever(monkeypatch):
    monkeypatch.setattr(templates, "MOST", 3)
    known = Templates()
    for i in range(8):
        nodes = {"a": Task("a", functools.partial(add, i), TaskRef("x")), "b": (abs, "a")}
        arguments, _ = known.arguments(nodes, "b", {}, {})
        assert run(arguments, x=1) == i + 1
    assert len(known._known) == 3


def test_placed_tasks_of_an_exchange_share_their_graph():
    values = np.random.default_rng(0).normal(size=(8, 8))
    y = sw.fft.fft(da.from_array(values, chunks=(2, 4)), axis=0)
    tasks = placed_tasks(y)
    assert len({id(t.args[0]) for t in tasks}) < len(tasks)
    with placement("gpu", device="hostfree"):
        np.testing.assert_allclose(y.compute(scheduler="sync"), np.fft.fft(values, axis=0))


def test_two_slices_of_a_read_are_still_made_one():
    values = np.arange(60.0).reshape(10, 6)
    x = da.from_array(values, chunks=(5, 6))[1:9][:, 1:5]
    y = sw.fft.fft(x, axis=1)
    tasks = placed_tasks(y, abs(y))  # several users: chunk by chunk
    assert len(tasks) == 2
    for task in tasks:
        inner = task.args[0].values()
        assert len([t for t in inner if getattr(t, "func", None) in templates.GETTERS]) == 1
        assert any(isinstance(t, Alias) for t in inner)
    with placement("gpu", device="hostfree"):
        got, _ = dask.compute(y, abs(y), scheduler="sync")
    np.testing.assert_allclose(got, np.fft.fft(values[1:9, 1:5], axis=1))
