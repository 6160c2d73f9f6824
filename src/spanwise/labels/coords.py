"""Coordinates of a transform: from a dimension to its frequencies and back.

The frequency coordinate carries in its attributes what the inverse needs: ``spacing`` and
``direct_lag`` as xrft has them (the step in frequency; the coordinate of the central sample, where
the phase is the true one), ``length`` (the number of points, which half a spectrum does not tell)
and ``original``, the coordinate that was transformed, as JSON.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from ..errors import ArgumentError
from ..fft import fftfreq, rfftfreq
from .grid import Grid, fit
from .units import base_unit, product

_CFTIME_UNITS = "microseconds since 1970-01-01"
_CFTIME_TICKS = 10**6
_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_NO_COORDINATE = "none"
_MOST_EXACT = 4096


@dataclass(frozen=True, slots=True)
class Axis:
    """A dimension of evenly spaced samples, as numbers."""

    dim: str
    """Name of the dimension."""
    grid: Grid
    """Values of the coordinate, in ticks."""
    kind: str = _NO_COORDINATE
    """Element type of the coordinate, ``"cftime"``, or ``"none"`` where there is no coordinate."""
    ticks: int = 1
    """Ticks per unit: a time counts its own resolution, and its unit is the second."""
    calendar: str = ""
    """Calendar of a cftime coordinate."""
    attrs: dict[str, Any] = field(default_factory=dict)
    """Attributes of the coordinate that JSON can hold."""
    exact: str = ""
    """The values themselves in base64, for coordinates that no grid gives to the last bit."""

    @property
    def is_time(self) -> bool:
        """Whether the coordinate holds times, which count in seconds."""
        return self.kind.startswith(("datetime64", "timedelta64", "cftime"))

    @property
    def spacing(self) -> Fraction:
        """Distance between samples, positive."""
        return abs(self.grid.exact_step) / self.ticks

    @property
    def is_decreasing(self) -> bool:
        """Whether the coordinate runs downwards."""
        return self.grid.step < 0

    @property
    def units(self) -> str | None:
        """Unit of the coordinate, None if it is not known."""
        if self.is_time:
            return "s"
        return base_unit(self.attrs.get("units"))

    @property
    def label(self) -> str:
        """What the coordinate is, in words."""
        name = self.attrs.get("long_name") or self.attrs.get("standard_name") or self.dim
        return str(name).replace("_", " ")

    def lowest(self, count: int) -> Fraction:
        """The smallest of the first ``count`` coordinates, in units (times: since 1970)."""
        steps = count - 1 if self.is_decreasing else 0
        return (self.grid.exact_first + steps * self.grid.exact_step) / self.ticks

    def coordinate(self, count: int) -> Any:
        """The first ``count`` coordinates as an xarray variable, None where there is none."""
        import xarray as xr

        if self.kind == _NO_COORDINATE:
            return None
        values = self._ticks(count)
        if self.kind == "cftime":
            import cftime

            values = cftime.num2date(
                values, _CFTIME_UNITS, self.calendar, only_use_cftime_datetimes=True
            )
        else:
            values = values.astype(self.kind)
        return xr.Variable(self.dim, values, self.attrs)

    def _ticks(self, count: int) -> np.ndarray:
        """The first ``count`` values as numbers."""
        dtype = np.dtype("int64" if self.is_time else self.kind)
        if self.exact:
            values = np.frombuffer(base64.b64decode(self.exact), dtype.newbyteorder("<"))
            if values.size == count:
                return values
        return self.grid.values(count, dtype)


def read_axis(da: Any, dim: str, *, spacing_tol: float) -> Axis:
    """The samples along a dimension; raises where they are not evenly spaced numbers or times."""
    if dim not in da.coords:
        return Axis(dim, Grid(0, 1, 1))
    coordinate = da.coords[dim]
    if coordinate.size == 0:
        raise ArgumentError(f"dim={dim!r}: has no samples to transform")
    attrs = _plain(coordinate.attrs)
    values = coordinate.values
    kind, ticks, calendar = str(values.dtype), 1, ""
    if values.dtype.kind in "mM":
        ticks = _TICKS[np.datetime_data(values.dtype)[0]]
        values = values.astype("int64")
    elif _is_cftime(values):
        import cftime

        kind, ticks, calendar = "cftime", _CFTIME_TICKS, values[0].calendar
        values = np.asarray(cftime.date2num(values, _CFTIME_UNITS, calendar))
    elif values.dtype.kind not in "iuf":
        raise ArgumentError(
            f"dim={dim!r}: its coordinate has dtype {values.dtype}, and frequencies need numbers "
            f"or times; drop it to count samples instead: da.drop_vars({dim!r})"
        )
    if values.size == 1:
        grid = _single(values, coordinate.attrs, dim)
    else:
        _check_spacing(values, dim, spacing_tol)
        grid = fit(values)
    return Axis(dim, grid, kind, ticks, calendar, attrs, _exactly(values, grid))


def frequency_coordinate(
    axis: Axis,
    name: str,
    length: int,
    *,
    half: bool = False,
    shift: bool = True,
    data_origin: Fraction | None = None,
    inverse: dict[str, Any] | None = None,
) -> Any:
    """The frequencies of a transform, as an xarray variable.

    Parameters
    ----------
    axis : Axis
        The samples.
    name : str
        Name of the dimension of frequencies.
    length : int
        Points of the transform.
    half, shift : bool
        Only the non-negative frequencies; the zero frequency in the centre.
    data_origin : Fraction, optional
        Lowest coordinate, if the phase counts from coordinate 0 rather than from the first sample.
    inverse : dict, optional
        What the inverse must know beside the coordinate; None for spectra that have no inverse.
    """
    import xarray as xr

    spacing = float(axis.spacing)
    values = rfftfreq(length, spacing) if half else fftfreq(length, spacing)
    if shift and not half:
        values = np.roll(values, length // 2)
    attrs: dict[str, Any] = {"long_name": f"frequency along {axis.label}"}
    units = product((axis.units, -1))
    if units is not None:
        attrs["units"] = units
    attrs["spacing"] = float(1 / (axis.spacing * length))
    attrs["length"] = length
    if data_origin is not None:
        attrs["direct_lag"] = float(data_origin + axis.spacing * (length // 2))
    if inverse is not None:
        original = asdict(axis) | inverse
        attrs["original"] = json.dumps(original)
    return xr.Variable(name, values, attrs)


@dataclass(frozen=True, slots=True)
class FrequencyAxis:
    """A dimension of frequencies, and the samples that its inverse transform gives."""

    dim: str
    """Name of the dimension of frequencies."""
    order: Literal["natural", "shifted", "half"]
    """How the frequencies lie."""
    length: int
    """Points of the inverse transform."""
    axis: Axis
    """The samples."""
    origin: Fraction
    """Lowest coordinate of the samples: where the phase of the first one is the true one."""
    units: str | None
    """Unit of the frequencies."""
    true_phase: bool | None
    """Whether the phase counts from coordinate 0; None if the forward transform did not say."""
    true_amplitude: bool | None
    """Whether the amplitude holds the spacing; None if the forward transform did not say."""


def read_frequencies(
    da: Any,
    dim: str,
    name: str,
    *,
    half: bool,
    length: int | None,
    lag: float | None,
    spacing_tol: float,
) -> FrequencyAxis:
    """The frequencies along a dimension; raises where they are not those of a transform."""
    points = da.sizes[dim]
    if dim in da.coords:
        attrs = da.coords[dim].attrs
        _refuse_waves(attrs, dim)
        values = _frequency_values(da.coords[dim].values, dim)
    else:
        attrs = {}
        values = np.arange(points) / points if half else fftfreq(points)
    order, step = _order(values, dim, half, spacing_tol)
    # Attributes that outlived a change of the coordinate (another unit, a part) say nothing.
    trusted = step is None or abs(step - attrs.get("spacing", np.inf)) <= spacing_tol * step
    if not trusted:
        attrs = {key: attrs[key] for key in ("units",) if key in attrs}
    count = _points(points, half, length, attrs)
    step = attrs.get("spacing", 1.0 / count) if step is None else step
    samples, recorded = recorded_axis(attrs, ("true_phase", "true_amplitude"))
    if samples is None or lag is not None or attrs.get("length") != count:
        kind = samples if lag is None else None
        samples = _centred(name, count, step, lag, attrs, kind)
    axis = replace(samples, dim=name)
    return FrequencyAxis(
        dim,
        order,
        count,
        axis,
        axis.lowest(count),
        base_unit(attrs.get("units")),
        recorded.get("true_phase"),
        recorded.get("true_amplitude"),
    )


def _refuse_waves(attrs: Mapping[str, Any], dim: str) -> None:
    """Raise where the coordinate is that of a cosine or sine transform."""
    waves, record = recorded_axis(attrs, ("transform", "type"))
    if waves is not None:
        raise ArgumentError(
            f"dim={dim!r}: its coordinate is that of a transform {record['transform']!r}; call "
            f"i{record['transform']}"
        )


def _points(points: int, half: bool, length: int | None, attrs: dict[str, Any]) -> int:
    """Points of the inverse: as asked, as recorded, or as the frequencies tell (SciPy's rule)."""
    if not half:
        return points
    if length is not None:
        return length
    recorded = attrs.get("length")
    if recorded is not None and int(recorded) // 2 + 1 == points:
        return int(recorded)
    return 2 * (points - 1)


def recorded_axis(
    attrs: Mapping[str, Any], treatment: tuple[str, ...]
) -> tuple[Axis | None, dict[str, Any]]:
    """The samples that a forward transform recorded, and of how it treated them what is named.

    None where there is no such record, or that of another kind of transform.
    """
    try:
        original = json.loads(attrs["original"])
        grid = Grid(**original.pop("grid"))
        record = {key: original.pop(key) for key in treatment}
        return Axis(grid=grid, **original), record
    except (KeyError, TypeError, ValueError):
        return None, {}


def _centred(
    name: str,
    count: int,
    step: float,
    lag: float | None,
    attrs: dict[str, Any],
    samples: Axis | None,
) -> Axis:
    """Samples around ``lag`` (default: the recorded one, else 0), which is at index count // 2."""
    spacing = Fraction(1.0 / (count * step))
    centre = Fraction(float(attrs.get("direct_lag", 0.0) if lag is None else lag))
    first = centre - (count // 2) * spacing
    units = product((base_unit(attrs.get("units")), -1))
    plain = {"spacing": float(spacing)} | ({} if units is None else {"units": units})
    if samples is None or samples.kind == _NO_COORDINATE:
        return Axis(name, Grid(float(first), float(spacing)), "float64", attrs=plain)
    grid = Grid(float(first * samples.ticks), float(spacing * samples.ticks))
    kind = "float64" if samples.ticks == 1 else samples.kind
    return replace(samples, grid=grid, kind=kind, exact="")


def _order(
    values: np.ndarray, dim: str, half: bool, spacing_tol: float
) -> tuple[Literal["natural", "shifted", "half"], float | None]:
    """How frequencies lie, and their step (None for a single one)."""
    points = values.size
    order: Literal["natural", "shifted", "half"] = "half"
    if not half:
        order = "shifted" if bool(np.all(np.diff(values) > 0)) and points > 1 else "natural"
    if order == "natural":
        values = np.roll(values, points // 2)
    zero = 0 if half else points // 2
    if points == 1:
        step, centred = None, values[0] == 0
    else:
        step = float(values[-1] - values[0]) / (points - 1)
        even = np.abs(np.diff(values) - step) <= spacing_tol * abs(step)
        centred = step > 0 and bool(np.all(even)) and abs(values[zero]) <= spacing_tol * step
    if not centred:
        expected = "0, f, 2f, ..." if half else "those of fftfreq, in its order or shifted"
        raise ArgumentError(
            f"dim={dim!r}: its coordinate holds no frequencies of a transform (expected "
            f"{expected}); choose the dimensions of frequencies with dim=, or sort them with "
            f"da.sortby({dim!r})"
        )
    return order, step


def _frequency_values(values: np.ndarray, dim: str) -> np.ndarray:
    if values.dtype.kind not in "iuf":
        raise ArgumentError(
            f"dim={dim!r}: its coordinate has dtype {values.dtype}; an inverse transform takes "
            "frequencies"
        )
    return values.astype("float64")


def _check_spacing(values: np.ndarray, dim: str, spacing_tol: float) -> None:
    """Raise unless all steps are equal within the tolerance."""
    # Integers first: times in nanoseconds are finer than a float holds.
    wide = values.astype("int64" if values.dtype.kind in "iu" else "float64")
    steps = np.diff(wide).astype("float64")
    mean = float(steps.mean())
    if mean and bool(np.all(np.abs(steps - mean) <= spacing_tol * abs(mean))):
        return
    raise ArgumentError(
        f"dim={dim!r}: its coordinate is not evenly spaced: steps run from {steps.min():g} to "
        f"{steps.max():g}, which differ by more than spacing_tol={spacing_tol:g} of their mean. "
        f"Interpolate first: da.interp({dim}=xr.DataArray(np.linspace(first, last, n), "
        f'dims="{dim}")) (for times xr.date_range(first, last, periods=n)); or raise spacing_tol'
    )


def _exactly(values: np.ndarray, grid: Grid) -> str:
    """The values in base64 where the grid misses some of them, if they are few."""
    same = np.array_equal(grid.values(values.size, values.dtype), values)
    if same or values.size > _MOST_EXACT:
        return ""
    return base64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode()


def _single(values: np.ndarray, attrs: dict[str, Any], dim: str) -> Grid:
    """One sample has no spacing but the one that an attribute states."""
    spacing = attrs.get("spacing")
    if spacing is None:
        raise ArgumentError(
            f"dim={dim!r}: one sample has no spacing; drop the coordinate to count samples "
            f"instead: da.drop_vars({dim!r})"
        )
    return Grid(values[0].item(), float(spacing))


def _is_cftime(values: np.ndarray) -> bool:
    return values.dtype == object and values.size > 0 and hasattr(values.flat[0], "calendar")


def _plain(attrs: dict[Any, Any]) -> dict[str, Any]:
    """The attributes that JSON can hold."""
    out = {}
    for key, value in attrs.items():
        plain = value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
        if isinstance(plain, (str, int, float, bool, list)):
            out[str(key)] = plain
    return out
