"""The docstrings that transforms of Hermitian signals share."""

from __future__ import annotations

from ._docs import ARRAY, ARRAY_2D, DIM, FILL, PARTS, Function, rank_of

_HERMITIAN = """{summary}

    The signal is Hermitian along the last of the dimensions, x(-t) = conj(x(t)), and its samples
    from the centre on are {given}. The phase counts from the first sample of each dimension,
    whatever its coordinate.

    Parameters
    ----------
    obj : DataArray or Dataset
        {x}, on an array of any library or a Dask array cut along any dimension.
    {dim}
    {n}norm : {{"backward", "ortho", "forward"}}, optional
        As in :func:`spanwise.fft.{name}`.
    {shift}true_amplitude : bool, {amplitude}
    {fill}prefix : str, default: "freq_"
        {prefix}.
    spacing_tol : float, default: 1e-3
        Difference of steps, relative to their mean, up to which a coordinate is evenly spaced.
    keep_attrs : bool, optional
        As in xarray, whose option of this name decides by default.

    Returns
    -------
    DataArray or Dataset
        {returns} Coordinates, units and other attributes as of
        :func:`spanwise.labels.fft.{plain}`. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For dimensions that the data does not have, or coordinates that do not fit.
    ArrayTypeError
        For anything but xarray objects{complex_error}.
    NonFiniteError
        When the result is computed, by the task that meets NaN or infinity along a transformed
        dimension.
    MemoryBudgetError
        If no way of making the dimensions whole fits the memory budget.

    Examples
    --------
    {example}
    """


def documented_hermitian(function: Function) -> Function:
    """Complete a summary line to the docstring that transforms of Hermitian signals share."""
    name = function.__name__
    is_inverse, rank = name.startswith("i"), rank_of(name)
    forward = name.removeprefix("i")
    n = """n : int or mapping of dimension to int, optional
        Points of the transform: ``2 (m - 1)`` of m samples along the last dimension by default.
    """
    dim, fdim = PARTS[rank]
    call = f"{forward}(da, {dim})"
    names = f"{forward}, {name}" if is_inverse else name
    array = (ARRAY if not rank else ARRAY_2D).format(names=names)
    if is_inverse:
        shown = f">>> bool(abs({name}({call}, {fdim}) - da).max() < 1e-12)\n    True"
    else:
        sizes = {"freq_y": 3, "freq_x": 8} if rank else {"station": 2, "freq_time": 10}
        dtype = "dtype('float64')"
        shown = f">>> y = {call}\n    >>> dict(y.sizes), y.dtype\n    ({sizes}, {dtype})"
    if is_inverse and rank:
        # Along y the result of data that are not Hermitian there is complex.
        array += "\n    >>> da = da.isel(y=[0, 1, 1])"
    function.__doc__ = _HERMITIAN.format(
        summary=function.__doc__,
        name=name,
        plain="ifft" if is_inverse else "fft",
        given="what is returned" if is_inverse else "the data",
        x="Real spectrum, shifted or not" if is_inverse else "Real or complex data",
        dim=DIM[rank].format(last=", that of the half signal last"),
        n="" if is_inverse else n,
        shift=""
        if is_inverse
        else "shift : bool, default: True\n        Put the zero frequency in the centre.\n    ",
        amplitude="optional\n        Whether to divide by the spacing of the samples. Default: as "
        "recorded."
        if is_inverse
        else "default: True\n        Multiply by the spacing of the samples.",
        fill="" if is_inverse else FILL,
        prefix="Taken away from the name of a dimension"
        if is_inverse
        else "Put before the name of a dimension for its frequencies",
        returns="Complex, with ``n // 2 + 1`` samples of the last dimension."
        if is_inverse
        else "Real, in single precision if the data are.",
        complex_error=", and for complex data" if is_inverse else "",
        example=f"{array}\n    {shown}",
    )
    return function
