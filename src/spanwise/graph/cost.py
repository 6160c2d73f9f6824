"""What a step will take, from what was measured of the machine."""

from __future__ import annotations

from ..machine import Machine
from ..rates import Rates
from .plan import Step

_TRANSFORMS = ("fft", "dct", "dst")
"""How the names of kernels begin whose operations are counted as 5 N log2 N."""


def seconds(step: Step, machine: Machine) -> float | None:
    """Time of a step on a machine, or None where its rates do not say.

    Transforms at the measured rate of the fastest engine on the element type given out, other
    steps as copies of what they take in and give out, each spread over the tasks that run at a
    time; then what goes through the temporary store, which all tasks share. Reading the source,
    scheduling and the network are left out.

    Examples
    --------
    >>> from spanwise.rates import EngineRate, Rates
    >>> rates = Rates((EngineRate("scipy", "complex64", 4e9),), copy=8e9, write=1e9, read=2e9)
    >>> step = Step("fft", "blockwise", tasks=8, kernel="fft", flops=16e9, dtype="complex64")
    >>> seconds(step, Machine(threads=2, memory=10**9, rates=rates))
    2.0
    """
    rates = machine.rates
    if rates is None or step.passes > 1:
        return None
    at_a_time = _at_a_time(step, machine)
    if counts_operations(step):
        rate = rates.fastest(step.dtype)
        if rate is None:
            return None
        total = step.flops / (rate.flops * at_a_time) + _moved(step, rates, at_a_time)
    elif step.flops:
        return None  # operations of another kind
    else:
        total = max(step.bytes_in, step.bytes_out) / (rates.copy * at_a_time)
    return total + _staged(step, rates)


def counts_operations(step: Step) -> bool:
    """Whether `seconds` knows the work of a step: a transform's, by its lengths.

    Of any other kernel it knows no more than that it reads and writes its blocks.
    """
    return step.kernel.startswith(_TRANSFORMS)


def moving_seconds(step: Step, machine: Machine) -> float | None:
    """Time of what a step moves from chunk to chunk, in memory and through the temporary store.

    None where nothing was measured of the machine.
    """
    if not (step.bytes_moved or step.bytes_staged):
        return 0.0
    rates = machine.rates
    if rates is None:
        return None
    return _moved(step, rates, _at_a_time(step, machine)) + _staged(step, rates)


def _moved(step: Step, rates: Rates, at_a_time: int) -> float:
    return step.bytes_moved / (rates.copy * at_a_time)


def _staged(step: Step, rates: Rates) -> float:
    return step.bytes_staged * (1 / rates.write + 1 / rates.read)


def _at_a_time(step: Step, machine: Machine) -> int:
    return max(1, min(machine.slots, step.tasks))
