"""Regimes of North American temperature: the ways in which whole years depart from the trend.

A year that is warm in the north-west of the continent is often cold off Labrador, and the other way
about. k-means finds such patterns: each year is one sample and all grid points are its features,
each of which counts by its area. The slow warming is taken out first, as a mean over 31 years, or
clusters would be epochs. The patterns are then recognised, without another fit, in a second
simulation that warms less: if they belong to the climate and not to one run, each comes about as
often there.

Data: annual means of air temperature, 1860 to 2099, of a climate model under the scenarios A1B and
E1, from the package ``iris-sample-data``.

    python examples/weather_regimes.py -k 4
"""

from __future__ import annotations

import argparse
from pathlib import Path

import iris_sample_data
import numpy as np
import xarray as xr

import spanwise.xarray  # noqa: F401  (gives arrays the accessor .spanwise)

STRIDES = {"full": 1, "toy": 4}
"""Every how many points of the map are taken."""
YEARS = 31
"""Of the running mean that is the trend."""


def departures(scenario: str, stride: int) -> xr.DataArray:
    """Temperature of each year less the running mean, lazily, in chunks of time."""
    file = Path(iris_sample_data.path) / f"{scenario}_north_america.nc"
    times = xr.coders.CFDatetimeCoder(use_cftime=True)
    data = xr.open_dataset(file, decode_times=times)["air_temperature"]
    data = data.isel(latitude=slice(None, None, stride), longitude=slice(None, None, stride))
    data = data.assign_coords(time=data["time"].dt.year.drop_attrs()).rename(time="year")
    trend = data.rolling(year=YEARS, center=True, min_periods=YEARS // 2 + 1).mean()
    left = (data - trend).drop_attrs(deep=False)
    return left.assign_attrs(long_name="departure from the trend", units="K").chunk(year=60)


def by_frequency(found: xr.Dataset) -> xr.Dataset:
    """Number the regimes from frequent to rare, since k-means numbers them by chance."""
    order = np.argsort(-found["counts"].values, kind="stable")
    labels = found["labels"].copy(data=order.argsort()[found["labels"].values])
    ranked = found.isel(cluster=order).assign(labels=labels)
    return ranked.assign_coords(cluster=found["cluster"].values)


def main(argv: list[str] | None = None) -> None:
    """Cluster, recognise, say what came out, and draw it."""
    from spanwise.plot import clusters

    parser = argparse.ArgumentParser(description="Regimes of North American temperature.")
    parser.add_argument("-k", type=int, default=4, help="number of regimes")
    parser.add_argument("--size", choices=STRIDES, default="full")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("weather_regimes.png"))
    options = parser.parse_args(argv)

    years = departures("A1B", STRIDES[options.size])
    found = years.spanwise.cluster.kmeans(
        options.k, sample_dim="year", weights="area", random_state=options.seed
    )
    found = by_frequency(found.compute())
    other = departures("E1", STRIDES[options.size]).spanwise.cluster.predict(found).compute()

    print(f"{found['labels'].size} years")
    for i, share in enumerate(found["share"].values):
        again = float((other == i).mean())
        print(f"regime {i}: {share:.0%} of the years under A1B, {again:.0%} under E1")
    labels = found["labels"].values
    stays, chance = np.mean(labels[1:] == labels[:-1]), float((found["share"] ** 2).sum())
    print(f"the next year is of the same regime in {stays:.0%}; by chance it were in {chance:.0%}")
    figure = clusters(found, title="North American temperature: how years depart from the trend")
    figure.savefig(options.out, dpi=150)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
