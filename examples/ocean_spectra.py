"""The year of the equatorial ocean, and its half: spectra across the chunks of time.

In the equatorial Atlantic the sun's yearly course rules the temperature of the surface. Off Somalia
the monsoon stirs the water twice a year, and half a year is as strong. In the central Pacific slow
changes over several years, El Niño, are stronger than both. The share of the variance at each
period tells these oceans apart.

Data: 48 monthly means of OSTIA (Donlon et al., 2012), 5°S to 5°N, 2006 to 2010, from the package
``iris-sample-data``, in chunks of ten months as such files come: the axis of the transform is cut,
and one exchange makes it whole. Land is NaN; it is filled with a number, and taken out of the map.

    python examples/ocean_spectra.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

import dask
import iris_sample_data
import numpy as np
import xarray as xr

import spanwise.xarray  # noqa: F401  (gives arrays the accessor .spanwise)

STRIDES = {"full": 1, "toy": 6}
"""Every how many longitudes are taken."""
MONTHS = 48
"""Whole years, so that a year and its half are frequencies of the transform."""
BANDS = {"half a year": (0.16, 0.17), "a year": (0.08, 0.09), "longer than a year": (0.01, 0.07)}
"""Cycles per month."""
REGIONS = {"off Somalia": (47, 55), "central Pacific": (190, 215), "Atlantic": (340, 355)}
"""Longitudes east, between 3°S and 3°N."""


def temperature(stride: int) -> xr.DataArray:
    """Sea-surface temperature by month, in chunks of ten months."""
    file = Path(iris_sample_data.path) / "ostia_monthly.nc"
    sst = xr.open_dataset(file)["surface_temperature"]
    sst = sst.isel(time=slice(MONTHS), longitude=slice(None, None, stride))
    sst = sst.drop_vars(("forecast_period", "forecast_reference_time"))
    month = ("time", np.arange(MONTHS), {"units": "month"})
    return sst.assign_coords(time=month).chunk(time=10)


def box(power: xr.DataArray, west: float, east: float) -> xr.DataArray:
    """The mean spectrum of a box on the equator."""
    here = power.sel(latitude=slice(-3, 3), longitude=slice(west, east))
    return here.mean(("latitude", "longitude"))


def draw(shares: xr.DataArray, boxes: dict[str, xr.DataArray], out: Path) -> None:
    """A map for each period, and below the spectra of the boxes."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    figure = Figure(figsize=(11, 8), layout="constrained")
    maps, below = figure.subfigures(2, 1, height_ratios=(1.5, 1))
    axes = maps.subplots(shares.sizes["period"], 1, sharex=True)
    # From 20°E, so that no ocean is cut in two
    east = shares.roll(longitude=-int((shares.longitude < 20).sum()), roll_coords=True)
    x = east.longitude.values + 360 * (east.longitude.values < 20)
    colours = ("#D55E00", "#CC79A7", "#0072B2")
    for ax, share in zip(axes, east, strict=True):
        ax.set_facecolor("lightgrey")
        shown = ax.pcolormesh(x, share.latitude, 100 * share, cmap="YlGnBu", vmin=0, vmax=100)
        for (west, to), colour in zip(REGIONS.values(), colours, strict=True):
            how = {"fill": False, "color": colour, "linewidth": 2}
            ax.add_patch(Rectangle((west, -3), to - west, 6, **how))
        ax.set_title(share["period"].item(), loc="left")
        ax.set_yticks([-4, 0, 4], ["4°S", "0°", "4°N"])
    axes[-1].set_xticks(
        [60, 120, 180, 240, 300, 360], ["60°E", "120°E", "180°", "120°W", "60°W", "0°"]
    )
    maps.colorbar(shown, ax=list(axes), label="% of the variance")
    ax = below.subplots()
    lines = xr.concat(boxes.values(), xr.IndexVariable("box", list(boxes)))
    lines = lines.isel(freq_time=slice(1, None))
    for name, colour in zip(boxes, colours, strict=True):
        lines.sel(box=name).spanwise.plot.loglog_spectrum(
            ax, color=colour, label=name, marker="o", markersize=4, inverse=name == "Atlantic"
        )
    ax.legend(frameon=False)
    figure.savefig(out, dpi=150)


def main(argv: list[str] | None = None) -> None:
    """Transform, say what came out, and draw it."""
    parser = argparse.ArgumentParser(description="Spectra of the equatorial ocean along time.")
    parser.add_argument("--size", choices=STRIDES, default="full")
    parser.add_argument("--out", type=Path, default=Path("ocean_spectra.png"))
    options = parser.parse_args(argv)

    sst = temperature(STRIDES[options.size])
    power = sst.spanwise.signal.power_spectrum(
        dim="time", real_dim="time", detrend="linear", fill=0.0
    )
    power = power.assign_attrs(long_name="power spectral density of surface temperature")
    print(power.spanwise.explain())
    power = power.where(sst.isel(time=0, drop=True).notnull())
    parts = [power, *(power.sel(freq_time=slice(*band)) for band in BANDS.values())]
    total, *bands = (part.sum("freq_time", skipna=False) for part in parts)
    shares = xr.concat(bands, xr.IndexVariable("period", list(BANDS))) / total
    with xr.set_options(keep_attrs=True):
        boxes = [box(power, *bounds) for bounds in REGIONS.values()]
    shares, *boxes = dask.compute(shares, *boxes)
    for name, bounds in REGIONS.items():
        there = 100 * box(shares, *bounds)
        said = ", ".join(f"{float(v):.0f} % at {p}" for p, v in zip(BANDS, there, strict=True))
        print(f"{name}: {said}")
    draw(shares, dict(zip(REGIONS, boxes, strict=True)), options.out)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
