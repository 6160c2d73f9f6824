"""Reading what xarray opens, and writing stores that are either whole or not there."""

from __future__ import annotations

import atexit
import importlib.util
import os
import re
import shutil
import warnings
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ArgumentError, MissingDependencyError, OutputExistsError, UnsupportedError

if TYPE_CHECKING:
    import xarray as xr

_ZARR_MARKS = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")
_NUMBERS = "biufc"


def split_variable(text: str) -> tuple[str, str | None]:
    r"""The file and the variable of ``FILE[:VARIABLE]``.

    A colon that belongs to the file is left alone: a file of that very name, a Windows drive, the
    scheme or port of a URL.

    Examples
    --------
    >>> split_variable("sst.zarr:sst")
    ('sst.zarr', 'sst')
    >>> split_variable("s3://bucket/sst.zarr")
    ('s3://bucket/sst.zarr', None)
    >>> split_variable(r"C:\data\sst.nc:sst")
    ('C:\\data\\sst.nc', 'sst')
    """
    if Path(text).exists():
        return text, None
    file, colon, variable = text.rpartition(":")
    belongs_to_file = (
        not colon
        or not variable
        or re.search(r"[/\\]", variable) is not None
        or re.fullmatch(r"[A-Za-z]?", file) is not None
        or re.fullmatch(r"\w[\w+.-]*://[^/]*", file) is not None
    )
    return (text, None) if belongs_to_file else (file, variable)


def is_zarr(file: str) -> bool:
    """Whether a file or URL is, or calls itself, a Zarr store."""
    if any((Path(file) / mark).exists() for mark in _ZARR_MARKS):
        return True
    return re.search(r"\.zarr/?$", file.partition("?")[0]) is not None


def open_variable(
    text: str, *, dims: tuple[str, ...] = (), chunks: Mapping[str, int] | str = "auto"
) -> xr.DataArray:
    """Open ``FILE[:VARIABLE]`` lazily, in chunks.

    Parameters
    ----------
    text : str
        Anything xarray opens: a Zarr store, a NetCDF file, a URL; the variable may be left out
        where only one has the dimensions ``dims``.
    dims : tuple of str
        Dimensions that the variable must have.
    chunks : mapping or str
        As `xarray.open_dataset` takes them.
    """
    file, name = split_variable(text)
    dataset = _open(file, chunks)
    name = _choose(dataset, file, name, dims)
    return dataset[name]


def _open(file: str, chunks: Mapping[str, int] | str) -> xr.Dataset:
    """The dataset, its engine chosen by what the file is."""
    import xarray as xr

    if "://" not in file and not Path(file).exists():
        raise ArgumentError(f"IN={file!r} is not there; name a Zarr store, a NetCDF file or a URL")
    engine = None
    if is_zarr(file):
        _need_zarr()
        engine = "zarr"
    try:
        with warnings.catch_warnings():
            # A store without consolidated metadata opens all the same.
            warnings.filterwarnings("ignore", "Failed to open Zarr store with consolidated")
            return xr.open_dataset(file, engine=engine, chunks=chunks)  # pyright: ignore[reportArgumentType]
    except ImportError as error:
        raise MissingDependencyError(f"{file!r} cannot be opened: {_line(error)}") from error
    except (OSError, ValueError, KeyError) as error:
        raise ArgumentError(f"IN={file!r} cannot be opened: {_line(error)}") from error


def _need_zarr() -> None:
    """Raise the install command if there is no zarr."""
    if importlib.util.find_spec("zarr") is None:
        raise MissingDependencyError('Zarr stores: python -m pip install "spanwise[io]"')


