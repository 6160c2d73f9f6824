"""Filters by dimension name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ... import dispatch
from ... import signal as _signal
from ...errors import ArgumentError
from ...signal._arguments import is_complex, is_whole
from ..attrs import kept_attrs
from ..coords import Axis, read_axis
from ..missing import Fill, check_fill, fill_missing, refuse_missing
from ..select import Dims, check_labelled, choose_dims, on_dims
from ._bands import band_filter
from ._common import over
from ._response import labelled_function, labelled_table

__all__ = ["filter_frequencies"]


def filter_frequencies(
    obj: Any,
    dim: Dims = None,
    *,
    pass_band: Any = None,
    stop_band: Any = None,
    response: Any = None,
    roll_off: float | Mapping[str, float] = 0.0,
    detrend: Literal["constant", "linear"] | None = None,
    fill: Fill = None,
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Keep a band of frequencies, take one away, or multiply each frequency by a response.

    Transform, multiply, transform back, in one task for each chunk.

    Parameters
    ----------
    obj : DataArray or Dataset
        Real or complex data, on an array of any library or a Dask array cut along any dimension.
        Of a Dataset every numeric variable is filtered along those of the dimensions that it has;
        a variable that has none of them is kept as it is, one that is not numeric is dropped with
        a warning.
    dim : str, sequence of str or ..., optional
        Dimension to filter along, several, or ``...`` for all. It may be left out where the data
        has one dimension only, or where a mapping names them. Coordinates may be numbers,
        datetime64, timedelta64 or cftime, rising or falling; without a coordinate samples are
        counted.
    pass_band : (low, high) or mapping of dimension to (low, high), optional
        What is kept: frequencies from ``low`` to ``high``, both of which belong to the band, of
        either sign. None leaves an end open. In cycles per unit of the coordinate; of times, per
        second, or a ``timedelta`` (``np.timedelta64``): the period, so that the longer one is the
        lower end.

        With several dimensions a pair means the length of the vector of frequencies,
        ``sqrt(fy**2 + fx**2)``, and a mapping a band for each of them.
    stop_band : (low, high) or mapping of dimension to (low, high), optional
        What is taken away, written alike. The rest is kept: exactly what the same ``pass_band``
        would take away.
    response : callable, DataArray or array, optional
        What each frequency is multiplied by. Exactly one of the three has to be given.

        A function gets, for each of ``dim`` in its order, the frequencies as a one-dimensional
        DataArray ``freq_<dim>`` with units, on an array of the library of the data, and gives a
        DataArray over them, or numbers. It runs inside the tasks.

        A DataArray lies along ``freq_<dim>``, of one of the dimensions at least; its coordinates
        say which frequencies it holds, in any order, shifted or not: all of the transform's, or
        for real data along one dimension the non-negative ones. An array has those of
        `spanwise.fft.fftfreq`, or last of `spanwise.fft.rfftfreq`, in that order.
    roll_off : float or mapping of dimension to float, default: 0
        Width of the edges of a band, in frequency: they run as half a period of a cosine, centred
        on ``low`` and ``high``, where half of the amplitude passes. A sharp edge rings (Gibbs)
        for a time of about ``1 / distance`` of the frequencies from the edge; the wider the edge,
        the shorter.
    detrend : {"constant", "linear"}, optional
        Filter what is left without the mean, or without the linear function of all of ``dim`` that
        fits best, and put of it back what passes at frequency 0: a low-pass filter keeps the trend
        as it was, a high-pass filter takes it away. Without it a trend is a jump between the ends,
        which leaks into all frequencies.
    fill : "interp" or number, optional
        What takes the place of NaN: the number, or a linear interpolation along the first of the
        dimensions that has values (the nearest beyond the ends). None: NaN is an error.
    spacing_tol : float, default: 1e-3
        Difference of steps, relative to their mean, up to which a coordinate is evenly spaced.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    DataArray or Dataset
        With the dimensions, all the coordinates, name and units of the input; real if the data
        is, in its precision (integers become double). Attributes are kept, but for those that
        state values (``valid_range``, ``actual_range``, ``missing_value`` ...). Lazy for a Dask
        array.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have, coordinates that are uneven beyond
        ``spacing_tol`` or neither numbers nor times, a single sample (which has no spacing), not
        exactly one of ``pass_band``, ``stop_band`` and ``response``, a band whose ends are
        exchanged or which holds no frequency of the data, one band over dimensions of different
        units, a ``roll_off`` that reaches beyond frequency 0 or across the band, or a response
        that lacks frequencies. For what a function gives, when it runs: with a Dask array, when
        the result is computed.
    ArrayTypeError
        For anything but xarray objects, and for a response on a Dask array.
    MemoryBudgetError
        If no way of making the dimensions whole fits the memory budget.
    NonFiniteError
        For NaN or infinity along the dimensions, by the task that meets it: with a Dask array, when
        the result is computed.

    Notes
    -----
    The mean is frequency 0: a ``pass_band`` whose lower end is None or 0 keeps it, any other takes
    it away, and a ``stop_band`` the other way round.

    The filter is circular: what leaves at one end comes in at the other. Phases stay as they are,
    unless a response changes them: real data needs H(-f) = conj(H(f)), and
    ``exp(-2j * pi * f * t)`` delays by t along the coordinate, rising or falling. One pass over the
    data; along dimensions that are cut into chunks see :func:`spanwise.signal.filter_frequencies`.

    Examples
    --------
    Periods of ten to sixty days of twenty years, and without a day's cycle:

    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import filter_frequencies
    >>> time = xr.date_range("2000-01-01", periods=1200, freq="6h")
    >>> days = np.arange(1200) / 4
    >>> slow, daily = np.sin(2 * np.pi * days / 30), np.sin(2 * np.pi * days)
    >>> t = xr.DataArray(280 + slow + daily, {"time": time}, attrs={"units": "K"})
    >>> day = np.timedelta64(1, "D")
    >>> waves = filter_frequencies(t, "time", pass_band=(60 * day, 10 * day))
    >>> bool(abs(waves - slow).max() < 1e-9), waves.units
    (True, 'K')
    >>> smooth = filter_frequencies(t, "time", pass_band=(None, 2 * day), roll_off=1e-6)
    >>> bool(abs(smooth - slow - 280).max() < 1e-9)
    True
    """
    check_labelled(obj, "signal.filter_frequencies")
    fill = check_fill(fill)
    name, chosen = _the_one(pass_band=pass_band, stop_band=stop_band, response=response)
    dims = _dims(obj, dim, name, chosen)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        da = fill_missing(da, own, fill)
        axes = [read_axis(da, d, spacing_tol=spacing_tol) for d in own]
        lengths = [da.sizes[d] for d in own]
        if name == "response":
            h, order = _response(da, chosen, axes, lengths)
        else:
            order = _whole_last(da, axes)
            axes, lengths = [axes[i] for i in order], [lengths[i] for i in order]
            h = band_filter(name, chosen, roll_off, axes, lengths)
            order = tuple(range(len(axes)))
        numbers = tuple(da.get_axis_num(axes[i].dim) for i in order)
        spacings = [float(axes[i].spacing) for i in order]
        y = _signal.filter_frequencies(da.data, h, axes=numbers, sampling=spacings, detrend=detrend)
        y = refuse_missing(y, da, numbers, own)
        return on_dims(da, y, {}, kept_attrs(da.attrs, keep_attrs))

    return over(obj, dims, one, keep_attrs)


