// CUDA C++ for a C++ compiler: with this before it, the source of a kernel becomes that of a shared library.
// Threads of a block run in turn, one from barrier to barrier, so that shared memory and threadIdx can be
// plain variables.
#pragma once
#include <cassert>
#include <cfloat>
#include <climits>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <math.h>
#include <tuple>
#include <type_traits>
#include <utility>
#include <cuComplex.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <vector_functions.h>
#include <vector_types.h>
#include "launch.h"
#undef __device__
#undef __host__
#undef __global__
#undef __shared__
#undef __constant__
#undef __forceinline__
#undef __noinline__
#undef __launch_bounds__
#undef __managed__
#undef __grid_constant__
#define __device__
#define __host__
#define __global__
#define __shared__ static __attribute__((aligned(16)))
#define __constant__ static
#define __managed__ static
#define __grid_constant__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __CUDACC_VER_MAJOR__ 13
#define __CUDACC_VER_MINOR__ 0
#define NAN __builtin_nanf("")

static uint3 threadIdx, blockIdx;
static dim3 blockDim, gridDim;
static const int warpSize = 32;
static const EmuRuntime* emu_runtime;
static void* emu_dynamic;
extern "C" int emu_has_barriers;

#include "numbers.h"

// ---- barriers: other threads run meanwhile, and set threadIdx
static inline void __syncthreads() {
  uint3 mine = threadIdx;
  emu_runtime->sync_block();
  threadIdx = mine;
}
static inline void __syncwarp(unsigned mask = 0xffffffffu) {
  uint3 mine = threadIdx;
  emu_runtime->sync_warp(mask);
  threadIdx = mine;
}
static inline int __syncthreads_count(int v) {
  uint3 mine = threadIdx;
  int count = emu_runtime->sum_over_block(v != 0);
  threadIdx = mine;
  return count;
}
static inline int __syncthreads_or(int v) { return __syncthreads_count(v) != 0; }
static inline int __syncthreads_and(int v) { return __syncthreads_count(!v) == 0; }
static inline void __threadfence() {}
static inline void __threadfence_block() {}
static inline void __threadfence_system() {}
static inline void __nanosleep(unsigned) {}
static inline void __trap() { __builtin_trap(); }
static inline long long clock64() { return 0; }

// ---- exchanges within a warp: all write their slot, wait, read, and wait
static unsigned char emu_slots[1024][64];
static inline int emu_thread() { return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z); }
static inline int emu_lane() { return emu_thread() & 31; }

// What `read` makes of the values of a warp's lanes.
template <class T, class Read>
static inline auto emu_share(unsigned mask, T v, Read read) {
  static_assert(sizeof(T) <= sizeof emu_slots[0], "");
  int thread = emu_thread(), first = thread & ~31;
  memcpy(emu_slots[thread], &v, sizeof v);
  __syncwarp(mask);
  auto out = read([&](int lane) {
    T other;
    memcpy(&other, emu_slots[first + lane], sizeof other);
    return other;
  });
  __syncwarp(mask);
  return out;
}
template <class T>
static inline T emu_take(unsigned mask, T v, int lane) {
  return emu_share(mask, v, [=](auto of) { return of(lane); });
}
template <class T>
static inline T __shfl_sync(unsigned mask, T v, int from, int width = 32) {
  return emu_take(mask, v, (emu_lane() & ~(width - 1)) + (from & (width - 1)));
}
template <class T>
static inline T __shfl_xor_sync(unsigned mask, T v, int bits, int width = 32) {
  int lane = emu_lane(), from = lane ^ bits;
  return emu_take(mask, v, from < (lane & ~(width - 1)) + width ? from : lane);
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T v, unsigned delta, int width = 32) {
  int lane = emu_lane(), from = lane + (int)delta;
  return emu_take(mask, v, from < (lane & ~(width - 1)) + width ? from : lane);
}
template <class T>
static inline T __shfl_up_sync(unsigned mask, T v, unsigned delta, int width = 32) {
  int lane = emu_lane(), from = lane - (int)delta;
  return emu_take(mask, v, from >= (lane & ~(width - 1)) ? from : lane);
}