def _line(error: BaseException) -> str:
    """The first line of an error's message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _choose(dataset: xr.Dataset, file: str, name: str | None, dims: tuple[str, ...]) -> Hashable:
    """The variable that was named, or the only one that has the dimensions."""
    if name is not None:
        if name not in dataset.variables:
            raise ArgumentError(f"{file!r} has no variable {name!r}; it has {_names(dataset)}")
        missing = [dim for dim in dims if dim not in dataset[name].dims]
        if missing:
            raise ArgumentError(
                f"the variable {name!r} has no dimension {missing[0]!r}; "
                f"it has {', '.join(map(str, dataset[name].dims))}"
            )
        return name
    fitting = sorted(
        str(key)
        for key, variable in dataset.data_vars.items()
        if variable.dtype.kind in _NUMBERS and variable.ndim and set(dims) <= set(variable.dims)
    )
    if len(fitting) == 1:
        return fitting[0]
    wanted = f" over {', '.join(dims)}" if dims else ""
    if not fitting:
        raise ArgumentError(f"{file!r} has no numeric variable{wanted}; it has {_names(dataset)}")
    raise ArgumentError(
        f"{file!r} has {len(fitting)} variables{wanted}: {', '.join(fitting)}; "
        f"choose one, as in {file}:{fitting[0]}"
    )


def _names(dataset: xr.Dataset) -> str:
    """Variables with their dimensions, for messages."""
    return ", ".join(
        f"{name} ({', '.join(map(str, variable.dims))})"
        for name, variable in dataset.data_vars.items()
    )


def check_output(path: Path | str, *, overwrite: bool = False) -> Path:
    """Raise before any work is done if a store must not be written at ``path``."""
    if "://" in str(path):
        raise UnsupportedError(
            f"OUT={str(path)!r}: only a folder of this machine can be replaced in one step; "
            "write there first and copy the store afterwards"
        )
    path = Path(path)
    if not path.parent.is_dir():
        raise ArgumentError(f"OUT={str(path)!r}: the folder {str(path.parent)!r} is not there")
    if not path.exists():
        return path
    if not overwrite:
        raise OutputExistsError(f"OUT={str(path)!r} exists already; add --overwrite to replace it")
    if not any((path / mark).exists() for mark in _ZARR_MARKS):
        raise OutputExistsError(
            f"OUT={str(path)!r} exists and is not a Zarr store; it is not replaced even with "
            "--overwrite: choose another name"
        )
    return path


@contextmanager
def new_store(path: Path | str, *, overwrite: bool = False) -> Iterator[Path]:
    """A folder to write a store into, which takes the name ``path`` when the block has ended well.

    Until then the store lies beside it, under a hidden temporary name, and what was there before
    stays whole. When the block raises (or is interrupted) the temporary folder is removed.

    Yields
    ------
    pathlib.Path
        The temporary name; nothing is there yet.

    Raises
    ------
    OutputExistsError
        ``path`` exists and may not be replaced: without ``overwrite`` nothing may, with it only
        Zarr stores.
    """
    path = check_output(path, overwrite=overwrite)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        yield partial
        _install(partial, path, overwrite=overwrite)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        # Threads of an interrupted computation may write a last chunk after this.
        atexit.register(shutil.rmtree, partial, ignore_errors=True)
        raise


def _install(partial: Path, path: Path, *, overwrite: bool) -> None:
    """Give the whole store its name; the one it replaces is removed last."""
    check_output(path, overwrite=overwrite)
    if not path.exists():
        partial.rename(path)
        return
    old = path.with_name(f".{path.name}.old-{os.getpid()}")
    path.rename(old)
    try:
        partial.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def write_lazily(data: xr.DataArray | xr.Dataset, folder: Path, *, compressed: bool = True) -> Any:
    """Write the metadata of a Zarr store and return the write of its chunks, to be computed."""
    import xarray as xr

    _need_zarr()

    dataset = data if isinstance(data, xr.Dataset) else data.to_dataset(name=data.name or "result")
    dataset = _uniform(dataset.drop_encoding())  # chunks and filters of the source do not bind
    names = () if compressed else map(str, dataset.data_vars)
    encoding = {name: {"compressors": None} for name in names}
    return to_zarr(dataset, folder, encoding)


def to_zarr(dataset: xr.Dataset, folder: Path, encoding: Mapping[str, Any]) -> Any:
    """Write metadata and coordinates of a new store; returns the write of the rest."""
    with warnings.catch_warnings():
        # xarray looks for consolidated metadata first, whose place in format 3 is still open.
        warnings.filterwarnings("ignore", "Consolidated metadata is currently not part")
        return dataset.to_zarr(
            folder, mode="w-", compute=False, encoding=encoding, consolidated=True, zarr_format=3
        )


def _uniform(dataset: xr.Dataset) -> xr.Dataset:
    """Chunks of one length but the last, as Zarr stores them."""
    lengths = {}
    for dim, chunks in dataset.chunksizes.items():
        if any(chunk != chunks[0] for chunk in chunks[:-1]) or chunks[-1] > chunks[0]:
            lengths[dim] = max(chunks)
    return dataset.chunk(lengths) if lengths else dataset
