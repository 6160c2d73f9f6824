"""Convolutions by dimension name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ...errors import ArgumentError
from ...signal._convolve import convolve_arrays
from ..attrs import derived_attrs, kept_attrs
from ..coords import read_axis
from ..missing import Fill, check_fill, fill_missing, source_of
from ..select import Dims, check_labelled, choose_dims, on_dims
from ._common import over

__all__ = ["fftconvolve"]


def fftconvolve(
    obj: Any,
    kernel: Any,
    dim: Dims = None,
    *,
    mode: Literal["same", "valid"] = "same",
    fill: Fill = None,
    spacing_tol: float = 1e-3,
    keep_attrs: bool | None = None,
) -> Any:
    """Convolve with a kernel of weights, along one dimension or several.

    ``y[i] = sum_j kernel[j] x[i + c - j]``, with c the middle of the kernel, ``(k - 1) // 2`` of k
    weights, and x 0 outside.

    Parameters
    ----------
    obj : DataArray or Dataset
        Real or complex data, on an array of any library or a Dask array cut along any dimension.
        Of a Dataset every numeric variable that has all of the dimensions is convolved; others are
        kept as they are.
    kernel : DataArray or array
        The weights. An array has the dimensions ``dim``, in this order. A DataArray may have others
        of the data beside, along which it multiplies: weights of each station. NumPy, of the
        library of the data, or a Dask array.
    dim : str, sequence of str or ..., optional
        Dimension to convolve along, several, or ``...`` for all. Default: those of a DataArray
        as kernel, or the only one of the data.
    mode : {"same", "valid"}, default: "same"
        "same": as many points as the data, on its coordinates. "valid": those that depend on no
        zeros outside, ``n - k + 1`` of n, with their coordinates.
    fill : "interp" or number, optional
        What takes the place of NaN: the number, or a linear interpolation along the first of the
        dimensions that has values (the nearest beyond the ends). None: NaN is an error.
    spacing_tol : float, default: 1e-3
        Relative difference up to which the spacing of a kernel's coordinate is that of the data's.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    DataArray or Dataset
        With the dimensions, the coordinates and the name of the input; in the higher precision of
        data and kernel. ``units`` stay as they are, multiplied by those of the kernel if it has
        any. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have, a kernel of other dimensions, of another spacing
        or of other coordinates along dimensions that multiply, an unknown ``mode``, and for "valid"
        with a kernel that is longer than the data.
    ArrayTypeError
        For anything but xarray objects, and for a kernel of another library than the data.
    MemoryBudgetError
        If a chunk and what it reads exceeds the memory budget.
    NonFiniteError
        For NaN or infinity along the dimensions, by the task that meets it: with a Dask array, when
        the result is computed.

    Notes
    -----
    One pass over the data. Along cut dimensions each chunk reads as much of the next ones as the
    kernel is long, see :func:`spanwise.signal.fftconvolve`. A kernel whose coordinate falls where
    that of the data rises is turned round. For all ``n + k - 1`` points pad the data with zeros
    first (:func:`spanwise.labels.fft.pad`).

    Examples
    --------
    A mean over a year of months:

    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import fftconvolve
    >>> t = xr.date_range("2000-01-01", periods=48, freq="30D")
    >>> sst = xr.DataArray(np.arange(48.0), {"time": t}, name="sst", attrs={"units": "K"})
    >>> year = fftconvolve(sst, np.full(12, 1 / 12), "time", mode="valid")
    >>> year.sizes["time"], year.units, round(float(year[0]), 9), str(year.time.values[0])[:10]
    (37, 'K', 5.5, '2000-06-29')
    """
    import xarray as xr

    check_labelled(obj, "signal.fftconvolve")
    fill = check_fill(fill)
    if mode not in ("same", "valid"):
        raise ArgumentError(
            f"mode={mode!r}: expected 'same' or 'valid'; for all points pad the data with zeros "
            "first: da.spanwise.fft.pad(...)"
        )
    if dim is None and isinstance(kernel, xr.DataArray):
        dim = [str(d) for d in kernel.dims]
    dims = choose_dims(obj, dim)
    kernel = _labelled(kernel, dims)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        if own != dims:
            return da
        weights = _oriented(da, kernel, dims, spacing_tol)
        da = fill_missing(da, dims, fill)
        axes = tuple(da.get_axis_num(d) for d in dims)
        if mode == "valid":
            _check_valid(da, weights, dims)
        lengths = [weights.sizes.get(d, 1) for d in da.dims]
        taps = weights.transpose(*(d for d in da.dims if d in weights.dims)).data.reshape(lengths)
        y = convolve_arrays("fftconvolve", da.data, taps, mode, axes, source_of(da, dims))
        if mode == "valid":
            da = da.isel({d: _valid(da.sizes[d], weights.sizes[d]) for d in dims})
        if weights.attrs.get("units") is None:
            attrs = kept_attrs(da.attrs, keep_attrs)
        else:
            attrs = derived_attrs(da.attrs, keep_attrs, (weights.attrs["units"], 1))
        return on_dims(da, y, {}, attrs)

    return over(obj, dims, one, keep_attrs)


def _labelled(kernel: Any, dims: tuple[str, ...]) -> Any:
    """The kernel with the names of its dimensions."""
    import xarray as xr

    if isinstance(kernel, xr.DataArray):
        missing = [d for d in dims if d not in kernel.dims]
        if missing:
            raise ArgumentError(
                f"kernel has the dimensions {kernel.dims}, not {missing}; name those to convolve "
                f"along, dim={kernel.dims!r}"
            )
        return kernel
    kernel = kernel if hasattr(kernel, "ndim") else np.asarray(kernel)
    if kernel.ndim != len(dims):
        raise ArgumentError(
            f"kernel has {kernel.ndim} axes; expected {len(dims)}, of the dimensions {dims}"
        )
    return xr.DataArray(kernel, dims=dims)


def _oriented(da: Any, kernel: Any, dims: Sequence[str], spacing_tol: float) -> Any:
    """The kernel in the direction of the data, after a look at its coordinates."""
    for name in kernel.dims:
        if name not in da.dims:
            raise ArgumentError(
                f"kernel has the dimension {name!r}, which the data does not have: {da.dims}"
            )
        if name in dims:
            kernel = _along(da, kernel, name, spacing_tol)
        elif name in da.indexes and name in kernel.indexes:
            if not da.indexes[name].equals(kernel.indexes[name]):
                raise ArgumentError(
                    f"kernel has other coordinates along {name!r} than the data, along which the "
                    f"two multiply; align them first: kernel.sel({name}=da.{name})"
                )
        elif kernel.sizes[name] != da.sizes[name]:
            raise ArgumentError(
                f"kernel has {kernel.sizes[name]} elements along {name!r}, along which it "
                f"multiplies the {da.sizes[name]} of the data; expected as many, or add {name!r} "
                "to dim"
            )
    return kernel


def _along(da: Any, kernel: Any, name: str, spacing_tol: float) -> Any:
    if name not in da.coords or name not in kernel.coords or kernel.sizes[name] < 2:
        return kernel
    data = read_axis(da, name, spacing_tol=spacing_tol)
    weights = read_axis(kernel, name, spacing_tol=spacing_tol)
    if abs(weights.spacing - data.spacing) > spacing_tol * data.spacing:
        raise ArgumentError(
            f"kernel has a spacing of {float(weights.spacing):g} along {name!r}, and the data of "
            f"{float(data.spacing):g}; interpolate one to the other, or drop the coordinate of the "
            f"kernel: kernel.drop_vars({name!r})"
        )
    if weights.is_decreasing == data.is_decreasing:
        return kernel
    return kernel.isel({name: slice(None, None, -1)})


def _check_valid(da: Any, kernel: Any, dims: Sequence[str]) -> None:
    for d in dims:
        if kernel.sizes[d] > da.sizes[d]:
            raise ArgumentError(
                f"mode='valid': the kernel has {kernel.sizes[d]} weights along {d!r}, more than "
                f"the {da.sizes[d]} points of the data; mode='same' takes it"
            )


def _valid(n: int, k: int) -> slice:
    """The points of the data on which the middle of the kernel lies."""
    first = k - 1 - (k - 1) // 2
    return slice(first, first + n - k + 1)
