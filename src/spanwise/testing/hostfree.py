"""`HostFree`: an array that behaves as if it lived on a device, without one.

Its elements lie in host memory, but nothing reads them there by accident: the rules are CuPy's
(``cupy.ndarray.__array_ufunc__``, ``__array_function__`` and ``__array__``), so that code which
runs on HostFree chunks makes no implicit transfer and mixes in no constant of the host.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..errors import ArrayTypeError, TransferError
from . import hostfree_memory as _memory

_COMPARISONS = frozenset(
    {np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal}
)
_CREATIONS = frozenset(
    {np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray}
)
_NUMERIC_KINDS = "biufc"


@dataclass(frozen=True, slots=True)
class HostFreeDevice:
    """The device that HostFree arrays live on."""

    id: int = 0
    """Number of the device; there is one."""

    def __str__(self) -> str:
        return f"hostfree:{self.id}"


DEVICE = HostFreeDevice()
"""The only device."""


def check_device(device: Any) -> None:
    """Raise unless ``device`` names the device of HostFree arrays, or none."""
    if device is not None and str(device) != str(DEVICE):
        raise TransferError(
            f"device={device!r}: HostFree arrays live on {str(DEVICE)!r} only; "
            "copy one to the host with spanwise.to_host(x)"
        )


def _refuse_host(value: np.ndarray, where: str) -> NoReturn:
    raise ArrayTypeError(
        f"{where}: a NumPy array of shape {value.shape} beside a HostFree array; host and device "
        "arrays do not mix. Copy it first: HostFree.copy_from_host(values), or in a kernel "
        "spanwise.kernels.library.like(values, x)"
    )


def unwrap(value: Any, where: str = "argument", *, host: bool = False) -> Any:
    """The NumPy arrays inside ``value``; arrays of the host raise unless ``host`` permits them."""
    if isinstance(value, HostFree):
        return value._data
    if isinstance(value, np.ndarray) and not host:
        _refuse_host(value, where)
    if isinstance(value, (list, tuple)):
        items = (unwrap(item, where, host=host) for item in value)
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {key: unwrap(item, where, host=host) for key, item in value.items()}
    return value


def wrap(value: Any) -> Any:
    """The same value with every NumPy array and scalar inside as a HostFree array."""
    if isinstance(value, (np.ndarray, np.generic)):
        return HostFree._adopt(np.asarray(value))
    if isinstance(value, (list, tuple)):
        items = [wrap(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def lift(function: Callable[..., Any], module: str, qualname: str) -> Callable[..., Any]:
    """A NumPy function as a function of HostFree arrays; ``device=`` is checked and dropped.

    ``module`` and ``qualname`` say where it can be found, for pickle.
    """
    name = qualname.rpartition(".")[2]

    def lifted(*args: Any, device: Any = None, **kwargs: Any) -> Any:
        check_device(device)
        return wrap(function(*unwrap(args, name), **unwrap(kwargs, name)))

    lifted.__module__, lifted.__qualname__, lifted.__name__ = module, qualname, name
    lifted.__doc__ = f"As the array API's ``{qualname}``."
    return lifted


def _key(key: Any) -> Any:
    """An index for NumPy; index arrays of the host are taken, as CuPy takes them."""
    return unwrap(key, host=True)


def _operand(x: Any, ufunc: np.ufunc, *, is_index: bool) -> Any:
    """An operand for NumPy: scalars pass, NumPy arrays raise, other containers take over.

    As in CuPy, comparisons take 0-dimensional NumPy arrays (they stand for NumPy scalars there).
    """
    if is_index:
        return _key(x)
    if x is None or isinstance(x, (HostFree, bool, int, float, complex, np.generic)):
        return unwrap(x)
    if not isinstance(x, np.ndarray):
        return NotImplemented
    if ufunc in _COMPARISONS and x.ndim == 0:
        return x
    _refuse_host(x, ufunc.__name__)


def _method(name: str) -> Callable[..., Any]:
    def method(self: HostFree, *args: Any, **kwargs: Any) -> Any:
        result = getattr(self._data, name)(*unwrap(args, name), **unwrap(kwargs, name))
        out = kwargs.get("out")
        return wrap(result) if out is None else out

    method.__name__ = name
    method.__doc__ = f"As `numpy.ndarray.{name}`."
    return method


def _array_property(name: str) -> Any:
    def get(self: HostFree) -> HostFree:
        return wrap(getattr(self._data, name))

    return property(get, doc=f"As `numpy.ndarray.{name}`.")


def _plain_property(name: str) -> Any:
    def get(self: HostFree) -> Any:
        return getattr(self._data, name)

    return property(get, doc=f"As `numpy.ndarray.{name}`.")


class HostFree(NDArrayOperatorsMixin):
    """An uninitialised array on a device that only pretends to be one.

    Parameters
    ----------
    shape : int or tuple of int
        Length of each axis.
    dtype : dtype, default: float64
        Boolean, integer, real or complex.

    Notes
    -----
    As in CuPy, Python and NumPy scalars mix with the array, and so do index arrays of the host;
    NumPy arrays do not, and ``numpy.asarray(x)`` raises. Data leave by `copy_to_host`; one
    element also by ``float(x)``, ``int(x)``, ``bool(x)``, ``complex(x)`` and `item`.
    Reductions give 0-dimensional arrays. NumPy functions that CuPy lacks are served here all the
    same.

    Examples
    --------
    >>> import numpy as np
    >>> x = HostFree.copy_from_host(np.arange(3.0))
    >>> x + 1
    HostFree(shape=(3,), dtype=float64)
    >>> (x + 1).copy_to_host()
    array([1., 2., 3.])
    >>> x + np.ones(3)
    Traceback (most recent call last):
    ...
    spanwise.errors.ArrayTypeError: add: a NumPy array of shape (3,) beside a HostFree array; ...
    """

    __slots__ = ("__weakref__", "_data")

    __array_library__ = "hostfree"
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]

    _data: np.ndarray

    def __init__(self, shape: Any, dtype: Any = np.float64) -> None:
        self._data = np.empty(shape, dtype)
        if _memory.account is not None:
            _memory.account.take(self._data)
        _announce()

    @classmethod
    def _adopt(cls, data: np.ndarray) -> HostFree:
        """A HostFree array over memory that is taken to be on the device."""
        if data.dtype.kind not in _NUMERIC_KINDS:
            raise ArrayTypeError(
                f"dtype={data.dtype}: a HostFree array is boolean, integer, real or complex"
            )
        if _memory.account is not None:
            _memory.account.take(data)
        self = cls.__new__(cls)
        self._data = data
        _announce()
        return self

    @classmethod
    def copy_from_host(cls, values: Any) -> HostFree:
        """Copy a NumPy array, a sequence or a scalar to the device."""
        if isinstance(values, HostFree):
            raise ArrayTypeError("values is a HostFree array; it is on the device already")
        return cls._adopt(np.array(values))

    def copy_to_host(self) -> np.ndarray:
        """Copy the array to the host: the only way out for more than one element."""
        return self._data.copy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise ArrayTypeError(
            "Implicit conversion to a NumPy array is not allowed: a HostFree array lives on a "
            "device. Use spanwise.to_host(x) or x.copy_to_host() to copy it explicitly"
        )

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        from . import hostfree_namespace

        return hostfree_namespace

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", ())
        operands = [
            _operand(x, ufunc, is_index=method == "at" and position == 1)
            for position, x in enumerate((*inputs, *out))
        ]
        if any(x is NotImplemented for x in operands):
            return NotImplemented
        kwargs = unwrap(kwargs, ufunc.__name__)
        if out:
            kwargs["out"] = tuple(operands[len(inputs) :])
        result = getattr(ufunc, method)(*operands[: len(inputs)], **kwargs)
        if not out:
            return wrap(result)
        if len(out) == 1:
            return out[0]
        results = zip(out, result, strict=True)
        return tuple(wrap(value) if given is None else given for given, value in results)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if not all(issubclass(t, (HostFree, np.ndarray)) for t in types):
            return NotImplemented
        if func in _CREATIONS:
            return wrap(func(*unwrap(args, host=True), **unwrap(kwargs, host=True)))
        name = func.__name__
        if func is np.take and len(args) > 1:
            args = (args[0], HostFree._adopt(np.asarray(_key(args[1]))), *args[2:])
        result = func(*unwrap(args, name), **unwrap(kwargs, name))
        out = kwargs.get("out")
        return out if isinstance(out, HostFree) else wrap(result)

    def __dask_tokenize__(self) -> Any:
        from dask.tokenize import normalize_token

        return "spanwise.HostFree", normalize_token(self._data)

    def __reduce__(self) -> Any:
        return _rebuild, (self._data,)

    def __repr__(self) -> str:
        return f"HostFree(shape={self.shape}, dtype={self.dtype})"

    def __getitem__(self, key: Any) -> HostFree:
        return wrap(self._data[_key(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value[()]
        self._data[_key(key)] = unwrap(value, "assignment")

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[HostFree]:
        if self.ndim == 0:
            raise ArrayTypeError("iteration over a 0-dimensional HostFree array")
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self._data)

    def __int__(self) -> int:
        return int(self._data)

    def __float__(self) -> float:
        return float(self._data)

    def __complex__(self) -> complex:
        return complex(self._data)

    def item(self, *index: int) -> Any:
        """One element as a Python scalar."""
        return self._data.item(*index)

    def to_device(self, device: Any, /, *, stream: Any = None) -> HostFree:
        """The array itself; any other device raises."""
        check_device(device)
        return self

    @property
    def device(self) -> HostFreeDevice:
        """The device that the array lives on."""
        return DEVICE

    @property
    def memory(self) -> np.ndarray | Any:
        """The object whose life is the life of the memory, for weak references."""
        return _memory.owner(self._data)

    shape = _plain_property("shape")
    dtype = _plain_property("dtype")
    ndim = _plain_property("ndim")
    size = _plain_property("size")
    nbytes = _plain_property("nbytes")
    itemsize = _plain_property("itemsize")
    strides = _plain_property("strides")
    flags = _plain_property("flags")
    T = _array_property("T")
    mT = _array_property("mT")  # noqa: N815 - the standard's name
    real = _array_property("real")
    imag = _array_property("imag")

    all = _method("all")
    any = _method("any")
    argmax = _method("argmax")
    argmin = _method("argmin")
    argpartition = _method("argpartition")
    argsort = _method("argsort")
    astype = _method("astype")
    clip = _method("clip")
    conj = _method("conj")
    conjugate = _method("conjugate")
    copy = _method("copy")
    cumprod = _method("cumprod")
    cumsum = _method("cumsum")
    diagonal = _method("diagonal")
    dot = _method("dot")
    fill = _method("fill")
    flatten = _method("flatten")
    max = _method("max")
    mean = _method("mean")
    min = _method("min")
    nonzero = _method("nonzero")
    partition = _method("partition")
    prod = _method("prod")
    ravel = _method("ravel")
    repeat = _method("repeat")
    reshape = _method("reshape")
    round = _method("round")
    searchsorted = _method("searchsorted")
    sort = _method("sort")
    squeeze = _method("squeeze")
    std = _method("std")
    sum = _method("sum")
    swapaxes = _method("swapaxes")
    trace = _method("trace")
    transpose = _method("transpose")
    var = _method("var")
    view = _method("view")

    def take(self, indices: Any, axis: int | None = None, **kwargs: Any) -> HostFree:
        """As `numpy.ndarray.take`; indices of the host are taken, as CuPy takes them."""
        return wrap(self._data.take(_key(indices), axis=axis, **unwrap(kwargs, "take")))


def _rebuild(data: np.ndarray) -> HostFree:
    if "dask" in sys.modules:
        from .hostfree_dask import register_with_dask

        register_with_dask()
    return HostFree._adopt(data)


def _announce() -> None:
    """Make the type known to Dask as soon as there are both an array of it and dask.array."""
    if "dask.array" in sys.modules:
        from .hostfree_dask import register_with_dask

        register_with_dask()
