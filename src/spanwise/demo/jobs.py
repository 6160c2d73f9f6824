"""The three jobs of the demo, lazily: each takes and gives labelled arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr

import spanwise.xarray  # noqa: F401  (registers the accessor)

from .. import fft

CUTOFF = 4.0
"""Wavelength in degrees (about 445 km) of which the smoothing keeps half the amplitude."""
PROVINCES = 6
"""Clusters of the annual cycle."""
_BEYOND = 0.8
"""Rows added to the belt, in cutoffs, so that its northern edge does not meet its southern one."""


def climatology(sst: xr.DataArray) -> xr.DataArray:
    """Mean of each calendar month, (month, latitude, longitude), in one bounded pass.

    The series begins with a January, covers whole years, and its chunks divide the year, so every
    chunk adds to one part of the year, pairwise in a tree. (``groupby("time.month").mean()`` is
    the same, but takes twelve slices of each chunk, which keeps all chunks in memory.)
    """
    months = sst.chunksizes["time"][0]
    years = sst.sizes["time"] // 12
    parts = 12 // months
    sums = [_sum_of_chunks(sst.data.blocks[part::parts], months) for part in range(parts)]
    data = sums[0]
    if parts > 1:
        import dask.array as da

        data = da.concatenate(sums).rechunk({0: 12})
    coords: dict[str, Any] = {"month": ("month", np.arange(1, 13), {"long_name": "calendar month"})}
    coords |= {name: sst[name] for name in ("latitude", "longitude")}
    mean = xr.DataArray(data / np.float32(years), coords, ("month", *sst.dims[1:]), sst.name)
    return mean.assign_attrs(sst.attrs, cell_methods="time: mean over years")


def chunk_bytes(array: xr.DataArray) -> int:
    """Bytes of the largest chunk."""
    return math.prod(max(chunks) for chunks in array.chunks or ()) * array.dtype.itemsize


def climatology_peak(sst: xr.DataArray, threads: int) -> int:
    """Bytes that `climatology` holds, which is built of Dask's own layers.

    Each task holds four chunks (as read, as decoded, by years and summed), and the tree one sum on
    each of its levels and one for each task beside.
    """
    year = chunk_bytes(sst) * (12 // sst.chunksizes["time"][0])
    years = sst.sizes["time"] // 12
    levels = math.ceil(math.log2(max(years, 2)))
    return 4 * threads * chunk_bytes(sst) + (levels + threads + 1) * year


def _sum_of_chunks(data: Any, months: int) -> Any:
    """Sum of the chunks of a Dask array along time, two at a time."""
    years = data.reshape(-1, months, *data.shape[1:])
    return years.sum(axis=0, split_every=2)


def sea_mask(climatology: xr.DataArray) -> xr.DataArray:
    """Where there is water, in memory."""
    return climatology.isel(month=0, drop=True).notnull().compute()


def smooth_anomalies(
    sst: xr.DataArray, climatology: xr.DataArray, sea: xr.DataArray
) -> xr.DataArray:
    """Departures from the climatology, smoothed in space by a Gaussian low pass.

    Forward transform over latitude and longitude, times the response, and back. Land (and what
    lies beyond the belt) counts as 0 with weight 0: the result is divided by the smoothed mask,
    which makes it a weighted mean of sea points everywhere (normalised convolution; Knutsson and
    Westin, 1993), and land is NaN again.
    """
    rows, columns = sea.shape
    height = abs(float(sst["latitude"][1] - sst["latitude"][0]))
    width = abs(float(sst["longitude"][1] - sst["longitude"][0]))
    padded = _padded(rows, height)
    response = _response(padded, columns, height, width)
    weight = _low_pass(sea.values.astype(np.float32), response, padded)[:rows]
    weight = np.where(sea.values, weight, np.float32(np.nan))

    anomalies = sst.data.map_blocks(
        _anomalies_or_zero, climatology.data, dtype=sst.dtype, meta=sst.data._meta
    )
    smooth = _low_pass(anomalies, response, padded)
    smooth = smooth.map_blocks(
        _cropped_mean, weight[None], chunks=sst.chunks, dtype=sst.dtype, meta=sst.data._meta
    )
    attrs = {
        "long_name": "sea-surface temperature anomaly, smoothed",
        "units": "K",
        "comment": f"Gaussian low pass, half amplitude at a wavelength of {CUTOFF:g} degrees",
    }
    return sst.copy(data=smooth).rename("anomaly").assign_attrs(attrs).drop_attrs(deep=False)


def _anomalies_or_zero(
    block: np.ndarray, climatology: np.ndarray, block_info: Any = None
) -> np.ndarray:
    """Departures of a block of months from the climatology; 0 on land."""
    start = block_info[0]["array-location"][0][0] if block_info else 0
    months = (start + np.arange(len(block))) % 12
    anomalies = block - climatology[months]
    np.copyto(anomalies, np.float32(0), where=np.isnan(anomalies))
    return anomalies


def _cropped_mean(block: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The rows of the belt, divided by the weight of the sea; NaN on land, where that is NaN."""
    return block[:, : weight.shape[1]] / weight


