"""Computing with a progress bar on the standard error stream, on threads or on a cluster."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from typing import Any, TextIO

_LOG_SECONDS = 10.0
"""Least time between two states of a bar that are written where nobody watches it grow."""


class _Log(io.TextIOBase):
    """Passes on few of the states of a bar, each on a line, to a stream that is not a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._state = ""
        self._next = time.monotonic() + _LOG_SECONDS

    def write(self, text: str, /) -> int:
        """Keep the newest state; write it if the last one is long ago."""
        state = text.replace("\r", "").replace("\33[2K", "").strip()
        self._state = state or self._state
        if state and time.monotonic() >= self._next:
            self._next = time.monotonic() + _LOG_SECONDS
            self.finish()
        return len(text)

    def finish(self) -> None:
        """Write the newest state."""
        if self._state:
            self._stream.write(f"{self._state}\n")
            self._stream.flush()
        self._state = ""


@contextlib.contextmanager
def _bar_stream() -> Any:
    """Where bars are drawn: the terminal, or the log that stands in for it."""
    if sys.stderr.isatty():
        yield sys.stderr
        return
    log = _Log(sys.stderr)
    try:
        yield log
    finally:
        log.finish()


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

        with _bar_stream() as stream, ProgressBar(out=stream):
            return lazy.compute()
    from distributed import progress

    future = client.compute(lazy)
    with _bar_stream() as stream, contextlib.redirect_stdout(stream):
        progress(future, notebook=False)
    return future.result()
