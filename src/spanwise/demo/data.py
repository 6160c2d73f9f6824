"""The dataset of the demo: real sea-surface temperatures, interpolated in space, extended in time.

The record is OSTIA's monthly sea-surface temperature of the equatorial belt, 5°S to 5°N, April
2006 to September 2010, on 18 × 432 points (Donlon et al., 2012, *Remote Sensing of Environment*
116, 140–158), as the package ``iris-sample-data`` carries it. It is taken apart into

- the annual cycle: the mean of each calendar month;
- the six leading empirical orthogonal functions of the anomalies (the first one is El Niño's),
  whose amplitudes become red noise: first-order autoregressive, AR(1), with the lag-one
  correlation and the variance of the record's own principal components;
- the rest: at each point noise of the record's own variance, smoothed in space by a Gaussian of
  0.9 source cells, and AR(1) in time as well.

These three, summed, are interpolated bilinearly to the grid asked for. Before that, land takes the
value of the nearest sea point, so that the sea near a coast is sea; a point is land where the
interpolated share of sea is under one half, and land is NaN.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, OutputExistsError
from ..files import new_store, to_zarr

if TYPE_CHECKING:
    import xarray as xr

RECIPE = 1
"""Version of the recipe: another number is another dataset."""
MODES = 6
"""Empirical orthogonal functions kept; the seventh has a lag-one correlation under 0.6."""
NOISE_WIDTH = 0.9
"""Standard deviation, in source cells, of the Gaussian that smooths the remaining noise."""
SMALLEST = 2**18
"""Fewest bytes of a dataset that still has a resolved coast and a decade."""
REFERENCE = (2**31, 120)
"""A dataset of these bytes covers about these years; all three axes grow as the cube root."""
YEARS = (10, 250)
"""Fewest and most years: the calendar of nanoseconds begins in 1678."""
LAST_YEAR = 2010
"""Last year of the record, and of every dataset."""
LARGEST_CHUNK = 24 * 2**20
"""A chunk is the whole belt over one year, or over a part of a year where that is larger."""
EDGES = (-5.0 - 5 / 18, 5.0 - 5 / 18)
"""Southern and northern edge of the belt in degrees (the record's cells are 10°/18 high)."""


@dataclass(frozen=True, slots=True)
class Grid:
    """What the dataset covers."""

    latitude: int
    """Points from south to north."""
    longitude: int
    """Points around the equator; 36 times as many, so that cells are square."""
    years: int
    """Calendar years, each of twelve months."""
    chunk: int
    """Months of one chunk."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Months, latitudes, longitudes."""
        return 12 * self.years, self.latitude, self.longitude

    @property
    def nbytes(self) -> int:
        """Bytes of the dataset in float32."""
        return 4 * math.prod(self.shape)

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Time (first of each month), latitude and longitude (centres of cells, degrees)."""
        start = np.datetime64(f"{LAST_YEAR + 1 - self.years}-01", "M")
        time = (start + np.arange(12 * self.years)).astype("datetime64[ns]")
        south, north = EDGES
        latitude = south + (np.arange(self.latitude) + 0.5) * (north - south) / self.latitude
        longitude = np.arange(self.longitude) * 360 / self.longitude
        return time, latitude, longitude


def grid_for(size: int) -> Grid:
    """The grid whose float32 dataset has about ``size`` bytes.

    Examples
    --------
    >>> grid_for(2 * 2**30)
    Grid(latitude=100, longitude=3600, years=124, chunk=12)
    """
    from scipy.fft import prev_fast_len

    if size < SMALLEST:
        raise ArgumentError(f"size={size} bytes is too small a dataset; ask for 256KiB at least")
    nbytes, years = REFERENCE
    years = min(max(round(years * (size / nbytes) ** (1 / 3)), YEARS[0]), YEARS[1])
    rows = max(2, math.isqrt(size // (48 * years) // 36))
    latitude: Any = prev_fast_len(rows, real=True)
    year_bytes = 48 * 36 * latitude**2
    years = min(max(size // year_bytes, 2), YEARS[1])
    chunk = next((n for n in (12, 6, 4, 3, 2) if n * year_bytes // 12 <= LARGEST_CHUNK), 1)
    return Grid(latitude, 36 * latitude, years, chunk)


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """The real record, taken apart; land holds the values of the nearest sea."""

    latitude: np.ndarray
    """Degrees, (18,)."""
    longitude: np.ndarray
    """Degrees, (432,)."""
    sea: np.ndarray
    """1 at sea, 0 on land, (18, 432)."""
    cycle: np.ndarray
    """Mean of each calendar month in kelvin, (12, 18, 432)."""
    patterns: np.ndarray
    """Empirical orthogonal functions times the standard deviation of their amplitude in kelvin."""
    spread: np.ndarray
    """Standard deviation of what the patterns leave, in kelvin, (18, 432)."""
    memory: np.ndarray
    """Lag-one correlation of the amplitude of each pattern, and of the rest, (7,)."""


@lru_cache(maxsize=1)
def record() -> Record:
    """Read the sample and take it apart."""
    sst = _read_sample()
    values = sst.values.astype(np.float64)
    land = np.asarray(np.isnan(values).any(axis=0))
    nearest = _nearest_sea(land)
    values = values[:, nearest[0], nearest[1]]
    month = sst["time"].dt.month.values - 1
    cycle = np.stack([values[month == m].mean(axis=0) for m in range(12)])
    anomaly = values - cycle[month]
    # The patterns are those of the sea; at land points they follow from the filled anomalies.
    amplitude, _, _ = np.linalg.svd(anomaly[:, ~land], full_matrices=False)
    amplitude = amplitude[:, :MODES]
    patterns = np.einsum("tk,tyx->kyx", amplitude, anomaly)
    rest = anomaly - np.einsum("tk,kyx->tyx", amplitude, patterns)
    memory = [_lag_one(amplitude[:, k]) for k in range(MODES)] + [_lag_one(rest[:, ~land])]
    return Record(
        latitude=sst["latitude"].values.astype(np.float64),
        longitude=sst["longitude"].values.astype(np.float64),
        sea=np.asarray(~land, np.float32),
        cycle=cycle,
        patterns=patterns / math.sqrt(len(values)),
        spread=rest.std(axis=0),
        memory=np.array(memory),
    )


def _read_sample() -> xr.DataArray:
    """The variable of the sample file."""
    import iris_sample_data
    import xarray as xr

    file = Path(iris_sample_data.path) / "ostia_monthly.nc"
    with xr.open_dataset(file) as dataset:
        return dataset["surface_temperature"].load()


def _nearest_sea(land: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the nearest sea point of each point, around the globe."""
    from scipy.ndimage import distance_transform_edt

    columns = land.shape[1]
    around = np.tile(land, (1, 3))
    cell = (10 / 18, 360 / 432)
    nearest: Any = distance_transform_edt(
        around, sampling=cell, return_distances=False, return_indices=True
    )
    rows, cols = nearest[:, :, columns : 2 * columns]
    return rows, cols % columns


def _lag_one(series: np.ndarray) -> float:
    """Correlation of a series (or of all columns together) with itself one step later."""
    return float((series[1:] * series[:-1]).sum() / (series**2).sum())


class Bilinear:
    """Interpolation from the record's grid to a grid of the same belt, around the globe."""

    def __init__(self, source: Record, latitude: np.ndarray, longitude: np.ndarray) -> None:
        rows = np.interp(latitude, source.latitude, np.arange(len(source.latitude)))
        columns = longitude / (360 / len(source.longitude))
        self.south = np.minimum(rows.astype(int), len(source.latitude) - 2)
        self.west = columns.astype(int)
        self.east = (self.west + 1) % len(source.longitude)
        self.northing = (rows - self.south).astype(np.float32)[:, None]
        self.easting = (columns - self.west).astype(np.float32)

    def __call__(self, fields: np.ndarray) -> np.ndarray:
        """Interpolate float32 fields (..., 18, 432); element by element, whatever the batch."""
        south, north = fields[..., self.south, :], fields[..., self.south + 1, :]
        rows = south + self.northing * (north - south)
        west, east = rows[..., self.west], rows[..., self.east]
        east -= west
        east *= self.easting
        west += east
        return west


def _white_noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """White noise smoothed in space and scaled back to unit variance (away from the edges)."""
    from scipy.ndimage import gaussian_filter

    noise = rng.standard_normal(shape)
    around: Any = ("reflect", "wrap")
    smooth = gaussian_filter(noise, NOISE_WIDTH, mode=around)
    offsets = np.arange(-4, 5)
    weights = np.exp(-0.5 * (offsets / NOISE_WIDTH) ** 2)
    return smooth / ((weights / weights.sum()) ** 2).sum()


def months(source: Record, seed: int) -> Iterator[np.ndarray]:
    """Endless fields (18, 432) in float32 from a January on; month by month, whatever the block."""
    rng = np.random.default_rng(seed)
    drive = np.sqrt(1 - source.memory**2)
    amplitude = rng.standard_normal(MODES)
    rest = _white_noise(rng, source.spread.shape)
    for month in itertools.count():
        field = source.cycle[month % 12] + np.tensordot(amplitude, source.patterns, axes=1)
        yield (field + source.spread * rest).astype(np.float32)
        amplitude = source.memory[:-1] * amplitude + drive[:-1] * rng.standard_normal(MODES)
        rest = source.memory[-1] * rest + drive[-1] * _white_noise(rng, rest.shape)


def components(source: Record, interpolate: Bilinear, sea: np.ndarray) -> list[dict[str, float]]:
    """Lag-one correlation and variance (K², over the sea) of each AR(1) part of the dataset."""
    rng = np.random.default_rng(RECIPE)
    samples = [source.spread * _white_noise(rng, source.spread.shape) for _ in range(32)]
    rest = np.mean([_sea_power(interpolate, field, sea) for field in samples])
    power = [_sea_power(interpolate, pattern, sea) for pattern in source.patterns] + [rest]
    return [
        {"lag_one": round(float(r), 6), "variance": round(float(v), 6)}
        for r, v in zip(source.memory, power, strict=True)
    ]


def _sea_power(interpolate: Bilinear, field: np.ndarray, sea: np.ndarray) -> float:
    """Mean square over the sea of a field of the record's grid."""
    return float(np.square(interpolate(field.astype(np.float32))[sea], dtype=np.float64).mean())


def fingerprint(grid: Grid, seed: int) -> str:
    """What decides every value of the dataset, as JSON."""
    return json.dumps({"recipe": RECIPE, "seed": seed, **asdict(grid)}, sort_keys=True)


def made_already(path: Path, grid: Grid, seed: int) -> bool:
    """Whether ``path`` holds this dataset; any other data than the demo's raises."""
    import zarr

    if not path.exists():
        return False
    try:
        mark = zarr.open_group(path, mode="r").attrs.get("spanwise_demo")
    except (OSError, ValueError, KeyError):
        mark = None
    if mark is None:
        raise OutputExistsError(
            f"{str(path)!r} exists and is not a dataset of this demo; choose another --out"
        )
    return mark == fingerprint(grid, seed)


def make_dataset(
    path: Path, grid: Grid, *, seed: int = 0, workers: int = 2, block: int | None = None
) -> bool:
    """Write the dataset as a Zarr store, unless it is there already.

    Blocks of ``block`` months (a multiple of the chunk; one chunk unless given) are interpolated
    and written by ``workers`` threads while the next ones are drawn; at most ``workers + 1`` blocks
    are in memory. The values depend on the grid and the seed alone.

    Returns
    -------
    bool
        Whether it was made (False: the matching dataset of an earlier run is used).
    """
    if made_already(path, grid, seed):
        return False
    block = block or grid.chunk
    if block % grid.chunk:
        raise ArgumentError(f"block={block} is not a multiple of the chunk of {grid.chunk} months")
    source = record()
    _, latitude, longitude = grid.axes()
    interpolate = Bilinear(source, latitude, longitude)
    sea = interpolate(source.sea) >= 0.5
    with new_store(path, overwrite=True) as partial:
        target = _empty_store(partial, grid, seed, components(source, interpolate, sea))

        def write(start: int, fields: np.ndarray) -> None:
            values = interpolate(fields)
            np.copyto(values, np.float32(np.nan), where=~sea)
            target[start : start + len(values)] = values

        _write_blocks(months(source, seed), grid.shape[0], block, write, workers)
    return True


def _write_blocks(
    fields: Iterator[np.ndarray], total: int, block: int, write: Any, workers: int
) -> None:
    """Hand blocks to threads, as many at a time as there are threads."""
    running: set[Future[None]] = set()
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, total, block):
            batch = np.stack(list(itertools.islice(fields, min(block, total - start))))
            if len(running) >= workers:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
            running.add(pool.submit(write, start, batch))
        for future in running:
            future.result()


