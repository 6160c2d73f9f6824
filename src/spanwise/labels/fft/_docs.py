"""The docstrings that the labelled transforms share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

DIM = {
    "": """dim : str, sequence of str or ..., optional
        Dimension to transform, several, or ``...`` for all{last}. It may be left out where the data
        has one dimension only.""",
    "2": """dim : sequence of two str, default: ...
        Dimensions to transform{last}.""",
    "n": """dim : str, sequence of str or ..., default: ...
        Dimensions to transform{last}; all by default.""",
}

_FORWARD = """{summary}

    ``X(f) = d sum_j x[j] exp(-2 pi i f t[j])``, over every dimension named, with the coordinates t
    and their spacing d.

    Parameters
    ----------
    obj : DataArray or Dataset
        {x}, on an array of any library or a Dask array cut along any dimension. Of a Dataset
        every numeric variable is transformed along those of the dimensions that it has; a variable
        that has none of them is kept as it is, one that is not numeric is dropped with a warning.
    {dim}
        Coordinates may be numbers, datetime64, timedelta64 or cftime, rising or falling; without
        a coordinate samples are counted. Times count in seconds since 1970.
    n : int or mapping of dimension to int, optional
        Points of the transform: a dimension is cropped or padded with zeros at its end.
    norm : {{"backward", "ortho", "forward"}}, optional
        As in :func:`spanwise.fft.{name}`.
    {real_dim}detrend : {{"constant", "linear"}}, optional
        Take the mean, or the least-squares trend over all dimensions named, away from the samples.
    window : str, tuple, float, array or mapping of dimension to these, optional
        Multiply the samples by a window along each dimension named, or along those of the mapping:
        whatever :func:`spanwise.signal.get_window` takes, in the order of the data.
    window_correction : bool, default: False
        Divide by the mean of the windows, so that the peak of a wave has the height that it has
        without them.
    shift : bool, default: True
        Put the zero frequency in the centre{shift_note}.
    true_phase : bool, default: True
        Count the phase from coordinate 0; False: from the first sample, in the order of the data.
    true_amplitude : bool, default: True
        Multiply by the spacing of the samples; False: the plain sum.
    chunks_to_segments : bool, default: False
        Transform each chunk of a Dask array by itself: a dimension ``<dim>_segment`` before each
        dimension named counts its chunks, which must be of one length. Coordinates, and with them
        the phase, are those of the first segment.
    fill : "interp" or number, optional
        What takes the place of NaN: a number, or linear interpolation between the neighbours along
        the first dimension named, the nearest value beyond the ends; lines of NaN alone are filled
        along the next one. Without it NaN is an error.
    prefix : str, default: "freq_"
        Put before the name of a dimension for its frequencies.
    spacing_tol : float, default: 1e-3
        Difference of steps, relative to their mean, up to which a coordinate is evenly spaced.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    DataArray or Dataset
        Complex, float32 in single precision; dimensions in the order of the input. Each transformed
        dimension is renamed and has a coordinate of frequencies with ``long_name``, ``units`` (of
        seconds 1/s), ``spacing``, and what the inverse needs. ``units`` of the data become the
        product with those of the dimensions (unchanged without ``true_amplitude``) and are left out
        where one is unknown. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have, coordinates that are uneven beyond
        ``spacing_tol`` or neither numbers nor times, or a single sample (which has no spacing).
    ArrayTypeError
        For anything but xarray objects{complex_error}.
    NonFiniteError
        When the result is computed, by the task that meets NaN or infinity along a transformed
        dimension.
    MemoryBudgetError
        If no way of making the dimensions whole fits the memory budget.

    Warns
    -----
    UserWarning
        Names further coordinates along transformed dimensions, which are dropped: they belong to
        samples. Scalar coordinates and those along other dimensions are kept.

    Notes
    -----
    Coordinates are made at once. The rest is one pass, which Dask fuses to one task per chunk where
    the dimensions are whole: filling, trend, window, transform, and one multiplication with phases
    and amplitude that also shifts. See :func:`spanwise.fft.{name}` for dimensions that are cut;
    taking a trend away reads the data twice, and to interpolate makes them whole first or reads
    the data twice.

    Examples
    --------
    {example}
    """

_INVERSE = """{summary}

    ``x[j] = sum_k X(f[k]) exp(2 pi i f[k] t[j]) / (n d)``, over every dimension named. Coordinates
    come back as they were, of odd lengths too; a spectrum of other origin gives coordinates around
    0, or around ``lag``.

    Parameters
    ----------
    obj : DataArray or Dataset
        Spectrum, on an array of any library or a Dask array cut along any dimension, as
        :func:`spanwise.labels.fft.{forward}` and xrft give them, shifted or not. Of a Dataset every
        numeric variable is transformed along those of the dimensions that it has.
    {dim}
        These are the dimensions of frequencies: ``"freq_x"``.
    {n}norm : {{"backward", "ortho", "forward"}}, optional
        As in :func:`spanwise.fft.{name}`.
    {real_dim}true_phase : bool, optional
        Whether the phase counts from coordinate 0. Default: as the forward transform recorded it,
        and True where it did not.
    true_amplitude : bool, optional
        Whether to divide by the spacing of the samples. Default: likewise.
    lag : float, sequence of float or mapping of dimension to float, optional
        Coordinate of the central sample, at index ``n // 2``, instead of the recorded one (None in
        a sequence, which has one for each dimension: the recorded one). The coordinate is then a
        plain number (times: seconds since 1970).
    prefix : str, default: "freq_"
        Taken away from the name of a dimension.
    spacing_tol : float, default: 1e-3
        Difference of steps, relative to their mean, up to which frequencies are evenly spaced.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    DataArray or Dataset
        {returns}; dimensions in the order of the input. ``units`` become the product with those of
        the frequencies (unchanged without ``true_amplitude``). Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have, or whose coordinate holds no frequencies of a
        transform.
    ArrayTypeError
        For anything but xarray objects.
    NonFiniteError
        When the result is computed, by the task that meets NaN or infinity along a transformed
        dimension.
    MemoryBudgetError
        If no way of making the dimensions whole fits the memory budget.

    Notes
    -----
    A window and a trend that the forward transform took away do not come back.

    One pass; one task per chunk where the dimensions are whole, see :func:`spanwise.fft.{name}`.
    A coordinate of the forward transform comes back to the last bit if it has up to 4096 points,
    or is ``first + step * j`` in floating point, in integers or in fractions, as ``np.linspace``,
    ``np.arange`` and rounded values are; otherwise it is equal within rounding.

    Examples
    --------
    {example}
    """

ARRAY = """>>> import numpy as np, xarray as xr
    >>> from spanwise.labels.fft import {names}
    >>> t = xr.date_range("2000-01-01", periods=6, freq="1D")
    >>> da = xr.DataArray(np.arange(12.0).reshape(2, 6), dims=("station", "time"))
    >>> da = da.assign_coords(time=t).assign_attrs(units="K")"""
ARRAY_2D = """>>> import numpy as np, xarray as xr
    >>> from spanwise.labels.fft import {names}
    >>> da = xr.DataArray(np.arange(15.0).reshape(3, 5), dims=("y", "x"), attrs={{"units": "K"}})
    >>> da = da.assign_coords(x=("x", 0.1 * np.arange(5), {{"units": "m"}}))"""

_CALLS = {
    "fft": """
    >>> spectrum = {name}({obj})
    >>> spectrum.dims, spectrum.units, spectrum.dtype
    {expected}""",
    "ifft": """
    >>> back = {name}({forward}({obj}), {fdim})
    >>> back.dims, back.units, bool(abs(back - da).max() < 1e-12)
    {expected}""",
}

PARTS = {
    "": ("'time'", "'freq_time'"),
    "2": ("('y', 'x')", "('freq_y', 'freq_x')"),
    "n": ("...", "..."),
}


def _example(name: str, kind: str, rank: str) -> str:
    """A doctest for each function, on one array."""
    inverse = kind.startswith("i")
    forward = name.removeprefix("i")
    dim, fdim = PARTS[rank]
    names = f"{forward}, {name}" if inverse else name
    array = (ARRAY if not rank else ARRAY_2D).format(names=names)
    obj = f"da, {dim}"
    if inverse:
        dims = "('station', 'time')" if not rank else "('y', 'x')"
        expected = f"({dims}, 'K', True)"
        if rank:
            # y has no unit, so that the unit of the spectrum was not known.
            array += '\n    >>> da = da.assign_coords(y=("y", np.arange(3), {"units": "m"}))'
        call = _CALLS["ifft"].format(
            name=name, forward=forward, obj=obj, fdim=fdim, expected=expected
        )
    else:
        dims = "('station', 'freq_time')" if not rank else "('freq_y', 'freq_x')"
        if rank:
            array += '\n    >>> da = da.assign_coords(y=("y", np.arange(3), {"units": "m"}))'
        units = "K s" if not rank else "K m^2"
        expected = f"({dims}, {units!r}, dtype('complex128'))"
        call = _CALLS["fft"].format(name=name, obj=obj, expected=expected)
    return array + call


_REAL_DIM = {
    False: """real_dim : str, optional
        One of the dimensions, for real data: only its non-negative frequencies are computed and
        returned, never shifted; it keeps its place. Added to ``dim`` if it is not there.
    """,
    True: """real_dim : str, optional
        The dimension that holds the non-negative frequencies only: the result is real. Added to
        ``dim`` if it is not there.
    """,
}

FILL = """fill : "interp" or number, optional
        What takes the place of NaN, as in :func:`spanwise.labels.fft.fft`.
    """

Function = TypeVar("Function", bound=Callable[..., Any])


def rank_of(name: str) -> str:
    """The ending of a name that tells how many dimensions there are: "", "2" or "n"."""
    return name[-1] if name[-1] in "2n" else ""


def documented(function: Function) -> Function:
    """Complete a summary line to the docstring that all Fourier transforms share."""
    name = function.__name__
    rank = rank_of(name)
    kind = name.removesuffix(rank)
    real = kind in ("rfft", "irfft")
    is_inverse = kind.startswith("i")
    n = ""
    if is_inverse:
        which = "the last one named" if real else "``real_dim``"
        n = f"""n : int or mapping of dimension to int, optional
        Points of the halved dimension, {which}. Default: as recorded, else twice the number of
        frequencies less two.
    """
    template = _INVERSE if is_inverse else _FORWARD
    function.__doc__ = template.format(
        summary=function.__doc__,
        name=name,
        forward=name.removeprefix("i"),
        x="Real data" if real else "Real or complex data",
        dim=DIM[rank].format(last=", the halved one last" if real else ""),
        n=n,
        real_dim="" if real else _REAL_DIM[is_inverse],
        shift_note=", but not on the halved dimension",
        complex_error=", and for complex data" + ("" if real else " with ``real_dim``"),
        returns="Real" if real else "Complex, real with ``real_dim``",
        example=_example(name, kind, rank),
    )
    return function
