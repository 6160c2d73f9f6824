"""The ocean remembers: spectra along time, the axis that a long record is cut along.

Weather pushes the temperature of land and sea at random, year by year. Land forgets a push within
months, so that its annual means are nearly white noise. The ocean's upper layer stores the heat and
forgets slowly, so that its spectrum rises from years to decades: red noise (Hasselmann, 1976,
*Tellus* 28, 473-485). The share of the variance that lies at periods over ten years therefore draws
the coast by itself.

Data: 240 annual means of surface air temperature over North America from a climate model, scenario
E1, 1860 to 2099, in chunks of ten years as if there were a file for each decade. The warming, a
polynomial trend, is taken away first. The spectrum is lazy until its small summaries are computed.

    python examples/long_spectrum.py
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import dask
import iris_sample_data
import numpy as np
import xarray as xr

import spanwise.xarray  # noqa: F401  (gives arrays the accessor .spanwise)

STRIDES = {"full": 1, "toy": 4}
"""Every how many points in latitude and longitude are taken."""
REGIONS = {
    "Pacific": {"latitude": slice(25, 45), "longitude": slice(225, 235)},
    "continent": {"latitude": slice(35, 50), "longitude": slice(265, 285)},
}
"""A box at sea and one on land, degrees north and east."""


def record(stride: int) -> xr.DataArray:
    """Temperature by year, in chunks of ten years."""
    file = Path(iris_sample_data.path) / "E1_north_america.nc"
    step = slice(None, None, stride)
    temperature = xr.open_dataset(file)["air_temperature"].isel(latitude=step, longitude=step)
    year = ("time", temperature["time"].dt.year.values, {"units": "year"})
    temperature = temperature.drop_vars(("forecast_period", "forecast_reference_time"))
    return temperature.assign_coords(time=year).chunk(time=10)


def without_trend(x: xr.DataArray, degree: int = 5) -> xr.DataArray:
    """Take the least-squares polynomial in time away: x - Q Qᵀ x with orthonormal columns Q.

    Qᵀ x, a few maps, is a pass over the data of its own; the rest is lazy.
    """
    year = np.linspace(-1, 1, x.sizes["time"])
    q, _ = np.linalg.qr(np.polynomial.legendre.legvander(year, degree).astype(x.dtype))
    basis = xr.DataArray(q, dims=("time", "degree")).chunk(time=x.chunksizes["time"])
    maps = xr.dot(basis, x, dim="time").compute()
    return x - xr.dot(basis, maps, dim="degree")


def band_means(power: xr.DataArray, bands: int = 14) -> tuple[list[float], list[float]]:
    """Mean period and power over bands of frequency of equal width on a logarithmic axis."""
    frequency = power["freq_time"].values
    edges = np.geomspace(0.99 * frequency[0], 1.01 * frequency[-1], bands + 1)
    parts = [(frequency >= a) & (frequency < b) for a, b in itertools.pairwise(edges)]
    parts = [part for part in parts if part.any()]
    return [1 / frequency[p].mean() for p in parts], [float(power[p].mean()) for p in parts]


def draw(share: xr.DataArray, spectra: dict[str, xr.DataArray], out: Path) -> None:
    """The map of the slow share, and the spectra of the two boxes."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    figure = Figure(figsize=(12, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    shown = left.pcolormesh(360 - share.longitude, share.latitude, 100 * share, cmap="YlGnBu")
    figure.colorbar(shown, ax=left, label="% of the variance at periods over 10 years")
    left.set(title="the ocean remembers", xlabel="°W", ylabel="°N")
    left.invert_xaxis()
    for (name, spectrum), colour in zip(spectra.items(), ("navy", "saddlebrown"), strict=True):
        box = REGIONS[name]
        west, south = 360 - box["longitude"].start, box["latitude"].start
        size = 360 - box["longitude"].stop - west, box["latitude"].stop - south
        left.add_patch(Rectangle((west, south), *size, fill=False, color=colour, linewidth=2))
        power = spectrum.sel(freq_time=slice(1 / 100, None))  # longer periods went with the trend
        right.loglog(1 / power["freq_time"], power, color=colour, alpha=0.3)
        right.loglog(*band_means(power), "o-", color=colour, label=name)
    right.invert_xaxis()
    right.set_xticks([100, 50, 20, 10, 5, 2], ["100", "50", "20", "10", "5", "2"])
    right.minorticks_off()
    right.set(xlabel="period (years)", ylabel="power spectral density (K² year)")
    right.set_title("annual temperature, 1860–2099, less its trend")
    right.legend(frameon=False)
    figure.savefig(out, dpi=150)


def main(argv: list[str] | None = None) -> None:
    """Transform, say what came out, and draw it."""
    parser = argparse.ArgumentParser(
        description="Spectra along the axis that a record is cut along."
    )
    parser.add_argument("--size", choices=STRIDES, default="full")
    parser.add_argument("--out", type=Path, default=Path("long_spectrum.png"))
    options = parser.parse_args(argv)

    x = without_trend(record(STRIDES[options.size]))
    power = x.spanwise.signal.power_spectrum(dim="time", real_dim="time")
    print(power.spanwise.explain())
    slow = power.where(power["freq_time"] < 1 / 10, 0).sum("freq_time")
    boxes = [power.sel(box).mean(("latitude", "longitude")) for box in REGIONS.values()]
    share, *boxes = dask.compute(slow / power.sum("freq_time"), *boxes)
    spectra = dict(zip(REGIONS, boxes, strict=True))
    for name, box in REGIONS.items():
        part = 100 * float(share.sel(box).mean())
        print(f"{name}: {part:.0f} % of the variance at periods over 10 years")
    draw(share, spectra, options.out)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
