"""What to type where a plan exceeds the budget: found by planning it, not guessed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

from ..errors import MemoryBudgetError
from ..machine import Machine, format_bytes
from .exchange import refine
from .grid import ArraySpec
from .plan import Plan

_MOST_BLOCKS = 2**14
"""Chunks beyond which an array is not advised to be cut."""
_DOUBLINGS = 16
"""A budget is advised of at most 2^16 times the one there is."""

Planner = Callable[[ArraySpec, Machine], Plan]
"""Plans the same call for an array in other chunks, or for another budget."""


def remedies(spec: ArraySpec, axes: tuple[int, ...], machine: Machine, plan: Planner) -> str:
    """What helps a call that was refused, in order of preference.

    Parameters
    ----------
    spec : ArraySpec
        The input.
    axes : tuple of int
        Axes that the call works along, which are cut only if cutting the others does not help.
    machine : Machine
        The budget that was exceeded.
    plan : callable
        The planner.
    """

    def fits(spec: ArraySpec, machine: Machine) -> bool:
        try:
            return plan(spec, machine).peak_bytes <= machine.memory
        except MemoryBudgetError:
            return False

    cut = _smaller_chunks(spec, axes, machine, fits)
    ways = [f"cut the input into smaller chunks ({cut})"] if cut else []
    if machine.threads > 1 and fits(spec, replace(machine, threads=1)):
        ways.append(
            "give workers one thread each"
            if machine.distributed
            else "run one task at a time (dask.config.set(num_workers=1))"
        )
    memory = _larger_budget(spec, machine, fits)
    named = f'"{format_bytes(memory)}"' if memory else "..."
    ways.append(f"raise the budget (spanwise.set_options(memory={named}))")
    text = ", or ".join(ways)
    return f"{text[0].upper()}{text[1:]}"


def _smaller_chunks(
    spec: ArraySpec,
    axes: tuple[int, ...],
    machine: Machine,
    fits: Callable[[ArraySpec, Machine], bool],
) -> str | None:
    """The call that cuts the input finely enough, if there is one."""
    free = [a for a in range(spec.ndim) if a not in axes]
    for order in (free, [*free, *axes]):
        for parts in (2**i for i in itertools.count(1)):
            chunks, factor = refine(spec.chunks, order, parts)
            cut = spec.with_chunks(chunks)
            if cut.blocks > _MOST_BLOCKS:
                break
            if fits(cut, machine):
                pairs = enumerate(zip(chunks, spec.chunks, strict=True))
                sizes = {axis: max(new) for axis, (new, old) in pairs if new != old}
                return f"x.rechunk({sizes})"
            if factor < parts:
                break
    return None


def _larger_budget(
    spec: ArraySpec, machine: Machine, fits: Callable[[ArraySpec, Machine], bool]
) -> int | None:
    """A budget that would do, to a factor of two."""
    budgets = (machine.memory << i for i in range(1, _DOUBLINGS + 1))
    return next((m for m in budgets if fits(spec, replace(machine, memory=m))), None)
