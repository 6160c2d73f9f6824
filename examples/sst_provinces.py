"""Provinces of the equatorial ocean, found by the annual cycle of its surface temperature.

Waters that warm and cool alike through the year belong together: the cold tongues of the Pacific
and the Atlantic, which upwelling cools every northern summer; the warm pool, which stays warm; the
western Indian Ocean, which the monsoon stirs. k-means needs no map to find them: each
grid point is a sample that counts by its area, and the means of its twelve calendar months are the
features. Land is NaN and is left out (the patch at 33°E is Lake Victoria). The provinces are kept
in a file; read from there, they tell for each single year to which of them a point belonged.

Data: monthly means of OSTIA (Donlon et al., 2012), 5°S to 5°N, 2006 to 2010, from the package
``iris-sample-data``, in chunks of time as such files come.

    python examples/sst_provinces.py -k 6
"""

from __future__ import annotations

import argparse
from pathlib import Path

import iris_sample_data
import numpy as np
import xarray as xr

import spanwise.xarray  # noqa: F401  (gives arrays the accessor .spanwise)

STRIDES = {"full": 1, "toy": 6}
"""Every how many longitudes are taken."""
CELSIUS = 273.15
"""Zero of the Celsius scale in kelvin."""


def temperature(stride: int) -> xr.DataArray:
    """Temperature of each month, lazily."""
    file = Path(iris_sample_data.path) / "ostia_monthly.nc"
    sst = xr.open_dataset(file)["surface_temperature"].isel(longitude=slice(None, None, stride))
    return sst.chunk(time=12)


def by_temperature(found: xr.Dataset) -> xr.Dataset:
    """Number the provinces from cold to warm, since k-means numbers them by chance."""
    order = found["centroids"].mean("month").argsort().values
    rank = np.append(order.argsort(), -1)  # the last one is the label -1 of land
    labels = found["labels"].copy(data=rank[found["labels"].values])
    ranked = found.isel(cluster=order).assign(labels=labels)
    return ranked.assign_coords(cluster=found["cluster"].values)


def meridian(longitude: int) -> str:
    """A longitude as maps have it."""
    if longitude % 180 == 0:
        return f"{longitude}°"
    return f"{longitude}°E" if longitude < 180 else f"{360 - longitude}°W"


def draw(found: xr.Dataset, out: Path) -> None:
    """The map of the provinces, and below it their annual cycles in the same colours."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    k = found.sizes["cluster"]
    colours = colormaps["turbo"](np.linspace(0.1, 0.9, k))
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    top, bottom = figure.subplots(2, 1, height_ratios=(1, 2.4))
    # From 20°E, so that no ocean is cut in two
    east = found.labels.roll(longitude=-int((found.longitude < 20).sum()), roll_coords=True)
    x = east.longitude.values + 360 * (east.longitude.values < 20)
    top.set_facecolor("lightgrey")
    province = east.where(east >= 0)
    ranks = {"cmap": ListedColormap(colours), "vmin": -0.5, "vmax": k - 0.5}
    top.pcolormesh(x, east.latitude, province, **ranks)
    ticks = range(30, 380, 30)
    top.set_xticks(ticks, [meridian(t % 360) for t in ticks])
    top.set_yticks([-4, 0, 4], ["4°S", "0°", "4°N"])
    top.set_title("provinces of like annual cycle (grey: land)")
    top.set_xticks([75, 195, 345], ["Indian Ocean", "Pacific", "Atlantic"], minor=True)
    top.tick_params(axis="x", which="minor", length=0, pad=20)
    for i, cycle in enumerate(found.centroids.values - CELSIUS):
        label = f"{100 * float(found.share[i]):.0f} % of the area"
        bottom.plot(range(1, 13), cycle, "o-", color=colours[i], markersize=4, label=label)
    bottom.set_xticks(range(1, 13), list("JFMAMJJASOND"))
    bottom.set(ylabel="surface temperature (°C)", title="their annual cycles", xlim=(0.7, 12.3))
    bottom.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, reverse=True)
    bottom.grid(alpha=0.3)
    figure.savefig(out, dpi=150)


def main(argv: list[str] | None = None) -> None:
    """Cluster, say what came out, and draw it."""
    parser = argparse.ArgumentParser(description="Provinces of the equatorial ocean by k-means.")
    parser.add_argument("-k", type=int, default=6, help="number of provinces")
    parser.add_argument("--size", choices=STRIDES, default="full")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("sst_provinces.png"))
    options = parser.parse_args(argv)

    sst = temperature(STRIDES[options.size])
    cycle = sst.groupby("time.month").mean()
    found = cycle.spanwise.cluster.kmeans(
        options.k, feature_dim="month", weights="area", random_state=options.seed
    )
    found = by_temperature(found.compute())
    kept = options.out.with_suffix(".nc")
    found.to_netcdf(kept)

    sea = int(found["counts"].sum())
    print(f"{sea} of {found.labels.size} points are sea; iterations: {found.attrs['iterations']}")
    for i, centroid in enumerate(found.centroids.values - CELSIUS):
        size = f"{int(found.counts[i]):5d} points, {float(found.share[i]):4.0%} of the area"
        print(f"province {i}: {size}, {centroid.min():.1f} to {centroid.max():.1f} °C")
    with xr.open_dataset(kept) as provinces:
        for year in range(2007, 2010):
            own = sst.sel(time=str(year)).groupby("time.month").mean()
            labels = own.spanwise.cluster.predict(provinces)
            stayed = int(((labels == found.labels) & (labels >= 0)).sum()) / sea
            print(f"in {year} {stayed:.0%} of the points were in their province")
    draw(found, options.out)
    print(f"wrote {options.out} and {kept}")


if __name__ == "__main__":
    main()