def _the_one(**given: Any) -> tuple[str, Any]:
    """Name and value of the only argument that was given."""
    chosen = [(name, value) for name, value in given.items() if value is not None]
    if len(chosen) != 1:
        raise ArgumentError(
            f"{' and '.join(name for name, _ in chosen) or 'neither'} given: expected exactly one "
            "of pass_band=(low, high), stop_band=(low, high) and response="
        )
    return chosen[0]


def _dims(obj: Any, dim: Dims, name: str, chosen: Any) -> tuple[str, ...]:
    """The dimensions to filter; a mapping of bands may name them."""
    if not isinstance(chosen, Mapping):
        return choose_dims(obj, dim)
    dims = choose_dims(obj, tuple(chosen) if dim is None else dim)
    if set(dims) != set(chosen):
        raise ArgumentError(
            f"{name}={chosen!r}: names other dimensions than dim={dims!r}; leave dim out, or give "
            "a band for each"
        )
    return dims


def _whole_last(da: Any, axes: list[Axis]) -> tuple[int, ...]:
    """Which axis comes where: one that the chunks hold whole is halved, if there is one."""
    is_cut = [not is_whole(da.data, (da.get_axis_num(a.dim),)) for a in axes]
    return tuple(sorted(range(len(axes)), key=lambda i: (not is_cut[i], i)))


def _response(
    da: Any, response: Any, axes: list[Axis], lengths: list[int]
) -> tuple[Any, tuple[int, ...]]:
    """The response on arrays, and the order of its axes."""
    names = [f"freq_{axis.dim}" for axis in axes]
    if callable(response):
        order = _whole_last(da, axes)
        return labelled_function(response, axes, names, order), order
    real = not is_complex(dispatch.accept(da.data, function="signal.filter_frequencies"))
    return labelled_table(response, axes, names, lengths, real)
