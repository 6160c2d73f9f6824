"""Keys of tasks on a device: they say so, in the part that Dask's dashboard shows."""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile("[0-9a-f]{32}")


def split_name(key: Any) -> tuple[str, str]:
    """What a key says and its token: ``fft-1f3a...`` is ``fft`` and ``-1f3a...``."""
    name = str(key[0] if isinstance(key, tuple) else key)
    stem, dash, token = name.rpartition("-")
    return (stem, dash + token) if stem and _TOKEN.fullmatch(token) else (name, "")


def stem_of(key: Any) -> str:
    """What a task does, as one word for a name.

    >>> stem_of(("spanwise-fft-" + 32 * "0", 1))
    'fft'
    """
    return split_name(key)[0].removeprefix("spanwise-").replace("-", "_")


def device_name(name: str, prefix: str = "") -> str:
    """The name of the same work on a device.

    >>> device_name("fft-" + 32 * "0")
    'fft@gpu-00000000000000000000000000000000'
    """
    stem, token = split_name(name)
    return f"{prefix}{stem}@gpu{token}"
