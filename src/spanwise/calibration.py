"""Measures how fast this machine is: what plans are priced with and FFT engines chosen by."""

from __future__ import annotations

import functools
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import rates as rates_file
from .kernels.engines import engines, is_installed, resolve_engine
from .kernels.fft import fft, flops
from .options import get_options
from .rates import EngineRate, Rates

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLANE = 512
"""Points of either axis of the transforms that are measured."""
_BYTES = 2**24
"""Size of the blocks that are measured, of one task."""
_SECONDS = 0.5
"""Time that each measurement repeats for."""
_DTYPES = ("complex64", "complex128", "float32", "float64")


def calibrate(*, save: bool = True) -> Rates:
    """Measure the speed of this machine's FFT kernels, memory and temporary store.

    Takes about ten seconds and wants the machine for itself: all cores are kept busy, as tasks
    keep them. From then on plans on this machine are priced by `explain` and the option
    ``fft_kernel`` defaults to the fastest kernel.

    Parameters
    ----------
    save : bool
        Whether to keep the rates for this user, in the file that :func:`spanwise.rates.path` names:
        ``rates.json`` in the folder ``spanwise`` of the user's configuration, or the path in the
        environment variable ``SPANWISE_RATES``.

    Returns
    -------
    Rates
        Of FFT kernels per element type, of copies in memory and of the temporary store.

    Raises
    ------
    OSError
        Where the temporary store or the file of the rates cannot be written.

    Examples
    --------
    >>> import spanwise as sw
    >>> rates = sw.calibrate()  # doctest: +SKIP
    >>> rates.fastest("complex64").engine  # doctest: +SKIP
    'scipy'
    """
    tasks = os.cpu_count() or 1
    with ThreadPoolExecutor(tasks) as pool:
        write, read, folder = _store_rates(pool, tasks)
        found = Rates(
            tuple(_engine_rates(pool, tasks)), _copy_rate(pool, tasks), write, read, folder
        )
    if save:
        rates_file.save(found)
    return found


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
