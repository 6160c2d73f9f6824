"""`explain`: what a lazy result will do, before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..machine import Machine, format_bytes
from . import devices, hook
from .cost import UNMEASURED
from .explanation import Copies, Explanation, Row, Totals
from .local import current_machine
from .policy import DeviceFacts, check_policy

if TYPE_CHECKING:
    from .dask.estimates import Estimates
    from .dask.layers import Lazy, LiveLayer
    from .dask.reading import Reading


def explain(x: Any, /, *, policy: str | None = None, client: Any = None) -> Explanation:
    """Tell what a lazy result will do: tasks, passes, bytes, memory, device, and why.

    Parameters
    ----------
    x : Dask array, xarray DataArray or Dataset, or a tuple of them
        Of several results, what they share is counted once.
    policy : {"cpu", "gpu", "data", "cost"}, optional
        Explain this placement instead of the one in force.
    client : distributed.Client, optional
        Explain for this client's workers instead of the active client's, or this process.

    Returns
    -------
    Explanation
        ``str()`` is a table of at most 100 columns; notebooks show it as HTML; ``to_json()``.

    Raises
    ------
    ArgumentError
        For an unknown policy.
    ArrayTypeError
        For anything but arrays.

    Notes
    -----
    Nothing is computed, and neither a GPU nor a cluster is needed. The peak is that of the steps
    that spanwise built; what other layers hold is listed chunk by chunk. Where a result was
    persisted or optimised, its layers are gone, and a note says so.

    Times are there once :func:`spanwise.calibrate` has measured. Kernels that it does not measure
    are estimated from others, and so are other element types; notes say which.

    Examples
    --------
    >>> import dask.array as da, spanwise as sw
    >>> y = sw.fft.fft(da.ones((4, 8), chunks=(2, 8)))
    >>> explanation = sw.explain(y)
    >>> explanation.totals.tasks, explanation.totals.passes
    (4, 1)
    >>> [(row.kernel, row.device) for row in explanation.rows if row.planned]
    [('fft', 'cpu')]
    """
    import dask.config

    from .dask.estimates import Estimates, device_work
    from .dask.layers import collections_of, live_layers
    from .dask.reading import read_graph

    if policy is not None:
        check_policy(policy)
    in_force = hook.current()
    library = in_force.device if in_force is not None else "cupy"
    chosen = policy or (in_force.policy if in_force is not None else None)
    facts = DeviceFacts(library)
    if chosen not in (None, "cpu"):
        facts = devices.survey(library, client=client)
    facts = devices.with_rates(facts, client=client)
    lazy = live_layers(collections_of(x))
    reading = read_graph(lazy.graph, list(lazy.keys), policy=chosen or "cpu", facts=facts)
    machine = current_machine(memory=dask.config.get("spanwise.memory", None), client=client)
    estimates = Estimates(reading, device_work(reading), facts, machine, chosen == "cost")
    return _Account(lazy, reading, chosen, facts, machine, estimates).explanation()


class _Account:
    """Adds up the layers of a graph."""

    def __init__(
        self,
        lazy: Lazy,
        reading: Reading,
        policy: str | None,
        facts: DeviceFacts,
        machine: Machine,
        estimates: Estimates,
    ) -> None:
        self.lazy = lazy
        self.reading = reading
        self.policy = policy
        self.facts = facts
        self.machine = machine
        self.estimates = estimates
        self.work = estimates.work

    def explanation(self) -> Explanation:
        """The account as a value."""
        rows = tuple(self._row(layer) for layer in self.lazy.layers)
        facts = self.facts
        there = facts.there if facts.devices else facts.missing and f"no GPU, {facts.missing}"
        return Explanation(
            rows,
            self._totals(rows),
            self.policy or "none",
            there,
            self.machine,
            tuple(self._notes(rows)),
            facts.budget,
        )

    def _row(self, layer: LiveLayer) -> Row:
        name, facts, step = layer.name, layer.facts, layer.step
        kernel, verdict = self.reading.verdicts.get(name, (None, None))
        chunk_bytes = step.chunk_bytes if step is not None else 0
        dtype = step.dtype if step is not None else ""
        if facts is not None:
            chunk_bytes, dtype = facts.chunk_bytes, str(facts.dtype)
        pattern = step.pattern if step is not None else ""
        time = self.estimates.time(layer, kernel)
        return Row(
            name=step.name if step is not None else layer.prefix,
            planned=step is not None,
            pattern="held" if layer.state == "held" else pattern,
            kernel=kernel.name if kernel is not None else (step.kernel if step else ""),
            tasks=layer.tasks,
            chunks=layer.chunks,
            chunk_bytes=chunk_bytes,
            dtype=dtype,
            device=self._device(layer),
            reason=verdict.reason if verdict is not None and self.policy else "",
            form=step.reason if step is not None else "",
            bytes_moved=round(step.bytes_moved * layer.share) if step is not None else 0,
            bytes_staged=round(step.bytes_staged * layer.share) if step is not None else 0,
            to_device=_copies(self.work.to_device[name]),
            to_host=_copies(self.work.to_host[name]),
            peak_bytes=step.peak_bytes if step is not None else 0,
            seconds=None if time is None else time.seconds,
            estimated="" if time is None else time.estimated,
            device_peak_bytes=self.estimates.device_peak(layer, kernel),
        )

    def _device(self, layer: LiveLayer) -> str:
        placed = self.work.tasks[layer.name]
        if layer.name in self.reading.held:
            return "gpu"
        if not placed:
            return "cpu"
        return "gpu" if placed >= (layer.chunks or layer.tasks) else "cpu+gpu"

    def _totals(self, rows: tuple[Row, ...]) -> Totals:
        layers = self.lazy.layers
        # What a reader takes from (a file object, a lock) is no array, so it is not before it.
        arrays = {la.name for la in layers if la.facts}
        first = [la for la in layers if la.facts and arrays.isdisjoint(la.parents)]
        sources = [la for la in first if la.step is None]
        read = sum(la.chunks * la.facts.chunk_bytes for la in sources if la.facts)
        # Steps that inline their own copies of what they read have no layer before them.
        inlined = [la.step for la in first if la.step is not None]
        passes = bool(sources) + sum(step.passes for step in inlined)
        return Totals(
            tasks=sum(row.tasks for row in rows),
            passes=max(int(passes), 1 if rows else 0),
            bytes_read=read + sum(step.bytes_in for step in inlined),
            bytes_written=self.lazy.result_bytes,
            bytes_moved=sum(row.bytes_moved for row in rows),
            bytes_staged=sum(row.bytes_staged for row in rows),
            to_device=_sum(row.to_device for row in rows),
            to_host=_sum(row.to_host for row in rows),
            peak_bytes=max((row.peak_bytes for row in rows), default=0),
            device_peak_bytes=max((row.device_peak_bytes for row in rows), default=0),
        )

    def _notes(self, rows: tuple[Row, ...]) -> list[str]:
        notes = []
        if not rows:
            notes.append("Nothing is lazy here: x holds concrete arrays, and no task would run.")
        for reason, names in _by(rows, lambda row: (row.device, row.reason)).items():
            if reason[1]:
                notes.append(f"{', '.join(names)} on {reason[0]}: {reason[1]}.")
        for form, names in _by(rows, lambda row: row.form).items():
            if form:
                notes.append(f"{', '.join(names)}: {form}.")
        notes += self._lost()
        notes += self._over(rows)
        notes += self._measured(rows)
        if not any(row.planned for row in rows) and rows:
            notes.append(
                "No step was built by spanwise; peak memory is not planned for other layers."
            )
        plans = [la.plan for la in self.lazy.layers if la.plan is not None]
        if any(plan.machine.distributed != self.machine.distributed for plan in plans):
            was = "a cluster" if not self.machine.distributed else "the threads of one process"
            now = "a cluster is" if self.machine.distributed else "no cluster is"
            notes.append(
                f"Planned for {was}, but {now} active now; the result is the same, the peak "
                "is not. Build the array again for a plan that fits."
            )
        return notes

    def _measured(self, rows: tuple[Row, ...]) -> list[str]:
        """What times and choices by cost rest on."""
        notes = []
        if any(row.reason.startswith(UNMEASURED) for row in rows):
            notes.append("To measure kernels and copies where they will run: spanwise calibrate.")
        if any(row.seconds is not None for row in rows):
            notes.append(
                "Times are estimates from the rates that spanwise calibrate measured; reading the "
                "source and steps of other libraries are not counted."
            )
        for told, names in _by(rows, lambda row: row.estimated).items():
            if told:
                notes.append(f"{', '.join(names)}: not measured itself, estimated: {told}.")
        models = [f"{n} {name or 'of unknown model'}" for name, n in self.facts.models]
        if len(models) > 1:
            notes.append(
                f"Devices are of {len(models)} models ({', '.join(models)}): each is counted with "
                "its own rates, and takes a task whenever it is free."
            )
        return notes

    def _over(self, rows: tuple[Row, ...]) -> list[str]:
        """What does not fit on a device, and cannot be kept off it."""
        budget = self.facts.budget
        if budget is None:
            return []
        over = [row for row in rows if row.device_peak_bytes > budget]
        names = ", ".join(dict.fromkeys(row.name for row in over))
        if not over:
            return []
        most = format_bytes(max(row.device_peak_bytes for row in over))
        return [
            f"{names}: {most} on one device, where {format_bytes(budget)} may be filled: rechunk "
            "to smaller chunks along axes that the step does not need whole, or copy the chunks "
            "to the host first (x.map_blocks(spanwise.to_host))."
        ]

    def _lost(self) -> list[str]:
        notes = []
        for la in self.lazy.layers:
            if la.state == "held" and la.facts is not None and la.step is None:
                size = f"{la.chunks} chunk{'s' * (la.chunks > 1)}"
                notes.append(
                    f"{la.prefix}: {size} of {format_bytes(la.facts.chunk_bytes)} held in memory "
                    "already; nothing behind them runs again."
                )
        if any(la.state == "fused" for la in self.lazy.layers):
            notes.append(
                "Some tasks were optimised before, so their steps are fused and no longer known."
            )
        if self.lazy.foreign:
            notes.append(
                "A Delayed object keeps no layers of arrays: its steps were fused when it was "
                "made, and GPU placement holds for it only on a worker that it happens to reach."
            )
        return notes


def _copies(sizes: list[int]) -> Copies:
    return Copies(len(sizes), sum(sizes))


def _sum(copies: Any) -> Copies:
    copies = list(copies)
    return Copies(sum(c.number for c in copies), sum(c.bytes for c in copies))


def _by(rows: tuple[Row, ...], what: Any) -> dict[Any, list[str]]:
    """Names of the rows that have something in common, each once."""
    groups: dict[Any, list[str]] = {}
    for row in rows:
        names = groups.setdefault(what(row), [])
        if row.name not in names:
            names.append(row.name)
    return groups
