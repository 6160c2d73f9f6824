"""Discrete Fourier transforms, in SciPy's names, on arrays of any library and on Dask arrays.

A Dask array may be cut along any axis, transformed or not. Nothing is computed by a call: on a
Dask array it builds a graph of one task per chunk where the axes are whole, and an exchange of
slices between chunks where they are cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from . import dispatch, options
from .errors import ArgumentError, ArrayTypeError, UnsupportedError
from .graph.arguments import check_norm, integer, normal_axis, resolve_axes, resolve_lengths
from .kernels.blocks import roll as _roll_kernel
from .kernels.fft import fft as _kernel
from .kernels.library import namespace

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]

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
        Accepted for SciPy's sake. Dask runs as many tasks at a time as it has threads.
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
    "fft": """>>> import numpy as np, dask.array as da, spanwise as sw
    >>> x = np.exp(2j * np.pi * np.arange(8) / 8)
    >>> np.round(sw.fft.{name}(da.from_array(x, chunks=3)).compute().real, 6) + 0.0
    array([0., 8., 0., 0., 0., 0., 0., 0.])""",
    "ifft": """>>> import numpy as np, dask.array as da, spanwise as sw
    >>> x = da.from_array(np.array([0, 4.0, 0, 0]), chunks=2)
    >>> np.round(sw.fft.{name}(x).compute(), 6) + 0.0
    array([ 1.+0.j,  0.+1.j, -1.+0.j,  0.-1.j])""",
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


def _documented(function: _Function) -> _Function:
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


@_documented
def fft(
    x: Any,
    /,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Discrete Fourier transform along one axis."""
    return _transform("fft", "fft", x, _length(n), (axis,), norm, plan)


