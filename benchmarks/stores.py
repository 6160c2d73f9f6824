"""Arrays on the disk, and sides that read or write them in processes of their own."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .timing import PeakMemory, threads

GIB = 2**30
Side = Callable[[Path, str], float]
"""From a folder and a budget to the seconds that are compared."""


def create(path: Path, shape: tuple[int, ...], chunks: tuple[int, ...], dtype: np.dtype) -> Any:
    """An uncompressed array; chunks that are written are stored, whatever they hold."""
    import zarr

    return zarr.create_array(
        str(path),
        shape=shape,
        chunks=chunks,
        dtype=dtype,
        compressors=None,
        filters=None,
        config={"write_empty_chunks": True},
    )


def flush(folder: Path) -> None:
    """Wait until the files of a folder are on the disk; then drop them from the page cache."""
    for path in folder.rglob("*"):
        if path.is_dir():
            continue
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def run_apart(module: str, side: str, folder: Path, budget: str) -> dict[str, float]:
    """Run a side of a module in a fresh process: its seconds, its peak and what it held before."""
    command = [sys.executable, "-m", module, side, str(folder), budget]
    root = Path(__file__).parents[1]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{result.stderr}")
    return json.loads(result.stdout)


def main(sides: Mapping[str, Side], modules: Iterable[str], argv: list[str] | None = None) -> None:
    """Entry of the fresh process: print time and peak of one side as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("side", choices=sides)
    parser.add_argument("folder", type=Path)
    parser.add_argument("budget")
    options = parser.parse_args(argv)
    for module in modules:  # what is imported is no result
        importlib.import_module(module)
    with threads(), PeakMemory() as memory:
        seconds = sides[options.side](options.folder, options.budget)
    print(json.dumps({"seconds": seconds, "peak": memory.peak, "before": memory.before}))