def _empty_store(folder: Path, grid: Grid, seed: int, noise: list[dict[str, float]]) -> Any:
    """Metadata and coordinates of the dataset; returns the Zarr array to fill."""
    import dask.array as da
    import xarray as xr
    import zarr

    time, latitude, longitude = grid.axes()
    values = da.zeros(grid.shape, dtype=np.float32, chunks=(grid.chunk, -1, -1))
    dataset = xr.Dataset(
        {"sst": (("time", "latitude", "longitude"), values, _SST)},
        {
            "time": ("time", time, {"standard_name": "time", "axis": "T"}),
            "latitude": ("latitude", latitude, _degrees("latitude", "north", "Y")),
            "longitude": ("longitude", longitude, _degrees("longitude", "east", "X")),
        },
        {
            "Conventions": "CF-1.11",
            "title": "Sea-surface temperature of the equatorial belt, synthetic",
            "source": "OSTIA monthly means 2006-04 to 2010-09 (iris-sample-data), interpolated",
            "comment": "Annual cycle of the record plus red noise; not observations.",
            "red_noise": json.dumps(noise),
            "spanwise_demo": fingerprint(grid, seed),
        },
    )
    encoding: dict[str, dict[str, Any]] = {
        "sst": {"compressors": None},  # noise does not compress, and the disk outruns the codecs
        "time": {"units": "days since 1850-01-01", "calendar": "proleptic_gregorian"},
    }
    to_zarr(dataset, folder, encoding)
    return zarr.open_array(folder, path="sst", mode="r+")


_SST = {
    "standard_name": "sea_surface_temperature",
    "long_name": "sea-surface temperature",
    "units": "K",
    "cell_methods": "time: mean",
}


def _degrees(name: str, towards: str, axis: str) -> dict[str, str]:
    """Attributes of a horizontal coordinate."""
    return {"standard_name": name, "units": f"degrees_{towards}", "axis": axis}
