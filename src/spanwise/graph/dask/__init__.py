"""The only place where plans become Dask graphs.

Our layers carry the :class:`~spanwise.graph.plan.Step` that they carry out and the plan that it
belongs to; both survive pickling and are gone after ``persist``, as the work then is.
"""

from .detrend import lower_detrend
from .exchange import exchange, exchange_once
from .fft import lower_fft, lower_shift
from .halo import map_halo
from .harmonics import lower_harmonics
from .layers import PlannedBlockwise, PlannedLayer, map_kernel, reshape_chunks, spec_of
from .missing import lower_fill
from .reduce import add_shares, sum_axis
from .rows import count_rows, divide_rows, made_of, map_rows, reduce_rows
from .segments import lower_median, lower_overlap, lower_spectra, lower_sums
from .staged import keep_in_store, shares_ancestors
from .table import map_beside
from .zoom import lower_zoom

__all__ = [
    "PlannedBlockwise",
    "PlannedLayer",
    "add_shares",
    "count_rows",
    "divide_rows",
    "exchange",
    "exchange_once",
    "keep_in_store",
    "lower_detrend",
    "lower_fft",
    "lower_fill",
    "lower_harmonics",
    "lower_median",
    "lower_overlap",
    "lower_shift",
    "lower_spectra",
    "lower_sums",
    "lower_zoom",
    "made_of",
    "map_beside",
    "map_halo",
    "map_kernel",
    "map_rows",
    "reduce_rows",
    "reshape_chunks",
    "shares_ancestors",
    "spec_of",
    "sum_axis",
]
