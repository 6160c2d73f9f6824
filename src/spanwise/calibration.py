"""Measures how fast this machine is: what plans are priced with and FFT engines chosen by."""

from __future__ import annotations

import functools
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import rates as rates_file
from .kernels.engines import engines, is_installed, resolve_engine
from .kernels.fft import fft, flops
from .measures import RateTable
from .options import get_options
from .probing import device_libraries, measure_kernels, measure_workers
from .rates import EngineRate, Rates

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLANE = 512
"""Points of either axis of the transforms that are measured."""
_BYTES = 2**24
"""Size of the blocks that are measured, of one task."""
_SECONDS = 0.3
"""Time that each measurement repeats for."""
_DTYPES = ("complex64", "complex128", "float32", "float64")


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured."""

    machine: Rates | None
    """FFT engines, memory and temporary store of this machine; None where workers were measured."""
    table: RateTable
    """Kernels and copies on each kind of device."""


def calibrate(*, save: bool = True, client: Any = None, device: str | None = None) -> Calibration:
    """Measure the speed of this machine's kernels, memory, device and temporary store.

    Takes 10 to 20 seconds, and half as many more for a device, whose kernels CuPy compiles the
    first time. It wants the machine for itself: all cores are kept busy, as tasks keep them. From
    then on plans on this machine are priced by `explain`, the option ``fft_kernel`` defaults to the
    fastest kernel, and ``placement("cost")`` knows what moves of work to a device are worth.
    Kernels that have no measurement of their own are estimated from others; `explain` says so.

    Parameters
    ----------
    save : bool
        Whether to keep the rates for this user, in the file that :func:`spanwise.rates.path` names:
        ``rates.json`` in the folder ``spanwise`` of the user's configuration, or the path in the
        environment variable ``SPANWISE_RATES``. What was known of the same devices is replaced.
    client : distributed.Client, optional
        Measure the workers of this client instead, one of each kind: one without a device, and
        one for each model of device. Rates are kept by model; those of the host are then the
        worker's. FFT engines and the temporary store are left as they are known.
    device : {"cupy", "hostfree"}, optional
        Array library of the device. Default: CuPy where there is a CUDA device.

    Returns
    -------
    Calibration
        Rates of FFT engines per element type, of memory and of the temporary store; and rates of
        kernels per element type, size and kind of device, with those of copies both ways.

    Raises
    ------
    ArgumentError
        For an unknown device, or one that is asked for and is not there.
    OSError
        Where the temporary store or the file of the rates cannot be written.

    Examples
    --------
    >>> import spanwise as sw
    >>> found = sw.calibrate()  # doctest: +SKIP
    >>> found.machine.fastest("complex64").engine  # doctest: +SKIP
    'scipy'
    >>> found.table.devices  # doctest: +SKIP
    ('NVIDIA H100 80GB HBM3', 'cpu')
    """
    if client is not None:
        machine, table = None, measure_workers(client, device)
    else:
        machine, table = _measure_here(device)
    if save:
        rates_file.save(machine, table)
    return Calibration(machine, table)


def _measure_here(device: str | None) -> tuple[Rates, RateTable]:
    libraries = ["numpy", *device_libraries(device)]
    tasks = os.cpu_count() or 1
    with ThreadPoolExecutor(tasks) as pool:
        write, read, folder = _store_rates(pool, tasks)
        machine = Rates(
            tuple(_engine_rates(pool, tasks)), _copy_rate(pool, tasks), write, read, folder
        )
    engines_found = {r.dtype: r.engine for t in _DTYPES if (r := machine.fastest(t)) is not None}
    table = RateTable()
    for library in libraries:
        table = table.merge(measure_kernels(library, engines_found))
    return machine, table


def _engine_rates(pool: ThreadPoolExecutor, tasks: int) -> Iterator[EngineRate]:
    installed = [name for name in engines() if is_installed(name)]
    lengths = (_PLANE, _PLANE)
    for dtype in _DTYPES:
        is_real = dtype.startswith("float")
        block = _block(dtype)
        transform = functools.partial(
            fft, block, kind="irfft" if is_real else "fft", axes=(1, 2), lengths=lengths, norm=None
        )
        works = [functools.partial(_run, transform, resolve_engine(name)) for name in installed]
        count = flops(lengths, len(block) * _PLANE**2, real=is_real)
        for name, seconds in zip(installed, _seconds(pool, tasks, *works), strict=True):
            yield EngineRate(name, dtype, count / seconds)


def _run(transform: Callable[..., Any], engine: str, _: int) -> None:
    transform(engine=engine)


def _block(dtype: str) -> np.ndarray:
    """What is transformed to ``_BYTES`` of an element type."""
    real = dtype.startswith("float")
    items = _BYTES // np.dtype(dtype).itemsize
    shape = (items // _PLANE**2, _PLANE, _PLANE // 2 + 1 if real else _PLANE)
    return np.ones(shape, np.result_type(dtype, np.complex64))


def _copy_rate(pool: ThreadPoolExecutor, tasks: int) -> float:
    sources = [np.ones(_BYTES, np.uint8) for _ in range(tasks)]
    targets = [np.ones(_BYTES, np.uint8) for _ in range(tasks)]
    (seconds,) = _seconds(pool, tasks, lambda i: np.copyto(targets[i], sources[i]))
    return _BYTES / seconds


def _store_rates(pool: ThreadPoolExecutor, tasks: int) -> tuple[float, float, str]:
    """Rates of files of the size of a chunk, in the folder of the temporary store."""
    root = str(get_options()["temporary_store"] or tempfile.gettempdir())
    if "://" in root:  # a remote store is not what a machine has
        root = tempfile.gettempdir()
    data = np.random.default_rng(0).bytes(_BYTES)
    with tempfile.TemporaryDirectory(prefix="spanwise-rates-", dir=root) as folder:
        files = [Path(folder, str(i)) for i in range(tasks)]
        (write,) = _seconds(pool, tasks, lambda i: files[i].write_bytes(data))
        (read,) = _seconds(pool, tasks, lambda i: files[i].read_bytes())
    return tasks * _BYTES / write, tasks * _BYTES / read, root


def _seconds(
    pool: ThreadPoolExecutor, tasks: int, *works: Callable[[int], Any]
) -> tuple[float, ...]:
    """For each work the time of a round in which ``tasks`` threads do it at a time.

    Works take turns, and the quickest quarter of the rounds counts, so that what else the machine
    does meanwhile is felt little and by all of them.
    """
    times: list[list[float]] = [[] for _ in works]
    end = 0.0
    while not times[0] or time.perf_counter() < end:
        for own, work in zip(times, works, strict=True):
            start = time.perf_counter()
            for _ in pool.map(work, range(tasks)):
                pass
            own.append(time.perf_counter() - start)
        if not end:  # tables and pages of the first round are not counted
            times = [[] for _ in works]
            end = time.perf_counter() + _SECONDS * len(works)
    return tuple(float(np.quantile(own, 0.25)) for own in times)
