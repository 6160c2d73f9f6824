"""A stream for each thread, so that one thread's copies run beside another one's kernels.

On one stream everything waits for what came before: the copy of the next chunk would begin when
the kernels on this one are done, whichever thread asked for it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_here = threading.local()


@contextmanager
def own_stream() -> Iterator[None]:
    """Work in a stream of this thread, which is done with all of it when the block ends.

    The stream waits for CuPy's default stream and is waited for by it, as CUDA has it. CuPy's pool
    gives memory that was freed to the stream that it was taken for, so that an array that outlives
    the block may be used anywhere.
    """
    import cupy

    # The checker takes the package kernels/cupy for CuPy.
    cuda = cupy.cuda  # pyright: ignore[reportAttributeAccessIssue]
    streams: dict[int, Any] = _here.__dict__.setdefault("streams", {})
    device = cuda.Device().id
    if device not in streams:
        streams[device] = cuda.Stream()
    stream = streams[device]
    with stream:
        try:
            yield
        finally:
            stream.synchronize()
