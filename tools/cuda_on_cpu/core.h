// What the emulated libraries share. All of it is in libcudart.so.13.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#define EXPORT extern "C" __attribute__((visibility("default")))

extern "C" {
// The environment's CUDA_ON_CPU_<name>.
const char* emu_setting(const char* name, const char* otherwise);
// Prints what was asked for and is not emulated.
void emu_missing(const char* what);
// Prints what a card would not forgive; ends the process where CUDA_ON_CPU_ABORT is 1.
void emu_fault(const char* format, ...);
// Does the work of all streams.
void emu_drain_all();
// Whether all the bytes lie in one allocation of a device.
bool emu_is_device(const void* p, size_t bytes);
int emu_device_of(const void* p);  // -1: not a device's memory
int emu_current();
int emu_device_of_stream(void* stream);  // -2: no such stream
}

namespace emu {
std::recursive_mutex& lock();
// Does `work` in the stream: at once, or as late as CUDA allows (CUDA_ON_CPU_LAZY=1).
void submit(void* stream, std::function<void()> work);
}  // namespace emu
#define LOCK std::lock_guard<std::recursive_mutex> guard_(emu::lock())
