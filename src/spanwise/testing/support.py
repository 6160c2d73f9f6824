"""What is supported, by running it: ``python -m spanwise.testing.support`` prints the table.

Each public function is called on each container that is available here, with the axes that it
works along whole and cut into chunks, and the answer is held against SciPy's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from ..kernels.library import library_of
from ..kernels.transfer import counted_transfers, to_host
from .backends import ArrayBackend, available_backends
from .cases import Case, all_cases
from .counters import count_computes

_TOLERANCE = 1e-12
_TITLES = {
    "numpy": "NumPy",
    "array-api-strict": "array-api-strict",
    "torch": "PyTorch",
    "cupy": "CuPy",
    "hostfree": "HostFree",
}
_LEGEND = """\
**yes**: SciPy's answer (relative error of the norm below 1e-12, in double precision), in the same
library and on the same device. **lazy**: the same as a Dask array, and the call computed nothing.
**computes**: the same, but the call computed. **moved**: right, but in another library, or the
data were copied between host and device (small results, such as the sums of k-means, may be).
**wrong**: another answer. **no**: refused, for the reason given.
*Cut* means that the axes which the function works along are cut into uneven chunks as well (for
clustering: the features; samples are cut always). HostFree stands for a device array: it cannot
be read by the host in silence."""


@dataclass(frozen=True, slots=True)
class SupportRow:
    """What one function did on one container."""

    function: str
    """Public name below ``spanwise``."""
    container: str
    """Name of the array backend."""
    cut: bool | None
    """Whether the axes that the function works along were cut; None where nothing is."""
    right: bool
    """Whether the answer was SciPy's."""
    lazy: bool
    """Whether the answer was a Dask array and the call computed nothing."""
    container_kept: bool
    """Whether the answer was of the library of the data, and a Dask answer declared so."""
    device_kept: bool
    """Whether the answer was on the device of the data, and the data stayed there: all copies
    between host and device together, of sums and samples, were smaller than the data."""
    refusal: str = ""
    """The error, if the call raised one."""

    @property
    def verdict(self) -> str:
        """The table's word for it."""
        if self.refusal:
            return "no"
        if not self.right:
            return "wrong"
        if not (self.container_kept and self.device_kept):
            return "moved"
        if self.cut is None:
            return "yes"
        return "lazy" if self.lazy else "computes"


def measure_support(
    backends: Iterable[ArrayBackend] | None = None, cases: Iterable[Case] | None = None
) -> list[SupportRow]:
    """Call every public function on every container and record what came of it.

    Parameters
    ----------
    backends : iterable of ArrayBackend, optional
        Containers. Default: all that are available here.
    cases : iterable of Case, optional
        Calls and answers. Default: one for each public function.

    Returns
    -------
    list of SupportRow
        Two rows for a Dask container (whole and cut axes), one for any other.

    Examples
    --------
    >>> from spanwise.testing import ArrayBackend
    >>> cases = [case for case in all_cases() if case.function == "fft.rfft"]
    >>> rows = measure_support([ArrayBackend("numpy"), ArrayBackend("dask:hostfree")], cases)
    >>> [(row.container, row.cut, row.verdict) for row in rows]
    [('numpy', None, 'yes'), ('dask:hostfree', False, 'lazy'), ('dask:hostfree', True, 'lazy')]
    """
    backends = tuple(available_backends() if backends is None else backends)
    return [
        _measure(case, backend, cut)
        for case in (all_cases() if cases is None else cases)
        for backend in backends
        for cut in ((False, True) if backend.is_lazy else (None,))
        if not (case.creates and backend.is_lazy)
    ]


