"""Work on blocks that hold several axes whole, where some of them are cut."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import options
from ..fft._call import lower
from ..kernels.fft import flops
from ..kernels.kernel import Kernel
from ._arguments import fft_engine, is_complex


def run_on_whole(
    x: Any,
    axes: tuple[int, ...],
    points: tuple[int, ...],
    kernel: Kernel | None,
    params: Mapping[str, Any],
    dtype: Any,
    operation: str,
) -> Any:
    """Make cut axes whole by one exchange and run a kernel in its tasks; None if that cannot be.

    ``points`` are those of the result on the axes. Without a kernel the array is only brought into
    chunks that hold the axes.
    """
    from ..graph.dask import spec_of
    from ..graph.power import plan_on_whole
    from ..graph.stages import Work

    options.make_placement_effective()
    work = None
    if kernel is not None:
        lengths = tuple(x.shape[a] for a in axes)
        count = flops(lengths, math.prod(x.shape), real=not is_complex(x))
        work = Work(kernel, (*params.items(), *fft_engine(x).items()), flops=count)
    plan = plan_on_whole(
        spec_of(x),
        work,
        axes=axes,
        points=points,
        dtype=str(np.dtype(dtype)),
        itemsize=np.dtype(dtype).itemsize,
        machine=options.machine(),
        operation=operation,
    )
    return None if plan is None else lower(x, plan)
