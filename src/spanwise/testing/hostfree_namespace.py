"""The array-API namespace of `HostFree` arrays: the standard's functions and no others.

``asarray`` of a NumPy array is the explicit copy to the device. ``from_dlpack`` is left out: no
other library shares this device. The transforms are those of ``scipy.fft``, which keep single
precision.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import array_api_compat.numpy as _np
import array_api_compat.numpy.fft as _np_fft
import array_api_compat.numpy.linalg as _np_linalg
import numpy as _numpy
import scipy.fft as _scipy_fft

from . import hostfree as _hostfree

__array_api_version__ = _np.__array_api_version__


def _words(text: str) -> list[str]:
    return text.split()


_CONSTANTS = _words("""
    e inf nan newaxis pi
    bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128
""")
_FUNCTIONS = _words("""
    arange empty empty_like eye full full_like linspace meshgrid ones ones_like tril triu zeros
    zeros_like
    astype broadcast_arrays broadcast_shapes broadcast_to can_cast finfo iinfo isdtype result_type
    abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_invert bitwise_left_shift
    bitwise_or bitwise_right_shift bitwise_xor ceil clip conj copysign cos cosh divide equal exp
    expm1 floor floor_divide greater greater_equal hypot imag isfinite isinf isnan less less_equal
    log log10 log1p log2 logaddexp logical_and logical_not logical_or logical_xor maximum minimum
    multiply negative nextafter not_equal positive pow real reciprocal remainder round sign signbit
    sin sinh sqrt square subtract tan tanh trunc
    matmul matrix_transpose tensordot vecdot
    concat expand_dims flip moveaxis permute_dims repeat reshape roll squeeze stack tile unstack
    argmax argmin count_nonzero nonzero searchsorted where
    unique_all unique_counts unique_inverse unique_values
    argsort sort
    cumulative_prod cumulative_sum max mean min prod std sum var
    all any diff
    take take_along_axis
""")
_LINALG = _words("""
    cholesky cross det diagonal eig eigh eigvals eigvalsh inv matmul matrix_norm matrix_power
    matrix_rank matrix_transpose outer pinv qr slogdet solve svd svdvals tensordot trace vecdot
    vector_norm
""")
_TRANSFORMS = _words("fft ifft fftn ifftn rfft irfft rfftn irfftn hfft ihfft")
_FREQUENCIES = _words("fftfreq rfftfreq fftshift ifftshift")


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Any:
    """An array on the device; NumPy arrays, sequences and scalars are copied to it."""
    _hostfree.check_device(device)
    on_device = isinstance(obj, _hostfree.HostFree)
    if not on_device and copy is False:
        raise ValueError("copy=False: an array of the host is always copied to the device")
    data = _hostfree.unwrap(obj, host=True)
    result = _numpy.array(data, dtype=dtype, copy=copy if on_device else True)
    return obj if result is data else _hostfree.wrap(result)


class __array_namespace_info__:  # noqa: N801 - the standard's name
    """What the namespace offers, as the standard asks."""

    def capabilities(self) -> dict[str, Any]:
        """As NumPy's."""
        return _np.__array_namespace_info__().capabilities()

    def default_device(self) -> Any:
        """The only device."""
        return _hostfree.DEVICE

    def devices(self) -> list[Any]:
        """The only device, in a list."""
        return [_hostfree.DEVICE]

    def default_dtypes(self, *, device: Any = None) -> dict[str, Any]:
        """As NumPy's."""
        _hostfree.check_device(device)
        return dict(_np.__array_namespace_info__().default_dtypes())

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, Any]:
        """As NumPy's."""
        _hostfree.check_device(device)
        return _np.__array_namespace_info__().dtypes(kind=kind)


def _submodule(name: str, *sources: tuple[Any, list[str]]) -> ModuleType:
    module = ModuleType(f"{__name__}.{name}")
    for source, names in sources:
        for function in names:
            lifted = _hostfree.lift(getattr(source, function), __name__, f"{name}.{function}")
            setattr(module, function, lifted)
    return module


fft = _submodule("fft", (_scipy_fft, _TRANSFORMS), (_np_fft, _FREQUENCIES))
linalg = _submodule("linalg", (_np_linalg, _LINALG))

globals().update({_name: getattr(_np, _name) for _name in _CONSTANTS})
globals().update(
    {_name: _hostfree.lift(getattr(_np, _name), __name__, _name) for _name in _FUNCTIONS}
)