def _measure(case: Case, backend: ArrayBackend, cut: bool | None) -> SupportRow:
    chunks = case.chunks(whole=not cut) if backend.is_lazy else None
    x = backend.asarray(case.values, chunks=chunks)
    try:
        prepared = case.prepare(x) if case.prepare else backend.xp
        with count_computes() as count, counted_transfers() as log:
            result = case.call(x, prepared)
            parts = result if isinstance(result, tuple) else (result,)
            lazy = count.computes == 0 and all(hasattr(part, "dask") for part in parts)
            blocks = [part.compute() if hasattr(part, "dask") else part for part in parts]
        copied = log.to_host.bytes + log.to_device.bytes
        right = _is_right(case, blocks)
    except Exception as error:  # whatever it is, it is what a user would meet
        refusal = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        return SupportRow(case.function, backend.name, cut, False, False, False, False, refusal)
    arrays = [block for block in blocks if not isinstance(block, (int, float))]
    declared = [part._meta for part in parts if hasattr(part, "dask")]
    kept = all(library_of(array) == backend.library for array in (*arrays, *declared))
    device = _device(backend.concrete_array(0.0))
    stayed = kept and all(_device(block) == device for block in arrays)
    stayed = stayed and copied < case.values.nbytes
    return SupportRow(case.function, backend.name, cut, right, lazy, kept, stayed)


def _device(x: Any) -> str:
    import array_api_compat

    return "cpu" if isinstance(x, np.generic) else str(array_api_compat.device(x))


def _is_right(case: Case, blocks: Sequence[Any]) -> bool:
    expected = case.expected if isinstance(case.expected, tuple) else (case.expected,)
    return len(blocks) == len(expected) and all(
        _agrees(case, block, np.asarray(wanted))
        for block, wanted in zip(blocks, expected, strict=True)
    )


def _agrees(case: Case, block: Any, wanted: np.ndarray) -> bool:
    found = np.asarray(block if isinstance(block, (int, float)) else to_host(block))
    found = case.normal_form(found) if case.normal_form else found
    if found.shape != wanted.shape or _family(found) != _family(wanted):
        return False
    return bool(np.linalg.norm(found - wanted) <= _TOLERANCE * np.linalg.norm(wanted))


def _family(x: np.ndarray) -> str:
    """Kind of the element type; the width of labels is the library's own."""
    return "i" if x.dtype.kind in "iu" else x.dtype.kind


def to_markdown(rows: Sequence[SupportRow]) -> str:
    """The rows as a Markdown table: functions down (alike ones together), containers across."""
    columns = list(dict.fromkeys((row.container, row.cut) for row in rows))
    refusals = list(dict.fromkeys(row.refusal for row in rows if row.refusal))
    lines = [
        f"| function | {' | '.join(_title(*column) for column in columns)} |",
        f"| --- |{' --- |' * len(columns)}",
    ]
    alike: dict[tuple[str, str], list[str]] = {}
    for function in dict.fromkeys(row.function for row in rows):
        cells = {(r.container, r.cut): _cell(r, refusals) for r in rows if r.function == function}
        line = " | ".join(cells.get(column, "") for column in columns)
        module, _, name = function.rpartition(".")
        alike.setdefault((module, line), []).append(name)
    for (module, line), names in alike.items():
        lines.append(f"| {_names(module, names)} | {line} |")
    notes = [f"{number}. {text}" for number, text in enumerate(refusals, start=1)]
    return "\n".join([*lines, "", _LEGEND, "", _versions(rows), *([""] if notes else []), *notes])


def _names(module: str, names: Sequence[str]) -> str:
    """Functions of a module, which only the first one names.

    >>> _names("fft", ["fft", "ifft"])
    '`fft.fft`, `ifft`'
    """
    first, *others = names
    return ", ".join(f"`{name}`" for name in (f"{module}.{first}".lstrip("."), *others))


def _title(container: str, cut: bool | None) -> str:
    library = _TITLES[container.removeprefix("dask:")]
    return library if cut is None else f"Dask of {library}{', cut' if cut else ''}"


def _cell(row: SupportRow, refusals: list[str]) -> str:
    note = f" ({refusals.index(row.refusal) + 1})" if row.refusal else ""
    return row.verdict + note


def _versions(rows: Sequence[SupportRow]) -> str:
    used = {row.container.removeprefix("dask:") for row in rows} - {"hostfree", "cupy"}
    names = ["numpy", "scipy", "dask", *sorted(used - {"numpy"})]
    return f"Measured with {', '.join(f'{name} {version(name)}' for name in names)}."


def main() -> None:
    """Print the table."""
    sys.stdout.write(to_markdown(measure_support()) + "\n")


if __name__ == "__main__":
    main()
