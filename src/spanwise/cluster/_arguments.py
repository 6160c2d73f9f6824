"""What the functions of `spanwise.cluster` ask of their arguments."""

from __future__ import annotations

import logging
import numbers
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import dispatch
from ..errors import ArgumentError, ArgumentTypeError
from ..kernels.library import namespace
from ..machine import parse_bytes
from ._lloyd import logger

ACCESSOR = "spanwise.cluster.kmeans"


def accept_matrix(x: Any, function: str, *, name: str = "x") -> Any:
    """Real rows of an array that is served, of known chunk sizes."""
    x = accept_real(x, function, name=name)
    if x.ndim != 2:
        raise ArgumentError(
            f"{name} has shape {tuple(x.shape)}; expected (samples, features). Reshape your data: "
            f"{name}.reshape(-1, 1) if it has one feature, {name}.reshape(1, -1) if one sample"
        )
    if x.shape[1] == 0:
        raise ArgumentError(
            f"{name} has 0 feature(s) (shape={tuple(x.shape)}) while a minimum of 1 is required."
        )
    return x


def accept_real(x: Any, function: str, *, name: str = "x") -> Any:
    """An array of real numbers of known chunk sizes; float16 and longer floats become float64."""
    x = dispatch.accept(x, function=f"cluster.{function}", accessor=ACCESSOR, name=name)
    if dispatch.kind_of(x) == "chunked":
        from ..graph.dask import spec_of

        spec_of(x)
        odd = x.dtype.kind == "f" and x.dtype.name not in ("float32", "float64")
        if x.dtype.kind == "c":
            raise _complex(x, name, function)
        return x.astype(np.float64) if odd else x
    xp = namespace(x)
    if xp.isdtype(x.dtype, "complex floating"):
        raise _complex(x, name, function)
    if xp.isdtype(x.dtype, ("integral", "bool")) or x.dtype in (xp.float32, xp.float64):
        return x
    return xp.astype(x, xp.float64)


def float_dtype(x: Any) -> np.dtype:
    """float32 for float32, otherwise float64."""
    single = np.float32 if dispatch.kind_of(x) == "chunked" else namespace(x).float32
    return np.dtype(np.float32 if x.dtype == single else np.float64)


def reference_of(x: Any) -> Any:
    """An array of the library that holds the elements."""
    return x._meta if dispatch.kind_of(x) == "chunked" else x


def check_count(n: int, k: int, *, weighted: bool = False) -> None:
    """Raise unless there are as many rows as clusters."""
    if n == 0 and weighted:
        raise ArgumentError(
            "sample_weight is zero for all rows; give some of them a weight above 0"
        )
    if n < k:
        raise ArgumentError(f"n_samples={n} should be >= n_clusters={k}")


def check_parameters(model: Any) -> None:
    """Raise for a parameter that `spanwise.cluster.KMeans` does not take."""
    if not _is_integer(model.n_clusters) or model.n_clusters < 1:
        raise ArgumentError(f"n_clusters={model.n_clusters!r}: expected an integer of at least 1")
    if model.algorithm not in ("lloyd", "elkan"):
        raise ArgumentError(f'algorithm={model.algorithm!r}: expected "lloyd" or "elkan"')
    check_sweep(model)


def check_sweep(model: Any) -> None:
    """Raise for a parameter that a fit of any number of clusters does not take."""
    if not _is_integer(model.max_iter) or model.max_iter < 1:
        raise ArgumentError(f"max_iter={model.max_iter!r}: expected an integer of at least 1")
    if model.n_init != "auto" and (not _is_integer(model.n_init) or model.n_init < 1):
        raise ArgumentError(f'n_init={model.n_init!r}: expected "auto" or an integer of at least 1')
    if not isinstance(model.tol, numbers.Real) or not float(model.tol) >= 0:
        raise ArgumentError(f"tol={model.tol!r}: expected a number of at least 0")
    if isinstance(model.init, str) and model.init not in ("k-means++", "random"):
        raise ArgumentError(
            f'init={model.init!r}: expected "k-means++", "random", a callable or an array'
        )
    _check_options(model)


METHODS = ("auto", "lloyd", "coreset", "gram")


def _check_options(model: Any) -> None:
    """Raise for an option of ours that a fit does not take."""
    if model.method not in METHODS:
        raise ArgumentError(f"method={model.method!r}: expected one of {', '.join(METHODS)}")
    if model.max_passes is not None and (not _is_integer(model.max_passes) or model.max_passes < 2):
        raise ArgumentError(
            f"max_passes={model.max_passes!r}: expected None or an integer of at least 2, one for "
            "the sample and one for the inertia"
        )
    if model.memory is not None and parse_bytes(model.memory) < 1:
        raise ArgumentError(f"memory={model.memory!r}: expected bytes or a text such as '512MiB'")
    if model.callback is not None and not callable(model.callback):
        raise ArgumentError(
            f"callback={model.callback!r}: expected a function of (iteration, inertia, shift)"
        )
    if model.checkpoint is not None and not isinstance(model.checkpoint, str | os.PathLike):
        raise ArgumentError(f"checkpoint={model.checkpoint!r}: expected the path of a file")


@contextmanager
def logged(verbose: int) -> Iterator[None]:
    """Let the iterations through to the log, or to standard error where nobody keeps one."""
    if not verbose:
        yield
        return
    level = logger.level
    handler = logging.NullHandler() if logger.hasHandlers() else logging.StreamHandler()
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _is_integer(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _complex(x: Any, name: str, function: str) -> ArgumentTypeError:
    return ArgumentTypeError(
        f"Complex data not supported: {name} has dtype {x.dtype}, {function} takes real data. Pass "
        f"abs({name}), or the real and imaginary parts as two features"
    )
