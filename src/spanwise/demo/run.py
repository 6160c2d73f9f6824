"""The demo from the first to the last line: data, plans, jobs, measurements, table, picture."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from .. import files, forecast, progress
from ..errors import ArgumentError, MissingDependencyError, OutputExistsError
from ..machine import format_bytes
from ..schedulers.explain import explain
from ..schedulers.explanation import Explanation
from . import data, figure, jobs
from .measure import Meter
from .report import as_json, table
from .workplace import Settings, workplace

Say = Callable[[str], Any]
"""Takes lines for the reader."""

_CLAIM = ".spanwise-demo"
_NINO = slice(190, 240)
"""Longitudes of the index of El Niño known as 3.4: 170°W to 120°W, 5°S to 5°N."""
CLIMATOLOGY, SMOOTH, SPECTRUM, PROVINCES = (
    "climatology",
    "smoothed anomalies",
    "spectrum along time",
    "provinces",
)


def run(settings: Settings, say: Say) -> Path:
    """Run the demo.

    Returns
    -------
    pathlib.Path
        The picture. Beside it lie the stores ``sst.zarr``, ``climatology.zarr``,
        ``smoothed.zarr``, ``spectrum.zarr`` and ``provinces.zarr``, and ``report.json``.
    """
    _check_packages()
    grid = data.grid_for(settings.size)
    _claim(settings.out)
    store = settings.out / "sst.zarr"
    _check_disk(settings, grid, store)
    with workplace(settings) as pids, Meter(pids) as meter:
        say(_introduction(settings, grid, meter))
        if data.made_already(store, grid, settings.seed):
            say(f"{store}: made by an earlier run, used again\n")
        else:
            with meter.step("dataset", grid.nbytes, _making_peak(settings, grid)):
                data.make_dataset(store, grid, seed=settings.seed, workers=settings.workers)
            say(f"{store}: made\n")
        sst = _open(store)
        plans = plan(sst)
        peaks = _planned_peaks(settings, sst, plans)
        for name, explanation in plans.items():
            reckoned = f"with the buffers of reading and writing: {format_bytes(peaks[name])}"
            say(f"{name}\n{explanation}\n\npeak      {reckoned}\n")
        pictured = _jobs(settings, sst, peaks, meter, say)
        with meter.step("picture", 0):
            picture = settings.out / "demo.png"
            figure.draw(pictured, picture)
        say(f"\n{table(meter, settings.budget)}")
    dataset = data.fingerprint(grid, settings.seed)
    (settings.out / "report.json").write_text(as_json(settings, meter, plans, dataset))
    return picture


def plan(sst: xr.DataArray) -> dict[str, Explanation]:
    """What each job will do, by its name; nothing is computed and no result is needed."""
    climatology = jobs.climatology(sst)
    known = xr.zeros_like(climatology.chunk(dict.fromkeys(climatology.dims, -1)))
    sea = xr.DataArray(np.ones(known.shape[1:], bool), known[0].drop_vars("month").coords)
    return {
        CLIMATOLOGY: explain(climatology),
        SMOOTH: explain(jobs.smooth_anomalies(sst, known, sea)),
        SPECTRUM: explain(jobs.sea_spectrum(sst, known, sea)),
        PROVINCES: forecast.explain_kmeans(known, jobs.PROVINCES, feature_dim="month"),
    }


def planned_sst(settings: Settings) -> xr.DataArray:
    """The dataset as it will be, without its values, to plan on."""
    import dask.array as da

    grid = data.grid_for(settings.size)
    values = da.zeros(grid.shape, dtype=np.float32, chunks=(grid.chunk, -1, -1))
    dims = ("time", "latitude", "longitude")
    coords = dict(zip(dims, grid.axes(), strict=True))
    return xr.DataArray(values, coords, dims, "sst", {"units": "K"})


def _planned_peaks(
    settings: Settings, sst: xr.DataArray, plans: dict[str, Explanation]
) -> dict[str, int]:
    """Peak of a process in each job: that of the plan, and two chunks per task to read or write."""
    buffers = 2 * settings.threads * jobs.chunk_bytes(sst)
    peaks = {name: plan.totals.peak_bytes + buffers for name, plan in plans.items()}
    peaks[CLIMATOLOGY] = jobs.climatology_peak(sst, settings.threads)
    return peaks


def _jobs(
    settings: Settings,
    sst: xr.DataArray,
    planned: dict[str, int],
    meter: Meter,
    say: Say,
) -> figure.Pictured:
    """The jobs one after the other, each timed, measured and written."""

    def stored(name: str, lazy: xr.DataArray | xr.Dataset, file: str) -> xr.Dataset:
        say(name)
        target = settings.out / file
        step = meter.step(name, sst.nbytes, planned[name])
        with step, files.new_store(target, overwrite=True) as partial:
            progress.compute(files.write_lazily(lazy, partial, compressed=False))
        return _open_dataset(target)

    climatology = stored(CLIMATOLOGY, jobs.climatology(sst), "climatology.zarr")["sst"]
    sea = jobs.sea_mask(climatology)
    smooth = stored(SMOOTH, jobs.smooth_anomalies(sst, climatology, sea), "smoothed.zarr")
    power = stored(SPECTRUM, jobs.sea_spectrum(sst, climatology, sea), "spectrum.zarr")
    say(PROVINCES)
    with meter.step(PROVINCES, climatology.nbytes, planned[PROVINCES]):
        found = jobs.provinces(climatology, settings.seed).load()
        with files.new_store(settings.out / "provinces.zarr", overwrite=True) as partial:
            files.write_lazily(found, partial)
    month = _strongest_month(smooth["anomaly"])
    after = smooth["anomaly"].isel(time=month).load()
    cycle = climatology.isel(month=month % 12, drop=True)
    return figure.Pictured(
        title=f"{_short(sst.nbytes)} of sea-surface temperature "
        f"through {_short(settings.memory)} of memory",
        source=f"synthetic: OSTIA's annual cycle and red noise, {_years(sst)}",
        labels=found["labels"],
        cycles=found["centroids"],
        spectrum=power["power"].load(),
        red_noise=json.loads(sst.attrs["red_noise"]),
        before=(sst.isel(time=month) - cycle).load(),
        after=after,
        cutoff=jobs.CUTOFF,
    )


def _years(sst: xr.DataArray) -> str:
    """First and last year.

    >>> import numpy as np, xarray as xr
    >>> _years(xr.DataArray([0, 0], {"time": np.array(["1999", "2004"], "M8[ns]")}, ("time",)))
    '1999–2004'
    """
    first, last = (np.datetime_as_string(t, unit="Y") for t in sst["time"].values[[0, -1]])
    return f"{first}–{last}"


def _short(nbytes: int) -> str:
    return format_bytes(nbytes).replace(".0 ", " ")


def _strongest_month(anomaly: xr.DataArray) -> int:
    """Of the last ten years, the month of the strongest El Niño or La Niña."""
    decade = anomaly.isel(time=slice(-120, None)).sel(longitude=_NINO)
    index = np.abs(decade.mean(("latitude", "longitude")).values)
    return anomaly.sizes["time"] - len(index) + int(index.argmax())


def _open_dataset(store: Path) -> xr.Dataset:
    return xr.open_dataset(store, engine="zarr", chunks={})


def _open(store: Path) -> xr.DataArray:
    """The dataset, with what it is made of among its attributes."""
    dataset = _open_dataset(store)
    return dataset["sst"].assign_attrs(red_noise=dataset.attrs["red_noise"])


def _check_packages() -> None:
    """Raise the install command if the extra is not installed."""
    for name in ("zarr", "matplotlib", "iris_sample_data", "netCDF4"):
        if importlib.util.find_spec(name) is None:
            raise MissingDependencyError(
                f'the demo needs {name}: python -m pip install "spanwise[demo]"'
            )


def _claim(out: Path) -> None:
    """Make the folder, or find it made by an earlier run: nothing else is ever written into."""
    if out.exists() and not (out / _CLAIM).exists() and any(out.iterdir()):
        raise OutputExistsError(
            f"--out {str(out)!r} holds other things than a demo; name a new folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    (out / _CLAIM).touch()


def _check_disk(settings: Settings, grid: data.Grid, store: Path) -> None:
    """Refuse to begin what the disk cannot hold: the data, the smoothed data, and an exchange."""
    copies = 2 + (not store.exists()) - (settings.out / "smoothed.zarr").exists()
    free = shutil.disk_usage(settings.out).free
    if free < copies * grid.nbytes:
        raise ArgumentError(
            f"--out {str(settings.out)!r} has {format_bytes(free)} free and the demo needs "
            f"{format_bytes(copies * grid.nbytes)}; name a folder with more room, or give a "
            "smaller --size"
        )


def _making_peak(settings: Settings, grid: data.Grid) -> int:
    """Bytes while the dataset is made: each thread interpolates one chunk and writes another."""
    return 4 * settings.workers * grid.nbytes * grid.chunk // grid.shape[0]


def _introduction(settings: Settings, grid: data.Grid, meter: Meter) -> str:
    first = data.LAST_YEAR + 1 - grid.years
    workers = f"{settings.workers} {'threads' if settings.threads > 1 else 'processes'}"
    return (
        f"dataset   {format_bytes(grid.nbytes)} of float32: {grid.shape[0]} months, "
        f"{first}–{data.LAST_YEAR}, {grid.latitude} × {grid.longitude} points\n"
        f"memory    {format_bytes(settings.memory)} for {workers}, "
        f"beside {format_bytes(meter.baseline)} of interpreter and libraries\n"
        f"output    {settings.out}"
    )