def _padded(rows: int, height: float) -> int:
    """Rows with the empty ones beyond the belt, a number that transforms quickly."""
    from scipy.fft import next_fast_len

    fast: Any = next_fast_len(rows + round(_BEYOND * CUTOFF / height), real=True)
    return int(fast)


def _response(rows: int, columns: int, height: float, width: float) -> np.ndarray:
    """Gaussian of the wavenumber (cycles per degree) that is one half at the cutoff."""
    northward = fft.fftfreq(rows, height)[:, None]
    eastward = fft.rfftfreq(columns, width)
    squared = (northward**2 + eastward**2) * CUTOFF**2
    return np.exp2(-squared).astype(np.float32)


def _low_pass(x: Any, response: np.ndarray, rows: int) -> Any:
    """Forward over latitude and longitude, times the response, and back; rows are padded."""
    shape, axes = (rows, x.shape[-1]), (-2, -1)
    return fft.irfftn(fft.rfftn(x, s=shape, axes=axes) * response, s=shape, axes=axes)


def sea_spectrum(sst: xr.DataArray, climatology: xr.DataArray, sea: xr.DataArray) -> xr.DataArray:
    """Power density along time over cycles per year, averaged over the area of the sea.

    The mean over all years is taken away first; land is 0 and has no weight. Months count as
    twelfths of a year.
    """
    mean = climatology.mean("month").compute()
    years = np.arange(sst.sizes["time"]) / 12
    departures = (sst - mean).fillna(0).assign_coords(time=("time", years, {"units": "year"}))
    departures.attrs = {"units": "K", "long_name": "sea-surface temperature"}
    power = departures.spanwise.signal.power_spectrum(dim="time", real_dim="time")

    area = np.cos(np.deg2rad(sst["latitude"].values))[:, None] * sea.values
    weight = (area / area.sum()).astype(sst.dtype)[None]
    blocks = power.data.map_blocks(
        _weighted_sum,
        weight,
        chunks=(power.chunks[0], *((1,) * n for n in power.data.numblocks[1:])),
        dtype=sst.dtype,
        meta=power.data._meta,
    )
    mean_power = power.isel(latitude=0, longitude=0, drop=True).copy(data=blocks.sum(axis=(1, 2)))
    return mean_power.rename("power").assign_attrs(long_name="power density, mean over the sea")


def _weighted_sum(block: np.ndarray, weight: np.ndarray, block_info: Any = None) -> np.ndarray:
    """Sum over a block's points, by their weight in the whole grid, (frequency, 1, 1).

    The block looks up its own weights: as a second chunked operand they would be tasks of their
    own, which the scheduler may put off while blocks pile up.
    """
    if block_info:
        (south, north), (west, east) = block_info[0]["array-location"][1:]
        weight = weight[:, south:north, west:east]
    return np.einsum("fyx,gyx->f", block, weight)[:, None, None]


def provinces(climatology: xr.DataArray, seed: int) -> xr.Dataset:
    """Clusters of grid points by their annual cycle (computes)."""
    cycle = climatology - climatology.mean("month")
    return cycle.spanwise.cluster.kmeans(PROVINCES, feature_dim="month", random_state=seed)
