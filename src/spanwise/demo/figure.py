"""The picture of the demo: provinces, annual cycles, spectrum, and a field before and after."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

# Okabe and Ito's palette, which colour-blind readers tell apart too.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
_LAND = "#d4d4d4"
_INK = "#222222"
_WEST = 30.0
"""Longitude of the left edge, in Africa, so that no ocean is cut."""
_PACIFIC = (140.0, 285.0)
"""Longitudes of the fields before and after, close enough to see what the smoothing does."""
_PLACES = {
    "Africa": 381,
    "Indian Ocean": 78,
    "Pacific Ocean": 200,
    "South America": 302,
    "Atlantic": 334,
}
"""Longitudes of the names on the map."""
_MOST_COLUMNS = 1800
"""Columns drawn of a map; finer grids are thinned."""
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": _INK,
    "axes.linewidth": 0.7,
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


@dataclass(frozen=True, slots=True, eq=False)
class Pictured:
    """What is drawn, in memory."""

    title: str
    """One line over all."""
    source: str
    """What the data are, in small print beside the title."""
    labels: xr.DataArray
    """Province of each point, (latitude, longitude); negative on land."""
    cycles: xr.DataArray
    """Annual cycle of each province in kelvin, (cluster, month)."""
    spectrum: xr.DataArray
    """Power density along time, K² year, over cycles per year."""
    red_noise: Sequence[dict[str, float]]
    """Lag-one correlation and variance of the parts of the dataset."""
    before: xr.DataArray
    """Anomaly of one month, (latitude, longitude), with the scalar coordinate time."""
    after: xr.DataArray
    """The same month, smoothed."""
    cutoff: float
    """Wavelength in degrees that the smoothing halves."""


def draw(pictured: Pictured, path: Path, *, dpi: int = 150) -> None:
    """Write the picture as PNG, which takes its name when it is whole."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        _save(pictured, file, dpi)
    partial.replace(path)


def rehearse() -> None:
    """Draw a picture of next to nothing, for what matplotlib loads and keeps."""
    import xarray as xr

    coords = {"latitude": np.linspace(-5, 5, 4), "longitude": np.arange(0.0, 360, 10)}
    field = xr.DataArray(np.eye(4, 36), coords, ("latitude", "longitude"))
    month = field.assign_coords(time=np.datetime64("2000-01"))
    cycles = xr.DataArray(np.ones((2, 12)), dims=("cluster", "month"))
    spectrum = xr.DataArray([1.0, 2.0, 1.0], {"f": [0.1, 1.0, 6.0]}, ("f",))
    red_noise = [{"lag_one": 0.5, "variance": 1.0}]
    pictured = Pictured("", "", field, cycles, spectrum, red_noise, month, month, 1.0)
    _save(pictured, io.BytesIO(), 30)


def _save(pictured: Pictured, file: IO[bytes], dpi: int) -> None:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(12, 9.2), layout="constrained")
        FigureCanvasAgg(figure)
        figure.suptitle(pictured.title, fontsize=13, fontweight="bold", x=0.01, ha="left")
        figure.text(0.99, 0.985, pictured.source, ha="right", va="top", fontsize=9)
        rows = figure.add_gridspec(3, 3, height_ratios=(1, 1, 2.2), width_ratios=(1, 1, 0.025))
        _draw_provinces(figure.add_subplot(rows[0, :]), pictured)
        _draw_fields([figure.add_subplot(rows[1, i]) for i in range(3)], pictured)
        _draw_spectrum(figure.add_subplot(rows[2, 0]), pictured)
        _draw_cycles(figure.add_subplot(rows[2, 1:]), pictured)
        figure.savefig(file, format="png", dpi=dpi)


def _ranked(pictured: Pictured) -> list[tuple[int, float]]:
    """Provinces and their share of the sea, the largest first."""
    labels = pictured.labels
    weight = np.broadcast_to(np.cos(np.deg2rad(labels["latitude"].values))[:, None], labels.shape)
    sea = labels.values >= 0
    area = np.bincount(labels.values[sea].astype(int), weight[sea], len(pictured.cycles))
    return [(int(k), float(area[k] / area.sum())) for k in np.argsort(-area)]