@_documented
def ifft(
    x: Any,
    /,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Inverse discrete Fourier transform along one axis."""
    return _transform("ifft", "ifft", x, _length(n), (axis,), norm, plan)


@_documented
def rfft(
    x: Any,
    /,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Discrete Fourier transform of real data along one axis."""
    return _transform("rfft", "rfft", x, _length(n), (axis,), norm, plan)


@_documented
def irfft(
    x: Any,
    /,
    n: int | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Inverse of `rfft`: real data from the non-negative frequencies of one axis."""
    return _transform("irfft", "irfft", x, _length(n), (axis,), norm, plan)


@_documented
def fft2(
    x: Any,
    /,
    s: Any = None,
    axes: Any = (-2, -1),
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Two-dimensional discrete Fourier transform."""
    return _transform("fft2", "fft", x, s, axes, norm, plan)


@_documented
def ifft2(
    x: Any,
    /,
    s: Any = None,
    axes: Any = (-2, -1),
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Inverse two-dimensional discrete Fourier transform."""
    return _transform("ifft2", "ifft", x, s, axes, norm, plan)


@_documented
def rfft2(
    x: Any,
    /,
    s: Any = None,
    axes: Any = (-2, -1),
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Two-dimensional discrete Fourier transform of real data."""
    return _transform("rfft2", "rfft", x, s, axes, norm, plan)


@_documented
def irfft2(
    x: Any,
    /,
    s: Any = None,
    axes: Any = (-2, -1),
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Inverse of `rfft2`: real data from half a two-dimensional spectrum."""
    return _transform("irfft2", "irfft", x, s, axes, norm, plan)


@_documented
def fftn(
    x: Any,
    /,
    s: Any = None,
    axes: Any = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """N-dimensional discrete Fourier transform."""
    return _transform("fftn", "fft", x, s, axes, norm, plan)


@_documented
def ifftn(
    x: Any,
    /,
    s: Any = None,
    axes: Any = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Inverse N-dimensional discrete Fourier transform."""
    return _transform("ifftn", "ifft", x, s, axes, norm, plan)


@_documented
def rfftn(
    x: Any,
    /,
    s: Any = None,
    axes: Any = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """N-dimensional discrete Fourier transform of real data."""
    return _transform("rfftn", "rfft", x, s, axes, norm, plan)


@_documented
def irfftn(
    x: Any,
    /,
    s: Any = None,
    axes: Any = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: int | None = None,
    *,
    plan: None = None,
) -> Any:
    """Inverse of `rfftn`: real data from half an N-dimensional spectrum."""
    return _transform("irfftn", "irfft", x, s, axes, norm, plan)


def fftshift(x: Any, /, axes: Any = None) -> Any:
    """Move the zero frequency to the centre.

    Parameters
    ----------
    x : array
        Any shape; a Dask array may be cut along any axis.
    axes : int or sequence of int, optional
        Axes to shift; all by default.

    Returns
    -------
    array
        Rolled by ``n // 2`` along each axis: same container, dtype and chunks. Lazy for a Dask
        array, one task per chunk.

    Examples
    --------
    >>> import numpy as np, spanwise as sw
    >>> sw.fft.fftshift(np.arange(5))
    array([3, 4, 0, 1, 2])
    """
    return _shift("fftshift", x, axes, lambda n: n // 2)


def ifftshift(x: Any, /, axes: Any = None) -> Any:
    """Undo `fftshift`; the two differ for odd lengths.

    Parameters
    ----------
    x : array
        Any shape; a Dask array may be cut along any axis.
    axes : int or sequence of int, optional
        Axes to shift; all by default.

    Returns
    -------
    array
        Rolled by ``-(n // 2)`` along each axis: same container, dtype and chunks.

    Examples
    --------
    >>> import numpy as np, spanwise as sw
    >>> sw.fft.ifftshift(sw.fft.fftshift(np.arange(5)))
    array([0, 1, 2, 3, 4])
    """
    return _shift("ifftshift", x, axes, lambda n: -(n // 2))


def fftfreq(n: int, d: float = 1.0, *, xp: Any = None, device: Any = None) -> Any:
    """Frequencies of the points of `fft`, in cycles per unit of the spacing.

    Parameters
    ----------
    n : int
        Points of the transform.
    d : float, default: 1.0
        Spacing of the samples.
    xp : module, optional
        Array namespace of the result; NumPy by default. ``dask.array`` gives a Dask array.
    device : optional
        Device of the result.

    Returns
    -------
    array, shape (n,)
        float64: ``[0, 1, ..., (n-1)//2, -(n//2), ..., -1] / (d n)``.

    Examples
    --------
    >>> import spanwise as sw
    >>> sw.fft.fftfreq(5, d=0.1)
    array([ 0.,  2.,  4., -4., -2.])
    """
    _check_points(n)
    values = (np.arange(n) + n // 2) % n - n // 2
    return _place(values * (1.0 / (n * d)), xp, device)


def rfftfreq(n: int, d: float = 1.0, *, xp: Any = None, device: Any = None) -> Any:
    """Frequencies of the points of `rfft`, in cycles per unit of the spacing.

    Parameters
    ----------
    n : int
        Points of the transform.
    d : float, default: 1.0
        Spacing of the samples.
    xp : module, optional
        Array namespace of the result; NumPy by default. ``dask.array`` gives a Dask array.
    device : optional
        Device of the result.

    Returns
    -------
    array, shape (n // 2 + 1,)
        float64: ``[0, 1, ..., n//2] / (d n)``.

    Examples
    --------
    >>> import spanwise as sw
    >>> sw.fft.rfftfreq(5, d=0.1)
    array([0., 2., 4.])
    """
    _check_points(n)
    return _place(np.arange(n // 2 + 1) * (1.0 / (n * d)), xp, device)


def _check_points(n: Any) -> None:
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise ArgumentError(f"n={n!r}: expected an integer number of points")
    if n < 1:
        raise ArgumentError(f"n={n}: expected at least one point")


def _place(values: np.ndarray, xp: Any, device: Any) -> Any:
    if xp is None:
        return values
    if xp.__name__.endswith("dask.array"):
        return xp.asarray(values)
    return xp.asarray(values) if device is None else xp.asarray(values, device=device)


def _length(n: int | None) -> tuple[int] | None:
    if n is None:
        return None
    points = integer(n, "n")
    if points < 1:
        raise ArgumentError(f"n={n}: invalid number of data points; expected at least 1")
    return (points,)


def _transform(name: str, kind: str, x: Any, s: Any, axes: Any, norm: str | None, plan: Any) -> Any:
    """Check the arguments as SciPy does, then run the kernel or plan the graph."""
    if plan is not None:
        raise UnsupportedError(f"plan={plan!r}: plans are not supported, as in scipy.fft")
    x = dispatch.accept(x, function=f"fft.{name}", accessor=f"spanwise.fft.{name}")
    check_norm(norm)
    if kind == "rfft" and _is_complex(x):
        raise ArrayTypeError(
            f"x has dtype {x.dtype}; {name} takes real data. "
            f"Use {name.removeprefix('r')}, or x.real"
        )
    axes, wanted = resolve_axes(x.shape, s, axes)
    if not axes:
        if kind in ("rfft", "irfft"):
            raise ArgumentError(f"axes={axes!r}: at least 1 axis must be transformed")
        return x
    return dispatch.apply(
        x,
        concrete=lambda block: _kernel(
            block,
            kind=kind,
            axes=axes,
            lengths=resolve_lengths(block.shape, axes, wanted, kind=kind),
            norm=norm,
        ),
        chunked=lambda array: _chunked(name, kind, array, axes, wanted, norm),
    )


def _is_complex(x: Any) -> bool:
    if isinstance(x.dtype, np.dtype):
        return x.dtype.kind == "c"
    return namespace(x).isdtype(x.dtype, "complex floating")


def _chunked(
    name: str,
    kind: str,
    x: Any,
    axes: tuple[int, ...],
    wanted: tuple[int | None, ...],
    norm: str | None,
) -> Any:
    from .graph.dask import lower_fft, spec_of
    from .graph.fft import plan_fft

    spec = spec_of(x)
    how = plan_fft(
        spec,
        kind=kind,
        axes=axes,
        lengths=resolve_lengths(spec.shape, axes, wanted, kind=kind),
        norm=norm,
        machine=options.machine(),
        operation=name,
    )
    return lower_fft(x, how, store_root=options.get_options()["temporary_store"])


def _shift(name: str, x: Any, axes: Any, shift: Callable[[int], int]) -> Any:
    x = dispatch.accept(x, function=f"fft.{name}", accessor=f"spanwise.fft.{name}")
    chosen = (
        tuple(range(x.ndim))
        if axes is None
        else tuple(normal_axis(a, x.ndim) for a in np.atleast_1d(axes).tolist())
    )

    def concrete(block: Any) -> Any:
        shifts = tuple(shift(block.shape[a]) for a in chosen)
        return _roll_kernel(block, shifts=shifts, axes=chosen) if chosen else block

    def chunked(array: Any) -> Any:
        from .graph.dask import lower_shift, spec_of
        from .graph.fft import plan_shift

        spec = spec_of(array)
        shifts = {a: chosen.count(a) * shift(spec.shape[a]) for a in chosen}
        how = plan_shift(spec, shifts=shifts, machine=options.machine(), operation=name)
        return lower_shift(array, how)

    return dispatch.apply(x, concrete=concrete, chunked=chunked)
