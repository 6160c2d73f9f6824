"""The only place where plans become Dask graphs.

Our layers carry the :class:`~spanwise.graph.plan.Step` that they carry out and the plan that it
belongs to; both survive pickling and are gone after ``persist``, as the work then is.
"""

from .detrend import lower_detrend
from .exchange import exchange
from .fft import lower_fft, lower_shift
from .layers import PlannedBlockwise, PlannedLayer, map_kernel, reshape_chunks, spec_of
from .missing import lower_fill
from .reduce import sum_axis
from .rows import divide_rows, map_rows, reduce_rows
from .staged import keep_in_store, shares_ancestors
from .table import map_beside
from .zoom import lower_zoom

__all__ = [
    "PlannedBlockwise",
    "PlannedLayer",
    "divide_rows",
    "exchange",
    "keep_in_store",
    "lower_detrend",
    "lower_fft",
    "lower_fill",
    "lower_shift",
    "lower_zoom",
    "map_beside",
    "map_kernel",
    "map_rows",
    "reduce_rows",
    "reshape_chunks",
    "shares_ancestors",
    "spec_of",
    "sum_axis",
]
