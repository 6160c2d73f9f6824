"""pytest -p cuda_cub: CuPy's reductions by the kernels over CUB that it compiles, as on a card."""

from cupy._core import set_reduction_accelerators, set_routine_accelerators

set_routine_accelerators([])
set_reduction_accelerators(["cub"])
