"""Computing with a progress bar on the standard error stream, on threads or on a cluster."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

_REDRAW = (0.1, 10.0)
"""Seconds between two drawings of the bar: on a terminal, and in a log."""


def compute(lazy: Any) -> Any:
    """Compute a Dask collection by the scheduler in force, and show how far it is.

    Parameters
    ----------
    lazy : Dask collection
        With an active ``distributed`` client it runs there, else on the local scheduler.
    """
    from .schedulers.local import active_client

    client = active_client()
    if client is None:
        from dask.diagnostics.progress import ProgressBar

        with ProgressBar(out=sys.stderr, dt=_REDRAW[not sys.stderr.isatty()]):
            return lazy.compute()
    from distributed import progress

    future = client.compute(lazy)
    with contextlib.redirect_stdout(sys.stderr):
        progress(future, notebook=False, interval=_REDRAW[not sys.stderr.isatty()])
    return future.result()
