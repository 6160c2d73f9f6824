"""SciPy's own entry points on Dask arrays: a backend for the dispatch of ``scipy.fft``."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from array_api_compat import is_dask_array

# SciPy names the array x, but a and A in the Hankel transforms. Ours take it by position only.
_ARRAY_NAMES = ("x", "a", "A")


class _DaskBackend:
    """Answers ``scipy.fft`` for Dask arrays with the function of that name in `spanwise.fft`.

    Register it for the whole process, or set it for one block in one thread::

        scipy.fft.register_backend(spanwise.fft.backend)
        with scipy.fft.set_backend(spanwise.fft.backend):
            ...

    ``scipy.fft.fft(x)`` and all its transforms are then lazy for a Dask array ``x``, cut along
    any axis. Anything else is declined and goes on to SciPy (with ``only=True`` there is nobody
    to go on to, and SciPy raises). It keeps no state: threads share it.

    Notes
    -----
    ``fftshift``, ``ifftshift``, ``fftfreq``, ``rfftfreq``, ``next_fast_len``, ``prev_fast_len``
    and ``fhtoffset`` are plain functions in SciPy, which no backend can answer; call those of
    `spanwise.fft` on Dask arrays. See ``docs/scipy-backend.md``.

    Examples
    --------
    >>> import dask.array as da, scipy.fft, spanwise as sw
    >>> x = da.ones((8, 6), chunks=(3, 2))
    >>> with scipy.fft.set_backend(sw.fft.backend):
    ...     y = scipy.fft.rfft2(x)
    >>> type(y).__module__, y.shape, float(y[0, 0].real.compute())
    ('dask.array.core', (8, 4), 48.0)
    """

    __ua_domain__ = "numpy.scipy.fft"

    @staticmethod
    def __ua_function__(
        method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Call our function of the method's name, or decline (the protocol of uarray)."""
        if not args:
            name = next((name for name in _ARRAY_NAMES if name in kwargs), None)
            if name is None:
                return NotImplemented
            args, kwargs = (kwargs[name],), {k: v for k, v in kwargs.items() if k != name}
        if not is_dask_array(args[0]):
            return NotImplemented
        ours = getattr(importlib.import_module(__package__ or ""), method.__name__, None)
        return NotImplemented if ours is None else ours(*args, **kwargs)

    def __repr__(self) -> str:
        return "spanwise.fft.backend"

    def __reduce__(self) -> str:
        return "backend"


backend = _DaskBackend()
"""The one instance, for :func:`scipy.fft.register_backend` and :func:`scipy.fft.set_backend`."""
