"""Checkpoints of a fit: one file of arrays, written whole after each sweep, or not at all."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..kernels.exact import Grid
from ._fit import Ask, Progress, Track
from ._lloyd import Frame, State
from ._start import Sample

_FORMAT = 1


class Saved:
    """The checkpoint of one fit; without a path nothing is kept."""

    def __init__(self, path: Path | None, fingerprint: dict[str, Any]) -> None:
        self.path = path
        self.fingerprint = {"format": _FORMAT, **fingerprint}

    def resume(self, ask: Ask) -> tuple[Progress | None, Ask]:
        """What the fit had found when it was interrupted, and the seed that it had."""
        header, arrays = self.read_arrays()
        if header is None:
            return None, ask
        return _progress_of(header, arrays), replace(ask, seed=header["seed"])

    def write(self, progress: Progress, ask: Ask) -> None:
        """Put what is known in the place of what was."""
        if self.path is not None:
            header, arrays = _arrays_of(progress)
            self.write_arrays({**header, "seed": ask.seed}, arrays)

    def read_arrays(self) -> tuple[dict[str, Any] | None, Mapping[str, np.ndarray]]:
        """Header and arrays of this very fit; None where there are none yet."""
        if self.path is None or not self.path.exists():
            return None, {}
        header, arrays = _read(self.path)
        written = header.get("fit")
        if written != self.fingerprint:
            raise ArgumentError(
                f"checkpoint={str(self.path)!r} is of another fit "
                f"({_difference(written, self.fingerprint)}); give another path, or delete the file"
            )
        return header, arrays

    def write_arrays(self, header: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Replace the file in one step."""
        if self.path is None:
            return
        texts = {"header": np.array(json.dumps({**header, "fit": self.fingerprint}))}
        handle, name = tempfile.mkstemp(prefix=f".{self.path.name}-", dir=self.path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, allow_pickle=False, **texts, **arrays)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


@contextmanager
def opened(path: Any, fingerprint: dict[str, Any]) -> Iterator[Saved]:
    """The checkpoint at a path, whose folder has to exist."""
    if path is None:
        yield Saved(None, fingerprint)
        return
    path = Path(path)
    if path.is_dir() or not path.parent.is_dir():
        raise ArgumentError(
            f"checkpoint={str(path)!r}: expected the path of a file in a folder that exists"
        )
    yield Saved(path, fingerprint)


def _read(path: Path) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return json.loads(str(arrays.pop("header"))), arrays
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ArgumentError(
            f"checkpoint={str(path)!r} is no checkpoint of a fit ({error}); give another path, or "
            "delete the file"
        ) from error


def _difference(written: Any, wanted: dict[str, Any]) -> str:
    if not isinstance(written, dict):
        return "it does not say of which"
    names = [n for n in wanted if written.get(n) != wanted[n]]
    return ", ".join(f"{n}={written.get(n)!r} there, {wanted[n]!r} here" for n in names)


def _arrays_of(progress: Progress) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    grid = progress.frame.grid
    arrays = {"shift": progress.frame.shift, "units": grid.units}
    sample = progress.sample
    if sample is not None:
        arrays["sample"] = sample.rows
        if sample.weights is not None:
            arrays["sample_weights"] = sample.weights
    tracks = []
    for i, track in enumerate(progress.tracks):
        state = track.state
        for j, centers in enumerate(track.sets):
            arrays[f"centers_{i}_{j}"] = centers
        for name in ("weights", "distances"):
            if getattr(track, name) is not None:
                arrays[f"{name}_{i}"] = getattr(track, name)
        tracks.append(
            {
                "sets": len(track.sets),
                "iteration": state.iteration,
                "occupied": state.occupied,
                "numbers": [x.hex() for x in (state.moved, state.inertia, state.gain)],
                "ending": track.ending,
                "done": track.done,
            }
        )
    header = {
        "bits": grid.bits,
        "fine": grid.fine,
        "weight": None if grid.weight is None else grid.weight.hex(),
        "sweeps": progress.sweeps,
        "numbers": [float(x).hex() for x in (progress.moment, progress.variance)],
        "each": (1.0 if sample is None else sample.each).hex(),
        "tracks": tracks,
    }
    return header, arrays


def _progress_of(header: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> Progress:
    weight = header["weight"]
    grid = Grid(
        arrays["units"],
        header["bits"],
        None if weight is None else float.fromhex(weight),
        header["fine"],
    )
    moment, variance = (float.fromhex(x) for x in header["numbers"])
    sample = None
    if "sample" in arrays:
        sample = Sample(
            arrays["sample"], arrays.get("sample_weights"), float.fromhex(header["each"])
        )
    tracks = tuple(_track_of(i, t, arrays) for i, t in enumerate(header["tracks"]))
    return Progress(
        Frame(arrays["shift"], grid), tracks, header["sweeps"], moment, variance, sample
    )


def _track_of(i: int, header: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> Track:
    centers, *rivals = (arrays[f"centers_{i}_{j}"] for j in range(header["sets"]))
    moved, inertia, gain = (float.fromhex(x) for x in header["numbers"])
    state = State(centers, header["iteration"], moved, inertia, gain, header["occupied"])
    return Track(
        state,
        tuple(rivals),
        header["ending"],
        header["done"],
        arrays.get(f"weights_{i}"),
        arrays.get(f"distances_{i}"),
    )
