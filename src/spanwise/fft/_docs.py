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
        NumPy, CuPy, PyTorch or any array-API array, or a Dask array of NumPy or CuPy chunks.{type}
    {parameters}
    norm : {{"backward", "ortho", "forward"}}, optional
        Where the factor {factor} stands: with the inverse (default), its root with both, or with
        the forward transform.
    overwrite_x : bool, default: False
        Accepted for SciPy's sake; no input is ever overwritten.
    workers : int, optional
        Threads for a NumPy array, as SciPy takes them. No effect on others: Dask runs as many
        tasks at a time as it has threads, each with one.
    {last_parameter}{order}
    output_chunks : {{"auto", "restore"}} or chunks, default: "auto"
        Chunks of a Dask result: those in which the plan leaves it, those of the input (of an axis
        whose length changes: of the same size), or any that ``rechunk`` takes. What the last
        exchange cannot give at once takes one more.

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
        ``norm``{type_error}.
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

_PLAN = """plan : None
        SciPy's reserved argument; anything else raises."""

_ORDER = """
    order : {"natural", "decimated"}, default: "natural"
        Order of the points of a cut axis beside which there is no other to cut, which is
        transformed in four steps. {direction}
        Axes that are transformed in one chunk, and arrays that are not chunked, are in natural
        order either way."""

_DIRECTIONS = {
    "gives": """In decimated order, chunk k of P holds every P-th point
        from k on, and natural order costs an exchange more. The inverse and `fftfreq` take the
        same argument.""",
    "takes": """A decimated axis is taken as the forward transform gave it
        out: chunk k of P holds every P-th point from k on.""",
}

_TYPE = """
    type : {1, 2, 3, 4}, default: 2
        Which of the four transforms; see :func:`scipy.fft.{kind}`."""

_ORTHOGONALIZE = """orthogonalize : bool, optional
        Whether the points at the ends are scaled so that, with ``norm="ortho"``, the transform is
        an orthogonal one; by default if ``norm="ortho"``. As in SciPy, of no effect on complex
        data, where the default holds."""

_IMPORTS = """>>> import dask.array as da, spanwise as sw
    """

_EXAMPLES = {
    "fft": """>>> x = da.ones((64, 32), chunks=(10, 32), dtype="float32")
    >>> y = sw.fft.{name}(x, norm="ortho")
    >>> y.shape, y.dtype
    ((64, 32), dtype('complex64'))
    >>> round(float((abs(y) ** 2).sum() / (x**2).sum()), 5)  # Parseval
    1.0""",
    "ifft": """>>> x = da.ones((64, 32), chunks=(10, 32), dtype="float32")
    >>> y = sw.fft.{name}(sw.fft.{forward}(x))
    >>> y.dtype, bool(abs(y - x).max().compute() < 1e-6)
    (dtype('complex64'), True)""",
    "rfft": """>>> x = da.ones((100, 64, 32), chunks=(10, 64, 32), dtype="float32")
    >>> sw.fft.{name}(x).shape, sw.fft.{name}(x).dtype
    ((100, 64, 17), dtype('complex64'))""",
    "irfft": """>>> x = da.ones((100, 64, 32), chunks=(10, 64, 32), dtype="float32")
    >>> y = sw.fft.{name}(sw.fft.{forward}(x))
    >>> y.shape, y.dtype, bool(abs(y - x).max().compute() < 1e-6)
    ((100, 64, 32), dtype('float32'), True)""",
    "hfft": """>>> x = da.ones((100, 64, 17), chunks=(10, 64, 17), dtype="complex64")
    >>> sw.fft.{name}(x).shape, sw.fft.{name}(x).dtype
    ((100, 64, 32), dtype('float32'))""",
    "ihfft": """>>> x = da.ones((100, 64, 32), chunks=(10, 64, 32), dtype="float32")
    >>> y = sw.fft.{name}(x)
    >>> y.shape, y.dtype, bool(abs(sw.fft.{forward}(y) - x).max().compute() < 1e-6)
    ((100, 64, 17), dtype('complex64'), True)""",
    "dct": """>>> x = da.ones((64, 32), chunks=(10, 32), dtype="float32")
    >>> y = sw.fft.{name}(x, norm="ortho")
    >>> y.shape, y.dtype
    ((64, 32), dtype('float32'))
    >>> round(float((y**2).sum() / (x**2).sum()), 5)  # an orthogonal transform
    1.0""",
    "idct": """>>> x = da.ones((64, 32), chunks=(10, 32), dtype="float32")
    >>> y = sw.fft.{name}(sw.fft.{forward}(x, type=4), type=4)
    >>> y.dtype, bool(abs(y - x).max().compute() < 1e-6)
    (dtype('float32'), True)""",
}
_EXAMPLES["dst"], _EXAMPLES["idst"] = _EXAMPLES["dct"], _EXAMPLES["idct"]

