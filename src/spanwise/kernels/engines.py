"""What transforms NumPy blocks: ``scipy``, ``ducc0``, ``mkl``, and what users register.

An engine is a function that takes what the kernel :data:`spanwise.kernels.fft.fft` takes, but
``engine`` itself. Graphs carry its name, for one's own the place to import it from, so that workers
in other processes and on other machines find it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

from ..errors import ArgumentError, ArgumentTypeError, MissingDependencyError

_ENGINES = {
    "scipy": "spanwise.kernels.numpy.fft_scipy:transform",
    "ducc0": "spanwise.kernels.numpy.fft_ducc0:transform",
    "mkl": "spanwise.kernels.numpy.fft_mkl:transform",
}
_BUILT_IN = frozenset(_ENGINES)
_NEEDS = {"ducc0": ("ducc0", "fast"), "mkl": ("mkl (of x86-64 Linux)", "mkl")}
"""Package of an engine, and the extra that installs it."""


def register_kernel(name: str, function: Callable[..., Any] | str) -> None:
    """Make an FFT library of your own available as ``fft_kernel=name``.

    Parameters
    ----------
    name : str
        Name for the option ``fft_kernel``. A name of yours may be registered again; ``"scipy"``,
        ``"ducc0"``, ``"mkl"`` and ``"auto"`` are taken.
    function : callable or str
        A function of a module, or its place ``"package.module:function"``. It is called in tasks,
        also on workers in other processes, which import it from its module: install the module
        there. A function of ``__main__`` serves threads only. Its signature is::

            function(x, /, *, kind, axes, lengths, norm, workers, overwrite) -> array

        x is a NumPy array of numbers in the machine's byte order, which may be read-only and may
        have any strides; ``kind`` is one of "fft", "ifft", "rfft", "irfft", "hfft" and "ihfft", to
        be done along the distinct ``axes`` (the last of them is the real axis) after cropping or
        padding each to its number of points in ``lengths``; ``norm`` is None, "backward", "ortho"
        or "forward"; ``workers`` the number of threads to use, 1 in tasks; x may be overwritten if
        ``overwrite``. Result, shape and dtype are those of SciPy's function ``f"{kind}n"``.

    Raises
    ------
    ArgumentError
        For a name that is taken, and a function that cannot be imported by its name.

    Examples
    --------
    >>> import spanwise as sw
    >>> sw.fft.register_kernel("mine", "spanwise.kernels.numpy.fft_scipy:transform")
    >>> with sw.set_options(fft_kernel="mine"):
    ...     sw.get_options()["fft_kernel"]
    'mine'
    """
    if not isinstance(name, str) or not name or name in _BUILT_IN | {"auto"} or ":" in name:
        raise ArgumentError(
            f"name={name!r}: expected a name without a colon, other than "
            f"{', '.join(sorted(_BUILT_IN))} and auto"
        )
    place = function if isinstance(function, str) else _place_of(function)
    _import(place)
    _ENGINES[name] = place


def _place_of(function: Any) -> str:
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not callable(function):
        raise ArgumentTypeError(
            f"function={function!r}: expected a function or its place 'package.module:function'"
        )
    if not module or not name or "<" in name:
        raise ArgumentError(
            f"function={function!r} cannot be imported by its name, as workers have to; "
            "define it with def at the top of a module"
        )
    return f"{module}:{name}"


def _import(place: str) -> Callable[..., Any]:
    module, colon, name = place.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise ArgumentError(
            f"function={place!r} cannot be imported ({error}); expected a place such as "
            "'package.module:function' that exists here and on the workers"
        ) from error
    if not colon or not callable(found):
        raise ArgumentError(f"function={place!r}: expected a place 'package.module:function'")
    return found


def engines() -> list[str]:
    """Names that the option ``fft_kernel`` takes, besides "auto"."""
    return sorted(_ENGINES)


def check_engine(name: Any) -> None:
    """Refuse a value that the option ``fft_kernel`` does not take."""
    if name is None or name == "auto":
        return
    if name not in _ENGINES:
        raise ArgumentError(
            f"fft_kernel={name!r}: expected one of {', '.join(['auto', *engines()])} or None; "
            "others are made known by spanwise.fft.register_kernel(name, function)"
        )
    if not is_installed(name):
        package, extra = _NEEDS[name]
        raise MissingDependencyError(
            f"fft_kernel={name!r} needs the package {package}: "
            f'python -m pip install "spanwise[{extra}]"'
        )


def is_installed(name: str) -> bool:
    """Whether the package of a built-in engine is there."""
    if name == "mkl":  # a library without a module
        from .numpy import dfti

        return dfti.find() is not None
    return name not in _NEEDS or importlib.util.find_spec(name) is not None


def resolve_engine(name: str | None, fastest: str | None = None) -> str:
    """What graphs carry for a value of the option: a built-in engine, or where to import one.

    Parameters
    ----------
    name : str or None
        Value of the option ``fft_kernel``.
    fastest : str, optional
        The engine that was measured to be the fastest, taken by "auto" and None if it is there.

    Examples
    --------
    >>> resolve_engine(None), resolve_engine("auto", fastest="scipy")
    ('scipy', 'scipy')
    """
    check_engine(name)
    if name is None or name == "auto":
        name = fastest if fastest in _ENGINES and is_installed(fastest) else "scipy"
    return name if name in _BUILT_IN else _ENGINES[name]


def engine_of(resolved: str) -> Callable[..., Any]:
    """The function that a graph names."""
    return _import(_ENGINES[resolved] if resolved in _BUILT_IN else resolved)
