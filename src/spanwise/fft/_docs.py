"""The docstring that all transforms share, filled in for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

_PARAMETERS_1D = """n : int, optional
        Points of the transform: the axis is cropped to {crop} or padded with zeros. The default
        is {default}.
    axis : int, default: -1
        Axis to transform. It may be cut into chunks of any lengths."""

_PARAMETERS_ND = """s : sequence of int, optional
        Points of the transform on each of the axes: an axis is cropped or padded with zeros to
        it; -1 keeps the length. The default is {default}.
    axes : sequence of int, {axes_default}
        Axes to transform{last}. They may be cut into chunks of any lengths. ``s`` without ``axes``
        means the last ``len(s)`` axes."""

_DOCSTRING = """{summary}

    {formula}

    Parameters
    ----------
    x : array
        {x}.
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.
    {parameters}
    norm : {{"backward", "ortho", "forward"}}, optional
        Where the factor 1/n stands: with the inverse (default), its root with both, or with the
        forward transform.
    overwrite_x : bool, default: False
        Accepted for SciPy's sake; no input is ever overwritten.
    workers : int, optional
        Threads for a NumPy array, as SciPy takes them. No effect on others: Dask runs as many
        tasks at a time as it has threads, each with one.
    plan : None
        SciPy's reserved argument; anything else raises.

    Returns
    -------
    array
        {returns}
        Same library, device and kind of container; float32 stays in single precision, integers
        become double. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        For axes that the array does not have or that repeat, fewer than one point, or an unknown
        ``norm``.
    ArrayTypeError
        For labelled, masked, sparse or object arrays{complex_error}.
    MemoryBudgetError
        If no way of making the axes whole fits the memory budget.

    Notes
    -----
    Along whole axes: 1 task per chunk, nothing moved. Along cut axes: each chunk is read once and
    moved once, in memory or, over the budget, through a temporary store; see
    :func:`spanwise.explain`. Same result as :func:`scipy.fft.{name}`.

    Examples
    --------
    {example}
    """

_EXAMPLES = {
    "fft": """>>> import dask.array as da, spanwise as sw
    >>> x = da.ones((64, 32), chunks=(10, 32), dtype="float32")
    >>> y = sw.fft.{name}(x, norm="ortho")
    >>> y.shape, y.dtype
    ((64, 32), dtype('complex64'))
    >>> round(float((abs(y) ** 2).sum() / (x**2).sum()), 5)  # Parseval
    1.0""",
    "ifft": """>>> import dask.array as da, spanwise as sw
    >>> x = da.ones((64, 32), chunks=(10, 32), dtype="float32")
    >>> y = sw.fft.{name}(sw.fft.{forward}(x))
    >>> y.dtype, bool(abs(y - x).max().compute() < 1e-6)
    (dtype('complex64'), True)""",
    "rfft": """>>> import dask.array as da, spanwise as sw
    >>> x = da.ones((100, 64, 32), chunks=(10, 64, 32), dtype="float32")
    >>> sw.fft.{name}(x).shape, sw.fft.{name}(x).dtype
    ((100, 64, 17), dtype('complex64'))""",
    "irfft": """>>> import dask.array as da, spanwise as sw
    >>> x = da.ones((100, 64, 32), chunks=(10, 64, 32), dtype="float32")
    >>> y = sw.fft.{name}(sw.fft.{forward}(x))
    >>> y.shape, y.dtype, bool(abs(y - x).max().compute() < 1e-6)
    ((100, 64, 32), dtype('float32'), True)""",
}

_FORMULAS = {
    "fft": "``X[k] = sum_j x[j] exp(-2 pi i j k / n)``",
    "ifft": "``x[j] = 1/n sum_k X[k] exp(2 pi i j k / n)``",
    "rfft": "``X[k] = sum_j x[j] exp(-2 pi i j k / n)`` for ``k = 0 ... n//2`` on the last axis "
    "given.",
    "irfft": "The inverse of ``rfft``: the last axis given holds ``k = 0 ... n//2`` of a "
    "Hermitian spectrum.",
}


_RETURNS = {
    "rfft": "The non-negative frequencies: ``n//2 + 1`` points on the last of the axes.",
    "irfft": "Real data of ``n`` points on the last of the axes.",
}
_HALF_DEFAULT = "twice the number of points less two, on the last of the axes"

_Function = TypeVar("_Function", bound=Callable[..., Any])


def documented(function: _Function) -> _Function:
    """Complete a summary line to the docstring that all transforms share."""
    name = function.__name__
    kind = name.rstrip("2n") if name[-1] in "2n" else name
    real_input, real_output = kind == "rfft", kind == "irfft"
    parameters = (_PARAMETERS_1D if name == kind else _PARAMETERS_ND).format(
        crop="``n//2 + 1`` points" if real_output else "it",
        default=_HALF_DEFAULT if real_output else "the length of the axis",
        axes_default="default: (-2, -1)" if name.endswith("2") else "optional",
        last=", the real one last" if real_input or real_output else "",
    )
    function.__doc__ = _DOCSTRING.format(
        summary=function.__doc__,
        formula=_FORMULAS[kind],
        x="Real data, any shape" if real_input else "Real or complex data, any shape",
        parameters=parameters,
        returns=_RETURNS.get(kind, "The transform, zero frequency first."),
        complex_error=" and, since the input must be real, for complex ones" if real_input else "",
        name=name,
        example=_EXAMPLES[kind].format(name=name, forward=name[1:]),
    )
    return function
