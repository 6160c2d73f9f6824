"""El Niño in 147 years of air pressure: averages over segments of a record cut into chunks.

The Southern Oscillation Index compares the air pressure of Tahiti with that of Darwin. Its spectrum
has no line: El Niño comes every two to seven years, never on time. One transform of the whole
record scatters so much that nothing is seen; of Welch's average over segments of 24 years, which
overlap, a broad peak stands out. Coherence with the temperature of the eastern Pacific (NINO3)
shows that air and ocean swing together at these periods, and no longer within a year.

The year itself is a line: one harmonic of the temperature of the equatorial ocean tells in which
month each place is warmest, without a transform of all frequencies.

Segments reach across the ends of chunks, and no chunk is made whole: each adds up its segments and
reads what reaches into the next one.

Data: the index from 1866 to 2012 (Trenberth, 1984, Mon. Wea. Rev. 112, 326-332) and OSTIA's
temperatures (Donlon et al., 2012) from the package ``iris-sample-data``, and seasonal means of
NINO3 since 1950 from the package ``pywavelets``.

    python examples/long_record.py
"""

from __future__ import annotations

import argparse
import calendar
from pathlib import Path

import iris_sample_data
import numpy as np
import pywt.data
import xarray as xr

import spanwise.xarray  # noqa: F401  (gives arrays the accessor .spanwise)

STRIDES = {"full": 1, "toy": 6}
"""Every how many longitudes of the map are taken."""
YEARS = 24
"""Length of a segment of the index."""
MONTHS = calendar.month_name[1:]


def southern_oscillation() -> xr.DataArray:
    """The index by month, in chunks of ten years; the coordinate counts years."""
    index = xr.open_dataset(Path(iris_sample_data.path) / "SOI_Darwin.nc")["SOI_Darwin"]
    index = index.sel(time=slice("2012")).astype("float64")
    years = 1866 + (np.arange(index.size) + 0.5) / 12
    index = index.assign_coords(time=("time", years, {"units": "year"}))
    index.attrs = {"units": "1", "long_name": "Southern Oscillation"}
    return index.rename("soi").chunk(time=120)


def nino3() -> xr.DataArray:
    """Seasonal anomalies of the temperature of the eastern equatorial Pacific, standardised."""
    years, values = pywt.data.nino()
    attrs = {"units": "1", "long_name": "NINO3"}
    time = ("time", years + 0.125, {"units": "year"})
    return xr.DataArray(values, {"time": time}, ("time",), "nino3", attrs)


def temperature(stride: int) -> xr.DataArray:
    """Temperature of the equatorial ocean in three years from January, in chunks of ten months."""
    sst = xr.open_dataset(Path(iris_sample_data.path) / "ostia_monthly.nc")["surface_temperature"]
    sst = sst.sel(time=slice("2007", "2009")).isel(longitude=slice(None, None, stride))
    sst = sst.drop_vars(("forecast_period", "forecast_reference_time"))
    month = ("time", np.arange(sst.sizes["time"]), {"units": "month"})
    return sst.assign_coords(time=month).chunk(time=10)


def draw(power: xr.DataArray, coherence: xr.DataArray, peak: xr.DataArray, out: Path) -> None:
    """The spectrum, the coherence, and the map of the warmest month."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7.6), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.7, 1))
    left, right = top.subplots(1, 2)
    power.spanwise.plot.loglog_spectrum(left)
    left.set_title("147 years of the Southern Oscillation")
    coherence.spanwise.plot.coherence(right)
    right.set_title("air and ocean swing together")
    ax = bottom.subplots()
    # From 20°E, so that no ocean is cut in two
    east = peak.roll(longitude=-int((peak.longitude < 20).sum()), roll_coords=True)
    x = east.longitude.values + 360 * (east.longitude.values < 20)
    ax.set_facecolor("lightgrey")
    months = colormaps["hsv"].resampled(12)
    shown = ax.pcolormesh(x, east.latitude, east, cmap=months, vmin=-0.5, vmax=11.5, alpha=0.75)
    ax.set_xticks([60, 120, 180, 240, 300, 360], ["60°E", "120°E", "180°", "120°W", "60°W", "0°"])
    ax.set_yticks([-4, 0, 4], ["4°S", "0°", "4°N"])
    ax.set_title("warmest month (grey: land, or a yearly cycle below 0.3 K)")
    bar = bottom.colorbar(shown, ax=ax, ticks=range(12))
    bar.ax.set_yticklabels([name[:3] for name in MONTHS])
    figure.savefig(out, dpi=150)


def main(argv: list[str] | None = None) -> None:
    """Average, say what came out, and draw it."""
    parser = argparse.ArgumentParser(description="Welch's averages and harmonics of long records.")
    parser.add_argument("--size", choices=STRIDES, default="full")
    parser.add_argument("--out", type=Path, default=Path("long_record.png"))
    options = parser.parse_args(argv)

    soi = southern_oscillation()
    power = soi.spanwise.signal.welch("time", nperseg=12 * YEARS)
    print(power.spanwise.explain())
    power = power.compute()
    print(f"the index is strongest at {1 / float(power.idxmax()):.1f} years")

    ocean = nino3()
    seasons = soi.coarsen(time=3).mean().chunk(time=40)
    seasons = seasons.sel(time=slice(ocean.time[0] - 0.01, None))
    ocean = ocean.isel(time=slice(seasons.sizes["time"])).assign_coords(time=seasons.time)
    ocean.time.attrs = seasons.time.attrs = {"units": "year"}
    together = seasons.spanwise.signal.coherence(ocean, "time", nperseg=48).compute()
    slow, fast = (float(together.sel(freq_time=slice(*f)).mean()) for f in ((0.2, 0.5), (1, 2)))
    print(f"squared coherence: {slow:.2f} at two to five years, {fast:.2f} within a year")

    sst = temperature(STRIDES[options.size])
    land = sst.isel(time=0, drop=True).isnull().compute()
    year = sst.spanwise.signal.harmonics([1 / 12], "time", fill=0.0).isel(freq_time=0).compute()
    # The wave A cos(2 pi t / 12 + p) is greatest where t = -12 p / (2 pi).
    month = (-6 / np.pi * xr.apply_ufunc(np.angle, year)) % 12
    peak = (month.round() % 12).where(~land & (abs(year) > 0.3))
    atlantic = peak.sel(latitude=slice(-5, 0), longitude=slice(345, 355))
    print(f"the Atlantic south of the equator is warmest in {MONTHS[int(atlantic.median())]}")
    draw(power, together, peak, options.out)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
