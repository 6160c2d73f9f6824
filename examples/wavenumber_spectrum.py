"""How large are warm years? The isotropic wavenumber spectrum of temperature anomalies.

The warmth of one year lies over thousands of kilometres, its details over hundreds. The power of
the anomalies by wavenumber, whatever the direction, says how quickly the large gives way to the
small. Winds smooth the temperature of the air, so that the spectrum falls steeply; a power law
through it tells how steeply. Rings of equal wavenumber in the spectra of 240 years hold so many
values that their means are known to a few per cent.

Data: 240 annual means of surface air temperature over North America from a climate model, scenario
E1, 1860 to 2099, in chunks of twenty years. Each year's mean and slope across the map are taken
away, and a window lets the edges of the map meet. Spectra of all years are lazy until their mean is
drawn.

    python examples/wavenumber_spectrum.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

import iris_sample_data
import numpy as np
import xarray as xr

import spanwise.xarray  # noqa: F401  (gives arrays the accessor .spanwise)

STRIDES = {"full": 1, "toy": 12}
"""Every how many years are taken."""
DEGREE = 111.195
"""Kilometres of a degree of latitude."""
DIMS = ("latitude", "longitude")
FITTED = (1 / 2500, 1 / 400)
"""Wavenumbers per kilometre between the size of the map and that of a cell."""


def anomalies(stride: int) -> xr.DataArray:
    """Temperature of each year less the mean of all, on a grid in kilometres."""
    file = Path(iris_sample_data.path) / "E1_north_america.nc"
    temperature = xr.open_dataset(file)["air_temperature"].isel(time=slice(None, None, stride))
    temperature = temperature.drop_vars(("forecast_period", "forecast_reference_time", "height"))
    year = ("time", temperature["time"].dt.year.values, {"units": "year"})
    # Spectra count in one unit along both dimensions; parallels are as long as in the middle.
    middle = np.cos(np.deg2rad(temperature["latitude"].mean().item()))
    km = {
        "latitude": ("latitude", DEGREE * temperature["latitude"].values, {"units": "km"}),
        "longitude": (
            "longitude",
            DEGREE * middle * temperature["longitude"].values,
            {"units": "km"},
        ),
    }
    warmth = (temperature - temperature.mean("time")).assign_coords(time=year, **km)
    return warmth.assign_attrs(units="K", long_name="temperature anomalies").chunk(time=20)


def draw(warmth: xr.DataArray, power: xr.DataArray, dof: xr.DataArray, out: Path) -> None:
    """The map of one year, and the spectrum of all."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    year = warmth.isel(time=-1)
    most = float(abs(year).max())
    x, y = (year[d] - year[d].min() for d in ("longitude", "latitude"))
    how = {"cmap": "RdBu_r", "vmin": -most, "vmax": most}
    shown = left.pcolormesh(x, y, year, **how)
    left.set(title=f"{year['time'].item()} less the mean of all years", aspect="equal")
    left.set(xlabel="km", ylabel="km")
    figure.colorbar(shown, ax=left, label="temperature anomaly (K)")
    power.spanwise.plot.loglog_spectrum(right, dof=dof, fit=FITTED, slopes=(-5 / 3, -3))
    right.set_title("isotropic spectrum, mean of all years")
    figure.savefig(out, dpi=150)


def main(argv: list[str] | None = None) -> None:
    """Transform, say what came out, and draw it."""
    parser = argparse.ArgumentParser(description="Isotropic wavenumber spectrum of temperature.")
    parser.add_argument("--size", choices=STRIDES, default="full")
    parser.add_argument("--out", type=Path, default=Path("wavenumber_spectrum.png"))
    options = parser.parse_args(argv)

    warmth = anomalies(STRIDES[options.size])
    each = warmth.spanwise.signal.isotropic_power_spectrum(
        dim=DIMS, detrend="linear", window="hann", window_correction=True, nfactor=1.5
    )
    print(each.spanwise.explain())
    power = each.mean("time", keep_attrs=True).compute()
    fit = power.spanwise.signal.fit_loglog(limits=FITTED)
    print(f"spectral slope: {float(fit['slope']):.2f}")
    # A window correlates neighbours: the rings of a year know half as much as their number says.
    dof = 0.5 * power["modes"] * warmth.sizes["time"]
    draw(warmth, power, dof, options.out)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
