"""FFT of a CuPy block by cuFFT."""

from __future__ import annotations

from typing import Any


def transform(
    x: Any,
    /,
    *,
    kind: str,
    axes: tuple[int, ...],
    lengths: tuple[int, ...],
    norm: str | None,
    workers: int | None = 1,
    overwrite: bool = False,
    engine: str = "",
) -> Any:
    """Transform one block on its device; see :data:`spanwise.kernels.fft.fft`."""
    import cupy
    import cupyx.scipy.fft

    function = getattr(cupyx.scipy.fft, f"{kind}n")
    with x.device:
        if x.base is not None and x.data.ptr % 16:
            # cuFFT refuses views that are not aligned to 16 bytes (cupy#9229).
            # The checker takes this package for CuPy.
            x = cupy.array(x)  # pyright: ignore[reportAttributeAccessIssue]
        return function(x, s=lengths, axes=axes, norm=norm, overwrite_x=overwrite)
