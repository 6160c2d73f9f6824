import hypothesis.strategies as st
import pytest
from hypothesis import given

from spanwise.schedulers.segments import MAX_INPUTS, Role, find_segments, in_order

K, B, S = Role.KERNEL, Role.BETWEEN, Role.SLICE


def segments_of(graph, roles, results):
    """Segments of a graph that is written as key -> dependencies."""
    dependents = {key: [] for key in graph}
    for key, needed in graph.items():
        for d in needed:
            if d in dependents:
                dependents[d].append(key)
    order = in_order(graph, results)
    return find_segments(order, graph, dependents, roles, set(results))


def members_of(segments):
    return [set(s.members) for s in segments]


def test_a_run_of_kernels_and_what_is_between_them_is_one_segment():
    graph = {"x": (), "fft": ("x",), "mul": ("fft", "m"), "m": (), "ifft": ("mul",)}
    (segment,) = segments_of(graph, {"fft": K, "mul": B, "ifft": K}, ["ifft"])
    assert segment.members == ("fft", "mul", "ifft")
    assert set(segment.inputs) == {"x", "m"}
    assert segment.outputs == ("ifft",)


def test_what_is_before_the_first_kernel_stays_on_the_host():
    graph = {"x": (), "neg": ("x",), "fft": ("neg",)}
    assert members_of(segments_of(graph, {"neg": B, "fft": K}, ["fft"])) == [{"fft"}]


def test_opaque_code_ends_a_segment():
    graph = {"x": (), "a": ("x",), "user": ("a",), "b": ("user",)}
    segments = segments_of(graph, {"a": K, "b": K}, ["b"])
    assert members_of(segments) == [{"a"}, {"b"}]


def test_a_level_is_the_number_of_segments_that_must_have_finished_before():
    graph = {"x": (), "a": ("x",), "user": ("a",), "b": ("user",), "c": ("b",), "z": ("x",)}
    roles = {"a": K, "b": K, "c": K, "z": K}
    segments = segments_of(graph, roles, ["c", "z"])
    levels = {s.members: s.level for s in segments}
    assert levels == {("a",): 0, ("z",): 0, ("b", "c"): 1}


def test_a_task_does_not_join_a_segment_that_it_waits_for_on_the_host():
    # y - y.mean(): the mean needs the copy of y on the host, so the difference comes after it.
    graph = {"x": (), "y": ("x",), "mean": ("y",), "sub": ("y", "mean")}
    segments = segments_of(graph, {"y": K, "sub": B}, ["sub"])
    assert members_of(segments) == [{"y"}]
    assert segments[0].outputs == ("y",)


def test_a_kernel_that_waits_for_the_host_starts_a_new_segment():
    graph = {"x": (), "y": ("x",), "mean": ("y",), "fit": ("y", "mean")}
    segments = segments_of(graph, {"y": K, "fit": K}, ["fit"])
    assert members_of(segments) == [{"y"}, {"fit"}]
    assert set(segments[1].inputs) == {"y", "mean"}


def test_segments_that_serve_one_task_alone_become_one():
    graph = {"x": (), "y": (), "X": ("x",), "Y": ("y",), "mul": ("X", "Y"), "abs": ("mul",)}
    (segment,) = segments_of(graph, {"X": K, "Y": K, "mul": B, "abs": B}, ["abs"])
    assert set(segment.members) == {"X", "Y", "mul", "abs"}


def test_neighbouring_chunks_do_not_chain_up_to_one_task():
    # difference of neighbours: every transform serves two differences
    n = 5
    graph = {f"x{i}": () for i in range(n)} | {f"y{i}": (f"x{i}",) for i in range(n)}
    graph |= {f"d{i}": (f"y{i}", f"y{i + 1}") for i in range(n - 1)}
    roles = {f"y{i}": K for i in range(n)} | {f"d{i}": B for i in range(n - 1)}
    segments = segments_of(graph, roles, [f"d{i}" for i in range(n - 1)])
    assert sorted(map(sorted, members_of(segments))) == [[f"y{i}"] for i in range(n)]


def test_many_slices_of_one_value_are_cut_on_the_host():
    graph = {"x": (), "y": ("x",), "a": ("y",), "b": ("y",)}
    (segment,) = segments_of(graph, {"y": K, "a": S, "b": S}, ["a", "b"])
    assert segment.members == ("y",)
    assert segment.outputs == ("y",)


def test_a_single_slice_at_the_end_is_cut_before_the_copy():
    graph = {"x": (), "y": ("x",), "a": ("y",), "z": ("a",)}
    (segment,) = segments_of(graph, {"y": K, "a": S}, ["z"])
    assert segment.outputs == ("a",)


def test_a_segment_takes_in_a_bounded_number_of_values():
    graph = {"x": (), "y0": ("x",)}
    roles = {"y0": K}
    for i in range(3 * MAX_INPUTS):
        graph |= {f"m{i}": (), f"y{i + 1}": (f"y{i}", f"m{i}")}
        roles[f"y{i + 1}"] = B
    segments = segments_of(graph, roles, [f"y{3 * MAX_INPUTS}"])
    assert all(len(s.inputs) <= MAX_INPUTS for s in segments)


@given(st.data())
def test_contracting_segments_leaves_a_graph_without_cycles(data):
    n = data.draw(st.integers(1, 14))
    graph, roles = {}, {}
    for i in range(n):
        graph[i] = tuple(data.draw(st.sets(st.integers(0, i - 1), max_size=3))) if i else ()
        role = data.draw(st.sampled_from([None, K, B, S]))
        if role is S and len(graph[i]) != 1:
            role = B
        if role is not None:
            roles[i] = role
    results = data.draw(st.sets(st.integers(0, n - 1), min_size=1))
    segments = segments_of(graph, roles, sorted(results))

    unit = {k: k for k in graph}
    for number, segment in enumerate(segments):
        assert segment.outputs
        assert not set(segment.inputs) & set(segment.members)
        for key in segment.members:
            assert unit[key] == key, "a task is in one segment only"
            unit[key] = ("segment", number)
    contracted = {u: set() for u in unit.values()}
    for key, needed in graph.items():
        contracted[unit[key]] |= {unit[d] for d in needed} - {unit[key]}
    done = set()
    while contracted.keys() - done:
        ready = {u for u, needed in contracted.items() if u not in done and needed <= done}
        assert ready, "a cycle"
        done |= ready


@pytest.mark.parametrize("length", [10, 2000])
def test_order_puts_dependencies_first_at_any_depth(length):
    graph = {i: (i - 1,) if i else () for i in range(length)}
    assert in_order(graph, [length - 1]) == list(range(length))
