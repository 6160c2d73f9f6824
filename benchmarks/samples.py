"""The samples that k-means is given: drawn ones and real ones, all in float32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Samples:
    """What is clustered."""

    memory: np.ndarray
    """Samples by features."""
    clusters: int
    """Centres to look for."""
    chunked: Any = None
    """The same as a Dask array in chunks of samples, where chunks are asked for."""
    source: Any = None
    """Counter of the reads of each chunk, where they are counted."""
    fit_seed: int = 0
    """Of the fit, not of the data."""

    @property
    def rows(self) -> Any:
        """What our side is given: the chunked array if there is one."""
        return self.memory if self.chunked is None else self.chunked


def blobs(rng: np.random.Generator, *, k: int, n: int, d: int, spread: float) -> np.ndarray:
    """Overlapping Gaussian blobs of unequal size and width 1; centres deviate by ``spread``."""
    centres = spread * rng.standard_normal((k, d), dtype=np.float32)
    blob = rng.choice(k, size=n, p=rng.dirichlet(np.full(k, 3.0)))
    out = rng.standard_normal((n, d), dtype=np.float32)
    out += centres[blob]
    return out


def grid(rng: np.random.Generator, *, k: int, n: int, side: int) -> np.ndarray:
    """Gaussian blobs around the points of a square grid, as in BIRCH's first data set."""
    del k
    step = np.float32(4 * np.sqrt(2))  # of a standard deviation, as there
    out = rng.standard_normal((n, 2), dtype=np.float32)
    out += step * rng.integers(0, side, (n, 2)).astype(np.float32)
    return out


def uniform(rng: np.random.Generator, *, k: int, n: int, d: int) -> np.ndarray:
    """A unit cube: no clusters at all."""
    del k
    return rng.random((n, d), dtype=np.float32)


def lognormal(rng: np.random.Generator, *, k: int, n: int, d: int) -> np.ndarray:
    """Heavy tails: a few samples are far away."""
    del k
    return np.exp(rng.standard_normal((n, d), dtype=np.float32))


def photograph(rng: np.random.Generator, *, k: int, step: int) -> np.ndarray:
    """Colours of the pixels of scikit-learn's picture of a temple, every so many lines."""
    from sklearn.datasets import load_sample_image

    del rng, k
    picture = load_sample_image("china.jpg")[::step, ::step]
    return np.ascontiguousarray(picture.reshape(-1, 3), dtype=np.float32) / np.float32(255)


def sea_temperatures(rng: np.random.Generator, *, k: int, step: int) -> np.ndarray:
    """Monthly sea-surface temperatures in kelvin: points at sea by months (OSTIA, 2006 to 2010)."""
    del rng, k
    months = _field("ostia_monthly.nc", "surface_temperature")[:, :, ::step]
    points = months.reshape(len(months), -1).T
    return np.ascontiguousarray(points[np.isfinite(points).all(axis=1)])


def air_temperatures(rng: np.random.Generator, *, k: int, step: int) -> np.ndarray:
    """Yearly air temperatures in kelvin over North America: a decade at a point by its years.

    Two scenarios (E1 and A1B) after each other, in each decade after decade, as files come.
    """
    del rng, k
    scenarios = [_field(f"{name}_north_america.nc", "air_temperature") for name in ("E1", "A1B")]
    decades = np.concatenate([s[:, ::step, ::step].reshape(24, 10, -1) for s in scenarios])
    return np.ascontiguousarray(decades.swapaxes(1, 2).reshape(-1, 10), dtype=np.float32)


def _field(file: str, variable: str) -> np.ndarray:
    import iris_sample_data
    import xarray as xr

    path = Path(iris_sample_data.path) / file
    with xr.open_dataset(path, decode_times=False) as dataset:
        return dataset[variable].values


KINDS: dict[str, Callable[..., np.ndarray]] = {
    "blobs": blobs,
    "grid": grid,
    "uniform": uniform,
    "lognormal": lognormal,
    "photograph": photograph,
    "sea temperatures": sea_temperatures,
    "air temperatures": air_temperatures,
}


def make_samples(
    *,
    k: int,
    kind: str = "blobs",
    chunk: int | None = None,
    counted: bool = False,
    seed: int,
    **how: Any,
) -> Samples:
    """Draw or read samples; in chunks of so many of them, whose reads may be counted."""
    memory = KINDS[kind](np.random.default_rng(seed), k=k, **how)
    if chunk is None:
        return Samples(memory, k)
    chunks = (chunk, memory.shape[1])
    if counted:
        from spanwise.testing import CountingSource

        source = CountingSource(memory, chunks=chunks)
        return Samples(memory, k, source.array, source)
    import dask.array as da

    told = "-".join(str(value) for value in how.values())
    name = f"samples-{kind}-{seed}-{k}-{chunk}-{told}"
    return Samples(memory, k, da.from_array(memory, chunks=chunks, name=name))
