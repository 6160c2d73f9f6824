"""Spectra of two arrays together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from .. import dispatch, options
from .. import fft as _fft
from ..errors import ArgumentError, ArrayTypeError
from ..kernels.cross import angle, cross_product
from ..kernels.cross import cross as cross_kernel
from ..kernels.library import library_of, namespace
from ._arguments import fft_engine, floating, is_whole
from ._tapered import Treatment, on_whole, prepared, treatment


def cross_spectrum(
    x: Any,
    y: Any,
    /,
    *,
    axes: int | Iterable[int],
    sampling: float | Iterable[float] = 1.0,
    window: Any = None,
    window_correction: bool = False,
    scaling: Literal["density", "spectrum"] = "density",
    detrend: Literal["constant", "linear"] | None = None,
    shift: bool = False,
    half: bool = False,
) -> Any:
    """Cross spectrum of two arrays over one or several axes.

    With X and Y the transforms over ``axes`` of the data, less their trends and times the window,
    n the product of the numbers of samples and d the product of the sample spacings::

        density    C = d / n X conj(Y)
        spectrum   C = X conj(Y) / n^2

    The sum of the spectrum is the mean of ``(w x) conj(w y)``. The phase of C is that of x less
    that of y, as xrft has it; :func:`scipy.signal.csd` gives the conjugate. The cross spectrum of
    an array with itself is its `power_spectrum`.

    Parameters
    ----------
    x, y : array
        Real or complex data of shapes that broadcast against each other, but of the same lengths
        on ``axes``. Both of one library: NumPy, CuPy, PyTorch or any array-API arrays, or Dask
        arrays of NumPy or CuPy chunks; one may be a Dask array and the other what its chunks are.
    axes, sampling, window, window_correction, scaling, detrend, shift, half
        As of `power_spectrum`. Axes count as those of the result.

    Returns
    -------
    array
        Complex, of the higher precision of the two (integers become double); same library, device
        and kind of container. Units: those of x times those of y, for a density times those of
        ``sampling``. Lazy for a Dask array.

    Raises
    ------
    ArgumentError
        As `power_spectrum`, and for shapes that do not go together.
    ArrayTypeError
        For labelled, masked, sparse or object arrays, arrays of two libraries, and for complex
        data if ``half``.
    MemoryBudgetError
        If no way of making the axes whole fits the memory budget.

    Notes
    -----
    One pass over either array. Along whole axes each pair of chunks is one task, after one of them
    was cut as the other is; along cut axes an exchange of each comes first. Where there are no
    other axes to cut it goes as with `power_spectrum`.

    Examples
    --------
    A wave, and the same a quarter of a period later:

    >>> import numpy as np, dask.array as da, spanwise as sw
    >>> t = np.arange(64)
    >>> x = da.from_array(np.sin(2 * np.pi * t / 8), chunks=16)
    >>> y = da.from_array(np.sin(2 * np.pi * (t - 2) / 8), chunks=16)
    >>> c = sw.signal.cross_spectrum(x, y, axes=0, scaling="spectrum", half=True).compute()
    >>> round(float(abs(c[8])), 6), round(float(np.angle(c[8])) / np.pi, 6)
    (0.5, 0.5)
    """
    x, y = accepted_pair(x, y, "cross_spectrum")
    shape = common_shape(x, y)
    how = treatment(
        (x, y),
        shape,
        axes=axes,
        sampling=sampling,
        window=window,
        window_correction=window_correction,
        scaling=scaling,
        detrend=detrend,
        shift=shift,
        half=half,
    )
    x, y = aligned(x, y, shape, how.axes)
    dtype = _dtype(x, y)
    pair = whole_pair(x, y, how, "cross-spectrum")
    if pair is None:
        return _cross_of_cut(x, y, how, dtype)
    x, y = pair
    return dispatch.blockwise(
        x,
        cross_kernel,
        operation="cross-spectrum",
        dtype=dtype,
        reason="the axes are whole in their chunks",
        others=(y,),
        lengths=how.points(x.shape),
        **how.parameters,
        **fft_engine(x),
    )


def cross_phase(
    x: Any,
    y: Any,
    /,
    *,
    axes: int | Iterable[int],
    window: Any = None,
    detrend: Literal["constant", "linear"] | None = None,
    shift: bool = False,
    half: bool = False,
) -> Any:
    """Phase of the cross spectrum of two arrays: that of x less that of y.

    Parameters
    ----------
    x, y, axes, window, detrend, shift, half
        As of `cross_spectrum`, on whose scale a phase does not depend.

    Returns
    -------
    array
        Real, in radians from -pi to pi, of the higher precision of the two (integers become
        double); same library, device and kind of container. Lazy for a Dask array.

    Raises
    ------
    ArgumentError, ArrayTypeError, MemoryBudgetError
        As `cross_spectrum`.

    Notes
    -----
    Costs what `cross_spectrum` does: Dask fuses the phase with the task behind which it comes.
    Where there is no power the phase is that of rounding errors.

    Examples
    --------
    >>> import numpy as np, spanwise as sw
    >>> t = np.arange(64)
    >>> x, y = np.sin(2 * np.pi * t / 8), np.sin(2 * np.pi * (t - 1) / 8)
    >>> phase = sw.signal.cross_phase(x, y, axes=0, half=True)
    >>> round(float(phase[8]) / np.pi, 6)
    0.25
    """
    x, y = accepted_pair(x, y, "cross_phase")
    cross = cross_spectrum(x, y, axes=axes, window=window, detrend=detrend, shift=shift, half=half)
    return dispatch.blockwise(
        cross,
        angle,
        operation="phase",
        dtype=floating(cross, as_complex=False),
        reason="each frequency by itself",
    )


def accepted_pair(x: Any, y: Any, name: str) -> tuple[Any, Any]:
    """Two arrays of one library; if one is a Dask array, so is the other."""
    accessor = f"spanwise.signal.{name}"
    x = dispatch.accept(x, function=f"signal.{name}", accessor=accessor)
    y = dispatch.accept(y, function=f"signal.{name}", accessor=accessor, name="y")
    chunked = [dispatch.kind_of(z) == "chunked" for z in (x, y)]
    libraries = [library_of(z._meta if c else z) for z, c in zip((x, y), chunked, strict=True)]
    if libraries[0] != libraries[1]:
        raise ArrayTypeError(
            f"x is an array of {libraries[0]} and y one of {libraries[1]}; copy one of them: "
            "spanwise.to_device or spanwise.to_host"
        )
    if chunked[0] != chunked[1]:
        import dask.array as da

        x, y = (
            z if c else da.from_array(z, chunks=z.shape, asarray=False)
            for z, c in zip((x, y), chunked, strict=True)
        )
    return x, y


def common_shape(x: Any, y: Any) -> tuple[int, ...]:
    """The shape to which both arrays broadcast."""
    try:
        return np.broadcast_shapes(tuple(x.shape), tuple(y.shape))
    except ValueError:
        raise ArgumentError(
            f"x has the shape {tuple(x.shape)} and y {tuple(y.shape)}, which do not broadcast "
            "against each other"
        ) from None


def aligned(x: Any, y: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[Any, Any]:
    """X in the common shape, and y of as many axes; Dask arrays are cut alike."""
    for name, z in (("x", x), ("y", y)):
        own = (1,) * (len(shape) - z.ndim) + tuple(z.shape)
        if any(own[a] != shape[a] for a in axes):
            raise ArgumentError(
                f"{name} has the shape {tuple(z.shape)}, which on axes={axes} is not that of the "
                f"other array; their common shape is {shape}"
            )
    if dispatch.kind_of(x) == "chunked":
        import dask.array as da

        y = y[(None,) * (len(shape) - y.ndim)]
        return _cut_alike(x if tuple(x.shape) == shape else da.broadcast_to(x, shape), y)
    xp = namespace(x, y)
    y = xp.reshape(y, (1,) * (len(shape) - y.ndim) + tuple(y.shape))
    return (x if tuple(x.shape) == shape else xp.broadcast_to(x, shape)), y


def whole_pair(x: Any, y: Any, how: Treatment, operation: str) -> tuple[Any, Any] | None:
    """Two arrays in chunks that hold the axes, cut alike; None if that cannot be."""
    if is_whole(x, how.axes):
        return x, y
    with options.shared_budget(2):
        gathered = [on_whole(z, how, None, z.dtype, operation) for z in (x, y)]
    return None if any(z is None for z in gathered) else _cut_alike(*gathered)


def _cut_alike(x: Any, y: Any) -> tuple[Any, Any]:
    """Two Dask arrays in chunks that fit into those of either."""
    from dask.array.core import unify_chunks

    index = tuple(range(x.ndim))
    _, (x, y) = unify_chunks(x, index, y, index)
    return x, y


def _dtype(x: Any, y: Any) -> Any:
    """Element type of a product of transforms; libraries with their own types decide alone."""
    dtypes = [floating(z, as_complex=True) for z in (x, y)]
    return None if None in dtypes else np.result_type(*dtypes)


def _cross_of_cut(x: Any, y: Any, how: Treatment, dtype: Any) -> Any:
    """Both transforms, and the product of each pair of chunks of them."""
    n = x.shape[how.axes[-1]]
    (x, zero_mean), (y, _) = prepared(x, how), prepared(y, how)
    transform = _fft.rfftn if how.half else _fft.fftn
    with options.shared_budget(2):
        first = transform(x, axes=how.axes)
        chunks = tuple(
            (1,) if length == 1 else own for length, own in zip(y.shape, first.chunks, strict=True)
        )
        second = transform(y, axes=how.axes, output_chunks=chunks)
    cross = dispatch.blockwise(
        first,
        cross_product,
        operation="cross-spectrum",
        dtype=dtype,
        reason="each frequency by itself",
        others=(second,),
        starts=how.axes,
        axes=how.axes,
        scale=how.scale,
        half=n if how.half else None,
        zero_mean=zero_mean,
    )
    return how.shifted(cross)