Extent = tuple[float, float, float, float]
"""West, east, south, north in degrees, as imshow takes them."""


def _around(field: xr.DataArray) -> tuple[np.ndarray, Extent]:
    """Values from 30°E eastward, thinned to what can be seen, and their extent."""
    step = max(1, math.ceil(field.sizes["longitude"] / _MOST_COLUMNS))
    rows = max(1, step // 4)
    longitude, latitude = field["longitude"].values, field["latitude"].values
    start = int(np.searchsorted(longitude, _WEST))
    values = np.roll(field.transpose("latitude", "longitude").values, -start, axis=1)
    half = (longitude[1] - longitude[0]) / 2, (latitude[1] - latitude[0]) / 2
    west = float(longitude[start % len(longitude)]) - half[0]
    extent = (west, west + 360, latitude[0] - half[1], latitude[-1] + half[1])
    return values[::rows, ::step], extent


def _within(field: xr.DataArray, longitudes: tuple[float, float]) -> tuple[np.ndarray, Extent]:
    """Values between two longitudes east of Africa, and their extent."""
    values, (west, east, south, north) = _around(field)
    width = (east - west) / values.shape[1]
    first, last = (round((longitude - west) / width) for longitude in longitudes)
    return values[:, first:last], (west + first * width, west + last * width, south, north)


def _dress_map(axes: Any, land: np.ndarray, extent: Extent, spacing: int) -> None:
    """Coastline, degrees on both axes, land in grey."""
    west, east, south, north = extent
    rows, columns = land.shape
    x = west + (np.arange(columns) + 0.5) * (east - west) / columns
    y = south + (np.arange(rows) + 0.5) * (north - south) / rows
    axes.contour(x, y, land, levels=[0.5], colors=_INK, linewidths=0.6)
    axes.set_facecolor(_LAND)
    axes.set_xticks(
        ticks := np.arange(math.ceil(west / spacing) * spacing, east, spacing),
        [_degrees_east(t) for t in ticks],
    )
    axes.set_yticks([-4, 0, 4], ["4°S", "0°", "4°N"])
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.tick_params(length=3)


def _degrees_east(longitude: float) -> str:
    """A longitude as people write it.

    >>> [_degrees_east(x) for x in (0, 90, 180, 240, 360)]
    ['0°', '90°E', '180°', '120°W', '0°']
    """
    east = round(longitude) % 360
    if east in (0, 180):
        return f"{east}°"
    return f"{east}°E" if east < 180 else f"{360 - east}°W"


def _draw_provinces(axes: Any, pictured: Pictured) -> None:
    from matplotlib.colors import ListedColormap
    from matplotlib.patheffects import withStroke

    values, extent = _around(pictured.labels)
    order = np.empty(len(pictured.cycles))
    for rank, (label, _) in enumerate(_ranked(pictured)):
        order[label] = rank
    land = values < 0
    ranks = np.where(land, np.nan, order[np.where(land, 0, values).astype(int)])
    colours = ListedColormap([COLOURS[i % len(COLOURS)] for i in range(len(order))])
    axes.imshow(
        ranks,
        origin="lower",
        extent=extent,
        aspect="auto",
        cmap=colours,
        vmin=-0.5,
        vmax=len(order) - 0.5,
        interpolation="nearest",
    )
    _dress_map(axes, land.astype(float), extent, 30)
    for name, longitude in _PLACES.items():
        style = {"ha": "center", "va": "center", "style": "italic", "fontsize": 10}
        outline = [withStroke(linewidth=2.5, foreground="white", alpha=0.85)]
        axes.text(longitude, -4.4, name, path_effects=outline, **style)
    axes.set_title("a  Provinces: k-means of grid points by their annual cycle")


def _draw_fields(panels: Sequence[Any], pictured: Pictured) -> None:
    month = np.datetime_as_string(pictured.before["time"].values, unit="M")
    titles = (
        f"b  Anomaly, {month}",
        f"c  The same, waves under {pictured.cutoff:g}° damped by FFT",
    )
    limit = float(np.nanpercentile(np.abs(pictured.before.values), 99.5))
    limit = max(math.ceil(2 * limit) / 2, 0.5)
    image = None
    fields = (pictured.before, pictured.after)
    for axes, field, title in zip(panels, fields, titles, strict=False):
        values, extent = _within(field, _PACIFIC)
        image = axes.imshow(
            values, origin="lower", extent=extent, aspect="auto", cmap="RdBu_r",
            vmin=-limit, vmax=limit, interpolation="nearest",
        )  # fmt: skip
        _dress_map(axes, np.isnan(values).astype(float), extent, 30)
        axes.set_title(title)
    bar = panels[2].figure.colorbar(image, cax=panels[2], extend="both")
    bar.set_label("K")


def _draw_spectrum(axes: Any, pictured: Pictured) -> None:
    spectrum = pictured.spectrum
    frequency = spectrum[spectrum.dims[0]].values
    positive = frequency > 0
    frequency, power = frequency[positive], spectrum.values[positive]
    axes.axvspan(1 / 7, 1 / 2, color=COLOURS[4], alpha=0.18, lw=0)
    axes.loglog(frequency, power, color=COLOURS[0], lw=0.9, label="computed")
    axes.loglog(
        frequency, _expected(frequency, pictured.red_noise), color=COLOURS[5], lw=1.8, ls="--",
        label="red noise that the data are made of",
    )  # fmt: skip
    low, high = power.min() / 2, power.max() * 6
    axes.set_ylim(low, high)
    axes.set_xlim(frequency[0], frequency[-1])
    axes.text(
        math.sqrt(1 / 14), high / 1.5, "El Niño\n2–7 years", ha="center", va="top", fontsize=9
    )
    for cycles, name, side in ((0.97, "annual", "right"), (2.1, "half-\nyearly", "left")):
        axes.text(cycles, high / 1.5, name, va="top", ha=side, fontsize=9)
        axes.axvline(round(cycles), color=_INK, lw=0.7, ls=":")
    periods = [
        period for period in (100, 50, 20, 10, 5, 2, 1, 0.5, 0.2) if period > 1 / frequency[-1]
    ]
    axes.set_xticks([1 / period for period in periods], [f"{period:g}" for period in periods])
    axes.minorticks_off()
    axes.set_xlabel("period (years)")
    axes.set_ylabel("power density (K² year)")
    axes.grid(which="major", color="#e5e5e5", lw=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="lower left", frameon=False)
    axes.set_title("d  Power spectrum along time, mean over the sea")


def _expected(frequency: np.ndarray, red_noise: Sequence[dict[str, float]]) -> np.ndarray:
    """One-sided density of the sum of AR(1) series, one sample a month (f in cycles per year).

    Each has 2 v (1 - r²) / |1 - r exp(-2 pi i f / 12)|² / 12, with the variance v and the lag-one
    correlation r (Gilman, Fuglister and Mitchell, 1963).
    """
    phase = np.exp(-2j * np.pi * frequency / 12)
    parts = [
        2 * part["variance"] * (1 - part["lag_one"] ** 2) / np.abs(1 - part["lag_one"] * phase) ** 2
        for part in red_noise
    ]
    return np.sum(parts, axis=0) / 12


def _draw_cycles(axes: Any, pictured: Pictured) -> None:
    months = np.arange(1, 13)
    for rank, (label, share) in enumerate(_ranked(pictured)):
        axes.plot(
            months, pictured.cycles.values[label], color=COLOURS[rank % len(COLOURS)], lw=2.2,
            marker="o", ms=3.5, label=f"{share:.0%}",
        )  # fmt: skip
    axes.axhline(0, color=_INK, lw=0.7)
    axes.set_xticks(months, list("JFMAMJJASOND"))
    axes.set_xlim(0.7, 12.3)
    axes.set_ylabel("departure from the annual mean (K)")
    axes.grid(axis="y", color="#e5e5e5", lw=0.6)
    axes.set_axisbelow(True)
    axes.legend(title="share of the sea", frameon=False, ncols=2, loc="best")
    axes.set_title("e  Annual cycle of each province")
