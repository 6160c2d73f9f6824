"""pytest -p cuda_poison: all that CuPy's pool gives out is full of NaN, not only its new memory."""

import cupy

_pool = cupy.get_default_memory_pool()


def _malloc(size: int) -> cupy.cuda.MemoryPointer:
    memory = _pool.malloc(size)
    if size:
        memory.memset_async(0xFF, size)
    return memory


cupy.cuda.set_allocator(_malloc)
