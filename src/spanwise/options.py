"""Options, kept in Dask's configuration under ``spanwise``.

Each may also be set in a YAML file of Dask's or in the environment (``DASK_SPANWISE__MEMORY``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any

from .errors import ArgumentError
from .kernels.engines import check_engine, resolve_engine
from .kernels.folders import check_url
from .machine import Machine, parse_bytes
from .rates import Rates

_POLICIES = ("cpu", "gpu", "data", "cost")
_NAMES = {
    "fft_kernel": "fft-kernel",
    "memory": "memory",
    "placement": "placement",
    "temporary_store": "temporary-store",
}


def _config() -> Any:
    import dask
    import yaml

    known = dask.config.get("spanwise", None)
    if known is None or not known.keys() >= set(_NAMES.values()):
        defaults = yaml.safe_load(Path(__file__).with_name("spanwise.yaml").read_text())
        dask.config.update_defaults(defaults)
    return dask.config


def set_options(**options: Any) -> Any:
    """Set options until the end of a ``with`` block, or for good without one.

    Parameters
    ----------
    memory : int, float, str or None
        Bytes that one worker may hold for a plan, as a number or a text such as ``"512MiB"``.
        A plan that exceeds it in every form is refused when the function is called.
    placement : {"cpu", "gpu", "data", "cost"} or None
        Where kernels run, see :class:`spanwise.schedulers.placement`.
    fft_kernel : str or None
        What transforms NumPy blocks in tasks: ``"scipy"``, ``"ducc0"`` (install
        ``spanwise[fast]``), ``"mkl"`` (``spanwise[mkl]``, x86-64 Linux) or a name given to
        :func:`spanwise.fft.register_kernel`. ``"auto"`` and None: what ``spanwise calibrate`` found
        to be the fastest on this machine, where the workers are on this machine; else SciPy.
    temporary_store : str, path or None
        Folder or URL (``"s3://bucket/scratch"``, anything that fsspec opens) for exchanges that
        exceed the budget; all workers must see it. None: the system's temporary folder, which
        serves the workers of one host. What opens a URL (keys, endpoints) is taken from where
        fsspec finds it: its configuration and the environment of each worker.

    Returns
    -------
    context manager
        Restores the former values when its block ends.

    Raises
    ------
    ArgumentError
        For an unknown option or a value that it does not take.
    MissingDependencyError
        For an FFT kernel whose package is not installed.

    Examples
    --------
    >>> import spanwise as sw
    >>> with sw.set_options(memory="512MiB"):
    ...     sw.get_options()["memory"]
    '512MiB'
    """
    for name, value in options.items():
        if name not in _NAMES:
            raise ArgumentError(f"option {name!r}: expected one of {', '.join(sorted(_NAMES))}")
        if name == "memory" and value is not None and parse_bytes(value) < 1:
            raise ArgumentError(f"memory={value!r}: a budget must be positive; None sets no budget")
        if name == "fft_kernel":
            check_engine(value)
        if name == "placement" and value is not None and value not in _POLICIES:
            raise ArgumentError(f"placement={value!r}: expected one of {_POLICIES} or None")
        if name == "temporary_store" and not isinstance(value, (str, os.PathLike, type(None))):
            raise ArgumentError(f"temporary_store={value!r}: expected a folder, a URL or None")
        if name == "temporary_store" and isinstance(value, str):
            check_url(value)
    values = {
        f"spanwise.{_NAMES[name]}": os.fspath(value) if isinstance(value, os.PathLike) else value
        for name, value in options.items()
    }
    if "placement" in options:
        from .schedulers.hook import settings

        values |= settings(options["placement"])
    return _config().set(values)


def get_options() -> dict[str, Any]:
    """The options in force.

    Examples
    --------
    >>> import spanwise as sw
    >>> sorted(sw.get_options())
    ['fft_kernel', 'memory', 'placement', 'temporary_store']
    """
    config = _config()
    return {name: config.get(f"spanwise.{key}", None) for name, key in _NAMES.items()}


def machine(memory: int | float | str | None = None) -> Machine:
    """The machine to plan for, with the options in force, or another budget than theirs."""
    from .schedulers.local import current_machine

    here = current_machine(memory=get_options()["memory"] if memory is None else memory)
    plans = _PLANS.get()
    if plans == 1:
        return here
    source = f"{here.source}, shared by {plans} arrays"
    return replace(here, memory=max(1, here.memory // plans), source=source)


_PLANS: ContextVar[int] = ContextVar("spanwise_plans", default=1)


@contextmanager
def shared_budget(plans: int) -> Iterator[None]:
    """Let each of several plans, whose tasks run at the same time, take its share of the budget."""
    token = _PLANS.set(_PLANS.get() * plans)
    try:
        yield
    finally:
        _PLANS.reset(token)


def fft_engine(dtype: Any, rates: Rates | None) -> str:
    """What is to transform NumPy blocks: keyword ``engine`` of :data:`spanwise.kernels.fft.fft`.

    Parameters
    ----------
    dtype : dtype
        Element type of the result.
    rates : Rates or None
        Of the machine that will do it, if they are known.
    """
    # NumPy arrays are transformed without importing Dask; nobody can have set an option before.
    name = get_options()["fft_kernel"] if "dask.config" in sys.modules else None
    if name not in (None, "auto"):
        return resolve_engine(name)
    rate = None if rates is None else rates.fastest(dtype)
    return resolve_engine(None, None if rate is None else rate.engine)


def make_placement_effective() -> None:
    """Put the placement of the configuration in force, if there is one and it is not yet.

    Dask knows nothing of the key ``spanwise.placement`` in a file or in the environment; what it
    reads is its own setting ``array_optimize``.
    """
    policy = _config().get("spanwise.placement", None)
    if policy is None:
        return
    from .schedulers.hook import current, install

    if current() is None:
        install(policy)
