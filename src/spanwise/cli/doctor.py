"""What `spanwise doctor` finds out: facts of this installation, and advice where one hurts."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from ..machine import format_bytes, total_memory
from ..measures import ELEMENTWISE, TO_DEVICE, TO_HOST

if TYPE_CHECKING:
    from ..measures import RateTable
    from ..rates import Rates

_PACKAGES = (
    "spanwise",
    "numpy",
    "scipy",
    "ducc0",
    "mkl",
    "array-api-compat",
    "dask",
    "distributed",
    "xarray",
    "zarr",
    "netCDF4",
    "h5netcdf",
    "matplotlib",
    "scikit-learn",
)
_COPIED = 2**24
"""Bytes of the copies whose rates are shown."""
_OLDEST_DASK = (2026, 7, 1)
_BLAS_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_LIBRARIES: Mapping[str, str] = {
    "numpy": "served",
    "cupy": "served, on NVIDIA GPUs",
    "torch": "served as plain tensors; Dask does not take tensors as chunks",
    "jax": "served eagerly where array-api-compat knows the function",
    "array_api_strict": "served, for tests",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    name: str
    """What was looked at."""
    value: str
    """What was found."""
    advice: str = ""
    """What to do; empty where all is well."""


def examine() -> dict[str, list[Finding]]:
    """Everything, by section."""
    sections: dict[str, Callable[[], Iterator[Finding]]] = {
        "versions": versions,
        "array libraries": libraries,
        "devices": devices,
        "memory and threads": machine,
        "BLAS threads": blas,
        "allocator": allocator,
        "temporary store": temporary_store,
        "calibration": calibration,
    }
    return {title: list(section()) for title, section in sections.items()}


def report(sections: Mapping[str, list[Finding]], *, verdict: bool = True) -> str:
    """The findings as text; advice stands under its finding, and is counted at the end."""
    lines = []
    for title, findings in sections.items():
        lines.append(title)
        width = max((len(finding.name) for finding in findings), default=0)
        for finding in findings:
            lines.append(f"  {finding.name:<{width}}  {finding.value}")
            if finding.advice:
                lines.append(f"  {'':<{width}}  → {finding.advice}")
    if not verdict:
        return "\n".join(lines)
    count = sum(bool(finding.advice) for findings in sections.values() for finding in findings)
    advice = f"{count} piece{'s' if count > 1 else ''} of advice, marked →"
    return "\n".join([*lines, "", advice if count else "nothing to mend"])


def versions() -> Iterator[Finding]:
    """Python and the packages that matter."""
    yield Finding("python", f"{platform.python_version()} on {platform.platform(terse=True)}")
    for package in _PACKAGES:
        try:
            found = metadata.version(package)
        except metadata.PackageNotFoundError:
            yield Finding(package, "not installed")
            continue
        yield Finding(package, found, _dask_advice(package, found))


def _dask_advice(package: str, found: str) -> str:
    parts = tuple(int(part) for part in found.split(".")[:3] if part.isdigit())
    if package == "dask" and parts < _OLDEST_DASK:
        return 'python -m pip install "dask>=2026.7.1" "distributed>=2026.7.1"'
    if package == "distributed" and found != metadata.version("dask"):
        return "dask and distributed are released together: install the same version of both"
    return ""


def libraries() -> Iterator[Finding]:
    """Array libraries that are installed."""
    for name, service in _LIBRARIES.items():
        if importlib.util.find_spec(name) is None:
            yield Finding(name, "not installed")
        else:
            yield Finding(name, service)


def devices() -> Iterator[Finding]:
    """CUDA devices, as CuPy sees them."""
    if importlib.util.find_spec("cupy") is None:
        yield Finding("GPU", "none in use: CuPy is not installed, everything runs on the CPU")
        return
    try:
        import cupy

        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # a missing driver or library raises types of CuPy's own
        yield Finding(
            "GPU",
            f"CuPy does not work: {str(error).strip().splitlines()[0]}",
            "check nvidia-smi and that CuPy's CUDA version (cupy-cuda12x, 13x) suits the driver",
        )
        return
    for index in range(count):
        properties = cupy.cuda.runtime.getDeviceProperties(index)
        size = format_bytes(properties["totalGlobalMem"])
        yield Finding(f"GPU {index}", f"{properties['name'].decode()}, {size}")
    if not count:
        yield Finding("GPU", "none found: everything runs on the CPU")
        return
    from ..kernels.cupy.libraries import missing_libraries

    missing = missing_libraries(cupy.cuda)
    if missing:
        yield Finding("CUDA", "libraries are missing: GPUs are not used", missing)


def machine() -> Iterator[Finding]:
    """What a plan would assume of this machine."""
    import dask
    import psutil

    from ..options import machine as planned

    here = planned()
    memory = psutil.virtual_memory()
    yield Finding("memory", f"{format_bytes(total_memory())} in all")
    advice = ""
    if here.memory > memory.available:
        advice = (
            f"only {format_bytes(memory.available)} are free now: give --memory, or set "
            "DASK_SPANWISE__MEMORY"
        )
    yield Finding("budget", f"{format_bytes(here.memory)} ({here.source})", advice)
    yield Finding("threads", f"{here.threads} tasks at a time on {os.cpu_count()} cores")
    scheduler = dask.config.get("scheduler", None)
    if scheduler in ("processes", "multiprocessing"):
        yield Finding(
            "scheduler",
            str(scheduler),
            "every chunk is pickled between processes: use threads or dask.distributed",
        )
    if dask.config.get("array.query-planning", False):
        yield Finding(
            "array.query-planning", "on", "not supported: set DASK_ARRAY__QUERY_PLANNING=False"
        )


def blas() -> Iterator[Finding]:
    """Threads of BLAS under threads of Dask."""
    cores = os.cpu_count() or 1
    values = {name: os.environ.get(name) for name in _BLAS_VARIABLES}
    for name, value in values.items():
        yield Finding(name, value or "not set")
    if cores > 1 and not any(value == "1" for value in values.values()):
        yield Finding(
            "oversubscription",
            f"up to {cores} Dask tasks × {cores} BLAS threads on {cores} cores",
            "export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1",
        )


def allocator() -> Iterator[Finding]:
    """Whether freed memory goes back to the system."""
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        yield Finding("allocator", f"{sys.platform}: nothing known to hurt")
        return
    if any("jemalloc" in part or "tcmalloc" in part for part in _preloaded()):
        yield Finding("allocator", f"LD_PRELOAD={os.environ['LD_PRELOAD']}")
        return
    arenas = os.environ.get("MALLOC_ARENA_MAX")
    trim = os.environ.get("MALLOC_TRIM_THRESHOLD_")
    yield Finding(
        "MALLOC_ARENA_MAX",
        arenas or "not set",
        "" if arenas else "each thread keeps freed memory of its own: export MALLOC_ARENA_MAX=2",
    )
    # Trimmed further than this, what one task frees the next one has to ask of the system again,
    # page by page: a third more time for a transform. And a trim threshold alone makes glibc map
    # every block above 128 KiB afresh.
    yield Finding(
        "MALLOC_TRIM_THRESHOLD_",
        trim or "not set",
        ""
        if trim
        else "blocks up to 32 MiB stay with the process when freed: "
        "export MALLOC_MMAP_THRESHOLD_=16777216 MALLOC_TRIM_THRESHOLD_=33554432",
    )


def _preloaded() -> list[str]:
    return os.environ.get("LD_PRELOAD", "").split(":")


def temporary_store() -> Iterator[Finding]:
    """Where exchanges over the budget go."""
    from ..kernels.folders import LocalFolder, folder_of
    from ..options import get_options

    root = get_options()["temporary_store"] or tempfile.gettempdir()
    store = folder_of(root)
    if not isinstance(store, LocalFolder):
        yield Finding(store.url, "reached through fsspec", "")
        return
    # The folder itself is made when it is needed.
    folder = next(p for p in (store.path, *store.path.parents) if p.exists())
    free = shutil.disk_usage(folder).free
    advice = ""
    if free < total_memory():
        advice = (
            "an exchange writes the array once: set DASK_SPANWISE__TEMPORARY_STORE to a folder "
            "with more room"
        )
    elif _in_memory(str(folder)):
        advice = "this folder is kept in memory: set DASK_SPANWISE__TEMPORARY_STORE to one on disk"
    yield Finding(str(folder), f"{format_bytes(free)} free", advice)


def _in_memory(folder: str) -> bool:
    """Whether the folder lies on a file system in memory."""
    import psutil

    real = os.path.realpath(folder)
    mounts = [p for p in psutil.disk_partitions(all=True) if real.startswith(p.mountpoint)]
    if not mounts:
        return False
    return max(mounts, key=lambda p: len(p.mountpoint)).fstype in ("tmpfs", "ramfs")


def calibration() -> Iterator[Finding]:
    """What was measured of this machine."""
    from .. import rates

    found, table = rates.load(), rates.load_table()
    if found is None and not table:
        missing = f"{rates.path()} cannot be used" if rates.path().exists() else "not measured"
        yield Finding("rates", missing, "to choose the fastest FFT kernel: spanwise calibrate")
        return
    yield Finding("file", str(rates.path()))
    if found is not None:
        yield from rate_findings(found)
    yield from table_findings(table)


def rate_findings(rates: Rates) -> Iterator[Finding]:
    """The rates, a line for each element type."""
    for dtype in dict.fromkeys(rate.dtype for rate in rates.fft):
        measured = sorted(
            (rate for rate in rates.fft if rate.dtype == dtype), key=lambda rate: -rate.flops
        )
        each = ", ".join(f"{rate.engine} {rate.flops / 1e9:.1f}" for rate in measured)
        yield Finding(f"FFT to {dtype}", f"{each} Gflop/s of one task")
    yield Finding("copy in memory", f"{rates.copy / 1e9:.1f} GB/s of one task")
    yield Finding(
        "temporary store",
        f"{rates.write / 1e9:.1f} GB/s written, {rates.read / 1e9:.1f} GB/s read ({rates.folder})",
    )


def table_findings(table: RateTable) -> Iterator[Finding]:
    """What placement knows of each kind of device."""
    for device in table.devices:
        keys = table.of(device).entries
        kernels = {key.kernel for key in keys} - {TO_DEVICE, TO_HOST, ELEMENTWISE}
        there = f"{len(kernels)} kernels" if len(kernels) != 1 else "1 kernel"
        copies = [
            f"{1 / rate.mean / 1e9:.1f} GB/s {way.replace('_', ' ')}"
            for way in (TO_DEVICE, TO_HOST)
            if (rate := table.lookup(way, "", device, _COPIED)) is not None
        ]
        yield Finding(f"placement, {device}", ", ".join([there, *copies]))
