"""Samples from labelled spectra of segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ... import fft as _fft
from ... import signal as _signal
from ...errors import ArgumentError
from ..attrs import derived_attrs
from ..coords import Axis, recorded_axis
from ..select import check_labelled, new_variable
from ..treatment import Treatment
from ._common import over
from ._stft import LABELS

__all__ = ["istft"]


_RECORD = ("nperseg", "noverlap", "samples", "boundary", "window", "scaling")
"""What the way back must know."""


def istft(
    obj: Any,
    dim: str | None = None,
    *,
    window: Any = None,
    nperseg: int | None = None,
    noverlap: int | None = None,
    boundary: bool | None = None,
    scaling: Literal["spectrum", "psd"] | None = None,
    prefix: str = "freq_",
    keep_attrs: bool | None = None,
) -> Any:
    """Samples from a short-time Fourier transform: the inverse of `stft`.

    Parameters
    ----------
    obj : DataArray or Dataset
        What `stft` gave, or a function of it.
    dim : str, optional
        Dimension of the segments, as `stft` was told: by default that of the only frequencies
        there are.
    window, nperseg, noverlap, boundary, scaling : optional
        As of :func:`spanwise.signal.istft`: by default as `stft` recorded them in the coordinate
        of the frequencies. A window given by its values has to be given again.
    prefix : str, default: "freq_"
        What was put before the name of the dimension for its frequencies.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    DataArray or Dataset
        The samples with the coordinate that they had, on the dimension in place of that of the
        frequencies; real if the spectrum was one-sided, in its precision. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        Where there are no frequencies that `stft` made, for a window that has to be given, and what
        :func:`spanwise.signal.istft` refuses.
    ArrayTypeError
        For anything but xarray objects.
    MemoryBudgetError
        If the plan exceeds the memory budget.

    Warns
    -----
    UserWarning
        If windows add up to nothing at some samples, which cannot be restored.

    Notes
    -----
    One pass over the data and one task per chunk of segments. Zeros that made the last segment
    whole are taken away again.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from spanwise.labels.signal import istft, stft
    >>> x = xr.DataArray(np.random.default_rng(0).standard_normal(500), dims="t", name="x")
    >>> x = x.assign_coords(t=0.1 * np.arange(500))
    >>> y = istft(stft(x, "t", nperseg=64, window="hamming"))
    >>> y.name, bool(y.t.equals(x.t)), bool(abs(x - y).max() < 1e-14)
    ('x', True, True)
    """
    check_labelled(obj, "signal.istft")
    d = _segment_dim(obj, dim, prefix)
    name = f"{prefix}{d}"
    given = {
        "window": window,
        "nperseg": nperseg,
        "noverlap": noverlap,
        "boundary": boundary,
        "scaling": scaling,
    }
    how = Treatment(prefix=prefix, spacing_tol=0.0, keep_attrs=keep_attrs)

    def one(da: Any, own: tuple[str, ...]) -> Any:
        if len(own) < 2:
            return da
        attrs = da.coords[name].attrs if name in da.coords else {}
        axis, record = recorded_axis(attrs, _RECORD)
        if axis is None or d not in da.dims:
            raise ArgumentError(
                f"dim={d!r}: the coordinate {name!r} does not say how stft made it; call "
                "spanwise.signal.istft(da.data, ...) and label the result"
            )
        return _restored(da, d, name, axis, record | _chosen(given), int(attrs["length"]), how)

    return over(obj, (name, d), one, keep_attrs)


def _segment_dim(obj: Any, dim: str | None, prefix: str) -> str:
    """The dimension of the segments."""
    found = [d for d in obj.dims if f"{prefix}{d}" in obj.dims]
    if dim is None and len(found) == 1:
        return found[0]
    if dim is None or dim not in found:
        listed = ", ".join(map(repr, obj.dims))
        raise ArgumentError(
            f"dim={dim!r}: expected a dimension of segments beside that of their frequencies "
            f"({prefix}<dim>); the data has {listed}"
        )
    return dim


def _chosen(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if value is not None}


def _restored(
    da: Any, d: str, name: str, axis: Axis, record: dict[str, Any], points: int, how: Treatment
) -> Any:
    """The samples of one DataArray, by what is recorded of its segments."""
    window = record["window"]
    if window is None:
        raise ArgumentError(
            "window=None: the segments were multiplied by values, which are not recorded; give "
            "them again"
        )
    frequencies, segments = da.get_axis_num(name), da.get_axis_num(d)
    half = da.sizes[name] == points // 2 + 1 and points > 1
    x = da.data if half else _fft.ifftshift(da.data, axes=(frequencies,))
    rate = 1.0 / float(axis.spacing)
    _, y = _signal.istft(
        x,
        fs=rate,
        window=tuple(window) if isinstance(window, list) else window,
        nperseg=record["nperseg"],
        noverlap=record["noverlap"],
        nfft=points,
        input_onesided=half,
        boundary=record["boundary"],
        time_axis=segments,
        freq_axis=frequencies,
        scaling=record["scaling"],
    )
    number = segments - (frequencies < segments)
    samples = min(record["samples"], y.shape[number])
    y = y[(*(slice(None),) * number, slice(samples), ...)]
    # The samples take the place of the frequencies, where they were before.
    dims = [dim for dim in da.dims if dim != name]
    order = [dim for dim in da.dims if dim != d]
    order[order.index(name)] = d
    bare = da.drop_vars([c for c, v in da.coords.items() if {d, name} & set(v.dims)])
    attrs = derived_attrs(da.attrs, how.keep_attrs) if record["scaling"] == "spectrum" else {}
    long_name = str(attrs.get("long_name", ""))
    if long_name.startswith(LABELS["complex"]):
        attrs["long_name"] = long_name.removeprefix(LABELS["complex"])
    out = new_variable(bare, tuple(dims), y, attrs)
    out.name = da.name
    coordinate = axis.coordinate(samples)
    out = out if coordinate is None else out.assign_coords({d: coordinate})
    return out.transpose(*order)