// The lanes of the mask, and of the block, whose value passes.
template <class T, class Test>
static inline unsigned emu_lanes(unsigned mask, T v, Test test) {
  int rest = (int)(blockDim.x * blockDim.y * blockDim.z) - (emu_thread() & ~31);
  return emu_share(mask, v, [=](auto of) {
    unsigned out = 0;
    for (int i = 0; i < 32 && i < rest; i++) {
      if ((mask >> i & 1) && test(of(i))) out |= 1u << i;
    }
    return out;
  });
}
static inline unsigned __ballot_sync(unsigned mask, int v) {
  return emu_lanes(mask, v, [](int other) { return other != 0; });
}
template <class T>
static inline unsigned __match_any_sync(unsigned mask, T v) {
  return emu_lanes(mask, v, [=](T other) { return !memcmp(&other, &v, sizeof v); });
}
static inline int __any_sync(unsigned mask, int v) { return __ballot_sync(mask, v) != 0; }
static inline int __all_sync(unsigned mask, int v) { return __ballot_sync(mask, !v) == 0; }
static inline unsigned __activemask() { return 0xffffffffu; }

template <class T, class F>
static inline T emu_fold(unsigned mask, T v, F f) {
  return emu_share(mask, v, [=](auto of) {
    int first = __builtin_ctz(mask);
    T out = of(first);
    for (int i = first + 1; i < 32; i++) {
      if (mask >> i & 1) out = f(out, of(i));
    }
    return out;
  });
}
template <class T>
static inline T __reduce_add_sync(unsigned mask, T v) {
  return emu_fold(mask, v, [](T a, T b) { return a + b; });
}
template <class T>
static inline T __reduce_min_sync(unsigned mask, T v) {
  return emu_fold(mask, v, [](T a, T b) { return a < b ? a : b; });
}
template <class T>
static inline T __reduce_max_sync(unsigned mask, T v) {
  return emu_fold(mask, v, [](T a, T b) { return a < b ? b : a; });
}

// ---- launches
template <class... A, size_t... I>
static inline void emu_call(void (*f)(A...), void** p, std::index_sequence<I...>) {
  f(*reinterpret_cast<std::remove_const_t<std::remove_reference_t<A>>*>(p[I])...);
}
template <class Index>
static inline void emu_place(Index& out, uint64_t i, const unsigned* sizes) {
  out.x = i % sizes[0];
  out.y = i / sizes[0] % sizes[1];
  out.z = i / sizes[0] / sizes[1];
}
template <class... A>
struct EmuCall {
  void (*f)(A...);
  const EmuLaunch* launch;
  static void thread(void* self, int i) {
    auto* call = (EmuCall*)self;
    emu_place(threadIdx, i, call->launch->block);
    emu_call(call->f, call->launch->parameters, std::index_sequence_for<A...>{});
  }
};
template <class... A>
static void emu_launch(void (*f)(A...), const EmuLaunch* launch) {
  const unsigned *grid = launch->grid, *block = launch->block;
  gridDim = dim3(grid[0], grid[1], grid[2]);
  blockDim = dim3(block[0], block[1], block[2]);
  emu_runtime = launch->runtime;
  emu_dynamic = launch->dynamic;
  unsigned threads = block[0] * block[1] * block[2];
  uint64_t blocks = (uint64_t)grid[0] * grid[1] * grid[2];
  EmuCall<A...> call{f, launch};
  for (uint64_t k = 0; k < blocks; k++) {
    emu_place(blockIdx, launch->reverse ? blocks - 1 - k : k, grid);
    if (emu_has_barriers) {
      launch->runtime->run_block(threads, call.thread, &call);
    } else {
      for (unsigned j = 0; j < threads; j++) call.thread(&call, launch->reverse ? threads - 1 - j : j);
    }
  }
}
template <class... A>
static int emu_sizes(void (*)(A...), int* out) {
  int i = 0;
  ((out[i++] = (int)sizeof(A)), ...);
  return i;
}
#define EMU_EXPORT extern "C" __attribute__((visibility("default")))
#define EMU_KERNEL(symbol, ...)                                                          \
  EMU_EXPORT void emu_entry_##symbol(const EmuLaunch* l) { emu_launch(__VA_ARGS__, l); } \
  EMU_EXPORT int emu_sizes_##symbol(int* out) { return emu_sizes(__VA_ARGS__, out); }
