"""The docstrings that cosine and sine transforms share."""

from __future__ import annotations

from ._docs import ARRAY, DIM, FILL, Function, rank_of

_WAVES = """{summary}

    The numbers are those of :func:`spanwise.fft.{name}`, plain sums in the order of the data; the
    phase counts from the end of the line.

    Parameters
    ----------
    obj : DataArray or Dataset
        {x}, on an array of any library or a Dask array cut along any dimension. Of a Dataset
        every numeric variable is transformed along those of the dimensions that it has.
    {dim}
    type : {{1, 2, 3, 4}}, {type}
    {n}norm : {{"backward", "ortho", "forward"}}, optional
        As in :func:`spanwise.fft.{name}`.
    orthogonalize : bool, optional
        As in :func:`spanwise.fft.{name}`.
    {fill}prefix : str, default: "freq_"
        {prefix}.
    {tol}keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    DataArray or Dataset
        In the precision of the data, real if they are, with their units; dimensions in the order of
        the input. {returns} Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have, a type that does not exist or does not go with
        the length, and {coordinates}.
    ArrayTypeError
        For anything but xarray objects.
    NonFiniteError
        When the result is computed, by the task that meets NaN or infinity along a transformed
        dimension.
    MemoryBudgetError
        If no way of making the dimensions whole fits the memory budget.

    Examples
    --------
    {example}
    """

_WAVE_FREQUENCIES = """Each transformed dimension is renamed and has a coordinate of
        frequencies: with n samples a distance d apart those of type 2 are ``k / (2 n d)`` for
        cosines and ``(k + 1) / (2 n d)`` for sines, of types 3 and 4 ``(k + 1/2) / (2 n d)``, of
        type 1 ``k / (2 (n - 1) d)`` and ``(k + 1) / (2 (n + 1) d)``."""


def documented_waves(function: Function) -> Function:
    """Complete a summary line to the docstring that cosine and sine transforms share."""
    name = function.__name__
    is_inverse, rank = name.startswith("i"), rank_of(name)
    n = """n : int or mapping of dimension to int, optional
        Points of the transform: a dimension is cropped or padded with zeros at its end.
    """
    tol = """spacing_tol : float, default: 1e-3
        Difference of steps, relative to their mean, up to which a coordinate is evenly spaced.
    """
    restored = "Coordinates come back as they were; of other origin they count from 0."
    function.__doc__ = _WAVES.format(
        summary=function.__doc__,
        name=name,
        x="Spectrum" if is_inverse else "Real or complex data",
        dim=DIM[rank].format(last=""),
        type="optional\n        Default: as the forward transform recorded it, else 2."
        if is_inverse
        else "default: 2\n        Which of the transforms.",
        n="" if is_inverse else n,
        fill="" if is_inverse else FILL,
        prefix="Taken away from the name of a dimension"
        if is_inverse
        else "Put before the name of a dimension for its frequencies",
        tol="" if is_inverse else tol,
        returns=restored if is_inverse else _WAVE_FREQUENCIES,
        coordinates="for frequencies of another transform"
        if is_inverse
        else "for coordinates that are not evenly spaced numbers or times",
        example=_example(name, rank),
    )
    return function


def _example(name: str, rank: str) -> str:
    forward = name.removeprefix("i")
    names = forward if forward == name else f"{forward}, {name}"
    dim, fdim = ("...", "...") if rank else ("'time'", "'freq_time'")
    call = f"{forward}(da, {dim})"
    if forward != name:
        lines = [f">>> bool(abs({name}({call}, {fdim}) - da).max() < 1e-12)", "True"]
    else:
        cycles = 1 / 6 if forward.startswith("dst") else 1 / 12
        lines = [f">>> round(float({call}.freq_time[1]) * 86400, 6)  # cycles per day"]
        lines.append(str(round(cycles, 6)))
    if rank:
        lines.insert(0, ">>> da = da.assign_coords(station=[1.0, 2.0])")
    return "\n    ".join([ARRAY.format(names=names), *lines])
