"""Assertions on arrays that compare the container as well as the values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import MissingDependencyError
from ..kernels.library import library_of, namespace
from ..kernels.transfer import to_host


@dataclass(frozen=True, slots=True)
class _Facts:
    """What an assertion compares beside the values."""

    container: str
    """``"dask of "`` and the library, or the library."""
    device: str
    """Device of the (computed) array."""
    dtype: str
    """Element type that the array declares."""
    shape: tuple[int, ...]
    """Shape of the (computed) array."""
    concrete: Any
    """The array itself, computed where it was a Dask array."""


def _facts(x: Any, role: str) -> _Facts:
    if not hasattr(x, "__dask_graph__"):
        return _Facts(library_of(x), _device(x), _dtype(x), tuple(x.shape), x)
    declared = library_of(x._meta)
    concrete = x.compute()
    library = library_of(concrete)
    assert declared == library, (
        f"{role}: the Dask array declares chunks of {declared} (its _meta), but they are of "
        f"{library}"
    )
    assert _dtype(x) == _dtype(concrete), (
        f"{role}: the Dask array declares dtype {x.dtype}, but its chunks have {concrete.dtype}"
    )
    shape = tuple(concrete.shape)
    known = tuple(n if np.isnan(m) else m for m, n in zip(x.shape, shape, strict=True))
    assert known == shape, f"{role}: the Dask array declares shape {x.shape}, but has {shape}"
    return _Facts(f"dask of {library}", _device(concrete), _dtype(concrete), shape, concrete)


def _device(x: Any) -> str:
    if isinstance(x, np.generic):
        return "cpu"
    import array_api_compat

    return str(array_api_compat.device(x))


def _dtype(x: Any) -> str:
    """The element type by the name that the standard gives it, whatever the library."""
    return str(x.dtype).rpartition(".")[2]


def _check(
    actual: Any,
    desired: Any,
    *,
    check_dtype: bool,
    check_shape: bool,
    check_namespace: bool,
) -> tuple[Any, Any]:
    """Compare everything but the values; give the concrete arrays."""
    __tracebackhide__ = True
    found, wanted = _facts(actual, "actual"), _facts(desired, "desired")
    if check_namespace:
        assert found.container == wanted.container, (
            f"containers differ: actual is {found.container}, desired is {wanted.container}"
        )
        assert found.device == wanted.device, (
            f"devices differ: actual is on {found.device}, desired on {wanted.device}"
        )
    if check_dtype:
        assert found.dtype == wanted.dtype, (
            f"dtypes differ: actual has {found.dtype}, desired {wanted.dtype}"
        )
    if check_shape:
        assert found.shape == wanted.shape, (
            f"shapes differ: actual has {found.shape}, desired {wanted.shape}"
        )
    if check_namespace and library_of(found.concrete) != "hostfree":
        return found.concrete, wanted.concrete
    return to_host(found.concrete), to_host(wanted.concrete)


def _extra() -> Any:
    try:
        import array_api_extra.testing as extra
    except ImportError as error:
        raise MissingDependencyError(
            'array-api-extra compares the values: python -m pip install "spanwise[test]"'
        ) from error
    return extra


def _tolerances(desired: Any, rtol: float | None, atol: float | None) -> tuple[float, float]:
    """Defaults: ``eps ** 0.75`` of the element type, and that times the largest element."""
    xp = namespace(desired)
    if not xp.isdtype(desired.dtype, ("real floating", "complex floating")):
        return rtol or 0.0, atol or 0.0
    relative = float(xp.finfo(desired.dtype).eps) ** 0.75 if rtol is None else rtol
    if atol is not None or 0 in desired.shape:
        return relative, atol or 0.0
    size = xp.abs(desired)
    size = xp.where(xp.isfinite(size), size, xp.zeros_like(size))
    return relative, relative * float(xp.max(size))


def xp_assert_close(
    actual: Any,
    desired: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    check_dtype: bool = True,
    check_shape: bool = True,
    check_namespace: bool = True,
    err_msg: str = "",
) -> None:
    """Assert that two arrays agree to a tolerance, in the same kind of container.

    Parameters
    ----------
    actual, desired : array
        Concrete arrays of any library, or Dask arrays, which are computed.
    rtol : float, optional
        Tolerance relative to each element of ``desired``. Default: ``eps ** 0.75`` of its element
        type, which is 6.4e-6 in single and 1.8e-12 in double precision; 0 for integers.
    atol : float, optional
        Absolute tolerance. Default: ``rtol`` times the largest finite ``abs(desired)``, as the
        rounding errors of transforms and sums follow the norm, not the element.
    equal_nan : bool, default: True
        Whether NaN equals NaN.
    check_dtype, check_shape : bool, default: True
        Whether element types and shapes must agree; without ``check_shape``, ``desired`` is
        broadcast.
    check_namespace : bool, default: True
        Whether library, device and being a Dask array or not must agree. Without it the values
        are copied to the host and compared there.
    err_msg : str, default: ""
        Added to the message.

    Raises
    ------
    AssertionError
        If the arrays differ, or if a Dask array is not what it declares to be: the library of its
        chunks, their element type and its shape are compared with what it computes to.
    MissingDependencyError
        Without array-api-extra, which compares the values.

    Examples
    --------
    >>> import numpy as np
    >>> xp_assert_close(np.asarray([1.0, 2.0]) + 1e-14, np.asarray([1.0, 2.0]))
    >>> xp_assert_close(np.asarray([1.0], dtype=np.float32), np.asarray([1.0]))
    Traceback (most recent call last):
    ...
    AssertionError: dtypes differ: actual has float32, desired float64
    """
    __tracebackhide__ = True
    actual, desired = _check(
        actual,
        desired,
        check_dtype=check_dtype,
        check_shape=check_shape,
        check_namespace=check_namespace,
    )
    rtol, atol = _tolerances(desired, rtol, atol)
    _extra().assert_close(
        actual,
        desired,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        err_msg=err_msg,
        check_dtype=check_dtype,
        check_shape=check_shape,
    )


def xp_assert_equal(
    actual: Any,
    desired: Any,
    *,
    check_dtype: bool = True,
    check_shape: bool = True,
    check_namespace: bool = True,
    err_msg: str = "",
) -> None:
    """Assert that two arrays agree exactly (NaN equals NaN), in the same kind of container.

    Parameters and errors are those of `xp_assert_close`.

    Examples
    --------
    >>> import numpy as np
    >>> xp_assert_equal(np.arange(3), np.arange(3))
    """
    __tracebackhide__ = True
    actual, desired = _check(
        actual,
        desired,
        check_dtype=check_dtype,
        check_shape=check_shape,
        check_namespace=check_namespace,
    )
    _extra().assert_equal(
        actual, desired, err_msg=err_msg, check_dtype=check_dtype, check_shape=check_shape
    )


def xp_assert_less(
    actual: Any,
    desired: Any,
    *,
    check_dtype: bool = True,
    check_shape: bool = True,
    check_namespace: bool = True,
    err_msg: str = "",
) -> None:
    """Assert that every element of ``actual`` is less than that of ``desired``.

    Parameters and errors are those of `xp_assert_close`.

    Examples
    --------
    >>> import numpy as np
    >>> xp_assert_less(np.arange(3), np.arange(3) + 1)
    """
    __tracebackhide__ = True
    actual, desired = _check(
        actual,
        desired,
        check_dtype=check_dtype,
        check_shape=check_shape,
        check_namespace=check_namespace,
    )
    _extra().assert_less(
        actual, desired, err_msg=err_msg, check_dtype=check_dtype, check_shape=check_shape
    )
