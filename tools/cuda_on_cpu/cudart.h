// What the parts of the emulated CUDA runtime (cudart_*.cpp) know of one another.
#pragma once
#include "core.h"
#include <cuda_runtime_api.h>

namespace emu {
bool lazy();
bool hidden();      // CUDA_VISIBLE_DEVICES hides all devices
size_t capacity();  // bytes of memory of a device
// The legacy stream (nullptr) waits for all blocking streams, and they for it: what has to be done before
// `stream`.
void before(void* stream);
void drain(void* stream, size_t position = ~size_t(0));
}  // namespace emu
