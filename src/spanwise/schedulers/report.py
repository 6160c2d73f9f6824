"""`report`: what placement did, after results have run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ArrayTypeError
from . import devices, hook, records, refining
from .hook import Hook
from .local import active_client
from .policy import check_policy
from .reported import Ran, Report

if TYPE_CHECKING:
    from .dask.planned import Planned
    from .records import Record


def report(x: Any = None, /, *, policy: str | None = None, client: Any = None) -> Report:
    """Tell what became of placed work: where it ran, what was copied, and what was changed.

    Parameters
    ----------
    x : Dask array, xarray object, tuple of them, or distributed.Client, optional
        Results that were computed, as they were before: of these what was planned is told beside
        what happened. A client, or nothing: everything that its workers, or those of the active
        client, or this process remember.
    policy : {"gpu", "data", "cost"}, optional
        Placement that ``x`` was computed under. Default: the one in force, else ``"gpu"``.
    client : distributed.Client, optional
        Ask this client's workers instead of the active client's.

    Returns
    -------
    Report
        ``str()`` is a table of at most 100 columns; notebooks show it as HTML; ``to_json()``.

    Raises
    ------
    ArgumentError
        For an unknown policy.
    ArrayTypeError
        For anything but arrays and clients.

    Notes
    -----
    Nothing is computed. Each process counts what its device tasks do, for the latest 4096 names of
    tasks; several runs of one result add up, and a worker that died took its counts along. Under
    :func:`spanwise.schedulers.place_on` and in a ``MixedCluster`` the scheduler counts which tasks
    such a worker had finished, and where; their copies and kernels nobody knows. It tells besides
    what it changed: tasks that a lost or full device could not run.

    What was recorded refines the rates that the policy ``"cost"`` works with
    (:func:`spanwise.calibrate`), each run once. Runs placed on the stand-in ``"hostfree"`` do not:
    its rates are those that ``spanwise.calibrate(device="hostfree")`` measured, if it was asked to.

    Examples
    --------
    >>> import dask.array as da, spanwise as sw
    >>> from spanwise.schedulers import placement
    >>> x = da.ones((4, 8), chunks=(2, 8)) + 0.5
    >>> with placement("gpu", device="hostfree"):
    ...     y = sw.fft.fft(x)
    ...     _ = y.compute()
    ...     found = sw.report(y)
    >>> [(row.steps, row.planned, row.on_device) for row in found.rows]
    [('fft', 2, 2)]
    >>> found.as_planned, found.to_device.number, found.to_host.number
    (True, 2, 2)
    """
    if policy is not None:
        check_policy(policy)
    if _is_client(x):
        x, client = None, x
    client = client if client is not None else active_client()
    recorded = records.collect_by_model(client)
    refining.refine(recorded, client=client)
    gone = {} if client is None else records.lost(client)
    found = records.merged([*recorded.values(), gone])
    planned = None if x is None else _planned(x, policy, client)
    names = list(found) if planned is None else list(planned)
    rows = [_ran(n, found.get(n), None if planned is None else planned[n]) for n in names]
    told = [] if client is None else records.events(client)
    if planned is not None:
        told = [event for event in told if event.get("name") in {*planned, None}]
    events = tuple(_counted([str(event["message"]) for event in told]))
    return Report(tuple(rows), _where(client), events, tuple(_notes(rows, planned)))


def _is_client(x: Any) -> bool:
    return hasattr(x, "scheduler_info") and hasattr(x, "run")


def _planned(x: Any, policy: str | None, client: Any) -> dict[str, Planned]:
    """Device tasks that results become under a placement."""
    from .dask.layers import collections_of, live_layers
    from .dask.planned import planned_tasks

    if not hasattr(x, "__dask_graph__") and not isinstance(x, (tuple, list)):
        raise ArrayTypeError(
            f"x is a {type(x).__name__}; report takes Dask arrays and xarray objects as they were "
            "before they were computed, a tuple of them, or a distributed.Client"
        )
    in_force = hook.current()
    library = in_force.device if in_force is not None else "cupy"
    chosen = policy or (in_force.policy if in_force is not None else "gpu")
    plan = Hook(chosen, library, facts=devices.survey(library, client=client))
    lazy = live_layers(collections_of(x))
    return planned_tasks(lazy.graph, lazy.keys, plan)


def _ran(name: str, record: Record | None, planned: Planned | None) -> Ran:
    record = record or records.Record()
    return Ran(
        name=name,
        steps=name.partition("@gpu")[0],
        planned=None if planned is None else planned.tasks,
        on_device=record.on_device,
        on_host=record.on_host,
        cut=record.cut,
        to_device=record.to_device,
        to_host=record.to_host,
        kernel_seconds=record.kernel_seconds,
        unseen=record.unseen,
    )


def _where(client: Any) -> str:
    if client is None:
        return "this process"
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    gpu = sum(1 for w in workers if (w.get("resources") or {}).get(devices.RESOURCE))
    cpu = len(workers) - gpu
    kinds = [f"{n} {kind} worker{'s' * (n != 1)}" for n, kind in ((gpu, "GPU"), (cpu, "CPU")) if n]
    return " and ".join(kinds) or "no worker"


def _notes(rows: list[Ran], planned: Mapping[str, Planned] | None) -> list[str]:
    notes = []
    for row in rows:
        for reason, number in row.on_host.items():
            notes.append(f"{row.steps}: {number} of {row.ran} tasks ran on the host: {reason}.")
        if row.cut:
            notes.append(
                f"{row.steps}: {row.cut} calls of kernels ran in parts, since the device had no "
                "room for the whole; smaller chunks spare the attempts."
            )
        if row.unseen:
            notes.append(
                f"{row.steps}: {row.unseen} of {row.ran} tasks finished on workers that are gone: "
                "that they did the scheduler knows, their copies and kernels are not counted."
            )
        if row.missing:
            notes.append(
                f"{row.steps}: nothing is known of {row.missing} of {row.planned} planned tasks. "
                "They have not run yet, their results were there already, the graph was placed "
                "otherwise when it ran, or the worker that ran them is gone and the cluster has no "
                "plugin that counts them (spanwise.schedulers.place_on)."
            )
    if planned is None and not rows:
        notes.append("No device task has run here since these processes started.")
    if planned is not None and not planned:
        notes.append("No task of x is for a device; spanwise.explain(x) says why.")
    return notes


def _counted(messages: list[str]) -> list[str]:
    """Each message once, with how often it was told."""
    times = {m: messages.count(m) for m in dict.fromkeys(messages)}
    return [m if n == 1 else f"{m} ({n} times)" for m, n in times.items()]