_FORMULAS = {
    "fft": "``X[k] = sum_j x[j] exp(-2 pi i j k / n)``",
    "ifft": "``x[j] = 1/n sum_k X[k] exp(2 pi i j k / n)``",
    "rfft": "``X[k] = sum_j x[j] exp(-2 pi i j k / n)`` for ``k = 0 ... n//2`` on the last axis "
    "given.",
    "irfft": "The inverse of ``rfft``: the last axis given holds ``k = 0 ... n//2`` of a "
    "Hermitian spectrum.",
    "hfft": "``X[k] = sum_j x[j] exp(-2 pi i j k / n)``, where the last axis given holds\n    "
    "``j = 0 ... n//2`` of a signal with ``x[-j] = conj(x[j])``.",
    "ihfft": "``x[j] = 1/n sum_k X[k] exp(2 pi i j k / n)`` for ``j = 0 ... n//2`` on the last "
    "axis\n    given; the others are those of a signal with ``x[-j] = conj(x[j])``.",
    "dct": "Of type 2, ``y[k] = 2 sum_j x[j] cos(pi k (2j + 1) / 2n)``; complex data are taken as "
    "their\n    real and imaginary parts.",
    "idct": "Undoes :func:`~spanwise.fft.{forward}` of the same type, ``norm`` and "
    "``orthogonalize``.",
    "dst": "Of type 2, ``y[k] = 2 sum_j x[j] sin(pi (k + 1)(2j + 1) / 2n)``; complex data are "
    "taken as\n    their real and imaginary parts.",
}
_FORMULAS["idst"] = _FORMULAS["idct"]


_RETURNS = {
    "rfft": "The non-negative frequencies: ``n//2 + 1`` points on the last of the axes.",
    "irfft": "Real data of ``n`` points on the last of the axes.",
    "hfft": "A real spectrum of ``n`` points on the last of the axes.",
    "ihfft": "The first half of the signal: ``n//2 + 1`` points on the last of the axes.",
    "dct": "The transform, real for real data.",
}
_HALF_DEFAULT = "twice the number of points less two, on the last of the axes"

_ORDERED = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
"""Transforms of one axis that know decimated order."""


def _order(kind: str) -> str:
    direction = "takes" if kind in ("ifft", "irfft", "hfft") else "gives"
    return _ORDER.replace("{direction}", _DIRECTIONS[direction])


_Function = TypeVar("_Function", bound=Callable[..., Any])


def documented(function: _Function) -> _Function:
    """Complete a summary line to the docstring that all transforms share."""
    name = function.__name__
    kind = name.rstrip("2n") if name[-1] in "2n" else name
    is_trigonometric = kind.endswith(("dct", "dst"))
    real_input, real_output = kind in ("rfft", "ihfft"), kind in ("irfft", "hfft")
    parameters = (_PARAMETERS_1D if name == kind else _PARAMETERS_ND).format(
        crop="``n//2 + 1`` points" if real_output else "it",
        default=_HALF_DEFAULT if real_output else "the length of the axis",
        axes_default="default: (-2, -1)" if name.endswith("2") else "optional",
        last=", the real one last" if real_input or real_output else "",
    )
    returns = _RETURNS["dct"] if is_trigonometric else "The transform, zero frequency first."
    names = {"name": name, "forward": name.removeprefix("i")}
    function.__doc__ = _DOCSTRING.format(
        summary=function.__doc__,
        formula=_FORMULAS[kind].format(**names),
        x="Real data, any shape" if real_input else "Real or complex data, any shape",
        type=_TYPE.replace("{kind}", kind[-3:]) if is_trigonometric else "",
        parameters=parameters,
        factor="1/2n (of type 1: 1/2(n-1), 1/2(n+1))" if is_trigonometric else "1/n",
        last_parameter=_ORTHOGONALIZE if is_trigonometric else _PLAN,
        order=_order(kind) if name in _ORDERED else "",
        returns=_RETURNS.get(kind, returns),
        type_error=" or ``type``" if is_trigonometric else "",
        complex_error=" and, since the input must be real, for complex ones" if real_input else "",
        name=name,
        example=_IMPORTS + _EXAMPLES[kind].format(**names),
    )
    return function
