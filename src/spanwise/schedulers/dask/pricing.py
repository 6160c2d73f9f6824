"""Which segments of a graph policy ``cost`` leaves on devices: finds what each of them runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from ...kernels.kernel import kernel_of
from ...measures import ELEMENTWISE
from ..cost import Group, Work, choose
from ..policy import Verdict, device_dtype
from ..rated import Load
from ..segments import Role, Segment

if TYPE_CHECKING:
    from .facts import LayerFacts
    from .reading import GraphReader


def settle(
    reader: GraphReader,
    segments: list[Segment],
    dependencies: Mapping[Any, Collection[Any]],
    roles: Mapping[Any, Role],
    function_of: Callable[[Any], Any],
    count_of: Callable[[Segment], int] = lambda segment: 1,
) -> list[Segment]:
    """The segments that go to devices: under policies other than ``cost`` all.

    Segments of equal structure share one price, that of one in their midst. What was decided is
    left in ``reader.priced``.

    Parameters
    ----------
    reader : GraphReader
        Knows the policy, the layers and the devices.
    segments : list of Segment
        As policy ``gpu`` would have them.
    dependencies : mapping
        What each task takes.
    roles : mapping
        The role of each task that is in a segment.
    function_of : callable
        The function of a task.
    count_of : callable
        How many tasks a segment stands for.
    """
    if reader.policy != "cost":
        return segments
    alike: dict[tuple[Any, ...], list[Segment]] = {}
    for segment in segments:
        structure = (segment.level, *[m[0] if type(m) is tuple else m for m in segment.members])
        alike.setdefault(structure, []).append(segment)
    groups = [
        Group(
            _work(reader, found[len(found) // 2], dependencies, roles, function_of),
            sum(map(count_of, found)),
            found[0].level,
        )
        for found in alike.values()
    ]
    verdicts = choose(groups, reader.facts)
    reader.priced = _by_name(alike, groups, verdicts)
    lost = {
        id(segment)
        for found, verdict in zip(alike.values(), verdicts, strict=True)
        if verdict.device == "cpu"
        for segment in found
    }
    return [s for s in segments if id(s) not in lost] if lost else segments


def load_of(name: str, inputs: Collection[LayerFacts], made: LayerFacts | None) -> Load:
    """What one run of a kernel takes in, by what is known of its input, or else of its output.

    Of a kernel that is its block, the largest input, and others of as many elements; `ELEMENTWISE`
    streams all operands.
    """
    known = [f for f in inputs if device_dtype(f.dtype.kind, f.dtype.itemsize)]
    known = known or [f for f in (made,) if f is not None]
    if not known:
        return Load(name, "", 0)
    main = max(known, key=lambda f: (f.mean_bytes, str(f.dtype)))
    taken = known if name == ELEMENTWISE else [f for f in known if f.mean_size == main.mean_size]
    nbytes = sum(f.mean_bytes for f in taken)
    return Load(name, str(main.dtype), nbytes, 0 if made is None else made.mean_bytes)


def _work(
    reader: GraphReader,
    segment: Segment,
    dependencies: Mapping[Any, Collection[Any]],
    roles: Mapping[Any, Role],
    function_of: Callable[[Any], Any],
) -> Work:
    """What a segment runs and copies."""
    loads = []
    for member in segment.members:
        if roles[member] is not Role.SLICE:  # a view
            kernel = kernel_of(function_of(member))
            inputs = [f for d in dependencies[member] if (f := _facts(reader, d)) is not None]
            name = ELEMENTWISE if kernel is None else kernel.name
            loads.append(load_of(name, inputs, _facts(reader, member)))
    # An input of which nothing is known is taken to be as large as what a kernel makes.
    sent = [_copied(_facts(reader, key), loads[0].nbytes) for key in segment.inputs]
    fetched = [_copied(_facts(reader, key), 0) for key in segment.outputs]
    return Work(tuple(loads), tuple(filter(None, sent)), tuple(filter(None, fetched)))


def _facts(reader: GraphReader, key: Any) -> LayerFacts | None:
    return reader.layers.get(key[0] if isinstance(key, tuple) else key)


def _copied(facts: LayerFacts | None, otherwise: int) -> int:
    """Bytes of a value that is copied, 0 for one that is not."""
    if facts is None:
        return otherwise
    return facts.mean_bytes if device_dtype(facts.dtype.kind, facts.dtype.itemsize) else 0


def _by_name(
    alike: Mapping[tuple[Any, ...], Any], groups: list[Group], verdicts: tuple[Verdict, ...]
) -> dict[str, Verdict]:
    """The verdict on each layer: where its chunks differ, that on most of them."""
    most: dict[str, tuple[int, Verdict]] = {}
    for (_, *names), group, verdict in zip(alike, groups, verdicts, strict=True):
        for name in names:
            if name not in most or most[name][0] < group.count:
                most[name] = group.count, verdict
    return {name: verdict for name, (_, verdict) in most.items()}
