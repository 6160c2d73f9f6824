"""The pytest plug-in: ``pytest_plugins = ["spanwise.testing.plugin"]`` in a ``conftest.py``.

A test with an argument ``xp`` runs once for each array backend, and gets it as an
`spanwise.testing.ArrayBackend`::

    def test_keeps_the_container(xp):
        y = spanwise.fft.fft(xp.asarray([1.0, 2.0, 3.0]))
        xp_assert_close(y, xp.asarray(scipy.fft.fft([1.0, 2.0, 3.0])))

``xp`` is a parameter, not a fixture with a scope, so that Hypothesis tests may use it.
"""

from __future__ import annotations

from typing import Any

import pytest

from ..errors import ArgumentError
from .backends import BACKENDS, ArrayBackend, select_backends

_SKIP = "skip_xp_backends"
_XFAIL = "xfail_xp_backends"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--array-backend``."""
    parser.getgroup("spanwise").addoption(
        "--array-backend",
        default="all",
        metavar="NAMES",
        help="array backends that the argument xp runs over: a comma-separated list of "
        f"{', '.join(BACKENDS)}; 'all' (the default) is every one that is installed and finds its "
        "device. SPANWISE_DEVICE names PyTorch's device.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers and read the option."""
    what = "names are those of --array-backend, or 'dask' for every Dask backend"
    config.addinivalue_line("markers", f"{_SKIP}(*names, reason): skip on array backends; {what}")
    config.addinivalue_line(
        "markers", f"{_XFAIL}(*names, reason): expect failure on array backends; {what}"
    )
    try:
        config.stash[_BACKENDS] = select_backends(str(config.getoption("--array-backend")))
    except ArgumentError as error:
        raise pytest.UsageError(f"--array-backend: {error}") from error


_BACKENDS = pytest.StashKey[tuple[ArrayBackend, ...]]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes ``xp`` once for each backend."""
    if "xp" not in metafunc.fixturenames:
        return
    marks = [
        (_names_and_reason(mark), make)
        for name, make in ((_SKIP, pytest.mark.skip), (_XFAIL, pytest.mark.xfail))
        for mark in metafunc.definition.iter_markers(name)
    ]
    params = [
        pytest.param(
            backend,
            id=backend.name,
            marks=[
                make(reason=reason)
                for (names, reason), make in marks
                if backend.name in names or (backend.is_lazy and "dask" in names)
            ],
        )
        for backend in metafunc.config.stash[_BACKENDS]
    ]
    metafunc.parametrize("xp", params)


def _names_and_reason(mark: pytest.Mark) -> tuple[tuple[Any, ...], str]:
    unknown = [name for name in mark.args if name not in (*BACKENDS, "dask")]
    if unknown or not mark.args:
        raise pytest.UsageError(
            f"{mark.name}{mark.args}: expected names out of {', '.join((*BACKENDS, 'dask'))}"
        )
    reason = mark.kwargs.get("reason")
    if not isinstance(reason, str) or not reason:
        raise pytest.UsageError(f"{mark.name}{mark.args} needs reason='...'")
    return mark.args, reason
