// CUDA's runtime on the CPU: memory. A device's memory is the host's, between guards and full of NaN at
// first; a copy between the wrong kinds of memory, or beyond the end of either, is refused.
#include "cudart.h"
#include <map>
#include <memory>
#include <string>
using namespace emu;

static const size_t GUARD = 512;
static const unsigned char GUARD_BYTE = 0xA5;
enum Kind { DEVICE, HOST, MANAGED };
struct Block {
  size_t size;
  Kind kind;
  char* base;
  int device;
};
static std::map<char*, Block>& blocks() {
  static auto* all = new std::map<char*, Block>;
  return *all;
}
static size_t used[16];

// The allocation that holds an address.
static const Block* holder(const void* p, char** start = nullptr) {
  auto after = blocks().upper_bound((char*)p);
  if (after == blocks().begin()) return nullptr;
  auto& [first, block] = *--after;
  if ((char*)p >= first + std::max<size_t>(block.size, 1)) return nullptr;
  if (start) *start = first;
  return &block;
}

bool emu_is_device(const void* p, size_t bytes) {
  LOCK;
  char* start;
  const Block* block = holder(p, &start);
  return block && block->kind != HOST && (char*)p + bytes <= start + block->size;
}

int emu_device_of(const void* p) {
  LOCK;
  const Block* block = holder(p);
  return block && block->kind == DEVICE ? block->device : -1;
}

static cudaError_t take(void** out, size_t size, Kind kind) {
  LOCK;
  *out = nullptr;
  int device = emu_current();
  if (kind != HOST && used[device] + size > capacity()) {
    emu_drain_all();
    return cudaErrorMemoryAllocation;
  }
  if (size == 0) return cudaSuccess;
  char* base = nullptr;
  if (posix_memalign((void**)&base, 512, size + 2 * GUARD)) return cudaErrorMemoryAllocation;
  memset(base, GUARD_BYTE, GUARD);
  memset(base + GUARD, kind == HOST ? 0xCD : 0xFF, size);  // 0xFF...: NaN, -1
  memset(base + GUARD + size, GUARD_BYTE, GUARD);
  blocks()[base + GUARD] = {size, kind, base, device};
  if (kind != HOST) used[device] += size;
  *out = base + GUARD;
  return cudaSuccess;
}

static cudaError_t give(void* p, bool host) {
  LOCK;
  if (!p) return cudaSuccess;
  emu_drain_all();
  auto found = blocks().find((char*)p);
  if (found == blocks().end() || (found->second.kind == HOST) != host) {
    emu_fault("free of memory that is not there, at %p", p);
    return cudaErrorInvalidValue;
  }
  Block block = found->second;
  auto* bytes = (unsigned char*)block.base;
  for (size_t i = 0; i < GUARD; i++) {
    if (bytes[i] != GUARD_BYTE || bytes[GUARD + block.size + i] != GUARD_BYTE) {
      emu_fault("bytes written outside %zu bytes at %p", block.size, p);
      break;
    }
  }
  if (block.kind != HOST) used[block.device] -= block.size;
  memset(p, 0xFE, std::min<size_t>(block.size, 1 << 16));
  free(block.base);
  blocks().erase(found);
  return cudaSuccess;
}

EXPORT cudaError_t cudaMalloc(void** p, size_t n) { return take(p, n, DEVICE); }
EXPORT cudaError_t cudaMallocManaged(void** p, size_t n, unsigned) { return take(p, n, MANAGED); }
EXPORT cudaError_t cudaHostAlloc(void** p, size_t n, unsigned) { return take(p, n, HOST); }
EXPORT cudaError_t cudaMallocAsync(void** p, size_t n, cudaStream_t) { return take(p, n, DEVICE); }
EXPORT cudaError_t cudaMallocFromPoolAsync(void** p, size_t n, cudaMemPool_t, cudaStream_t) {
  return take(p, n, DEVICE);
}
EXPORT cudaError_t cudaFree(void* p) { return give(p, false); }
EXPORT cudaError_t cudaFreeAsync(void* p, cudaStream_t) { return give(p, false); }
EXPORT cudaError_t cudaFreeHost(void* p) { return give(p, true); }
EXPORT cudaError_t cudaHostRegister(void* p, size_t n, unsigned) {
  LOCK;
  blocks()[(char*)p] = {n, HOST, nullptr, 0};
  return cudaSuccess;
}
EXPORT cudaError_t cudaHostUnregister(void* p) {
  LOCK;
  return blocks().erase((char*)p) ? cudaSuccess : cudaErrorHostMemoryNotRegistered;
}
EXPORT cudaError_t cudaMemGetInfo(size_t* available, size_t* total) {
  LOCK;
  *total = capacity();
  *available = capacity() - used[emu_current()];
  return cudaSuccess;
}
EXPORT cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* out, const void* p) {
  LOCK;
  memset(out, 0, sizeof *out);
  out->device = -2;
  out->type = cudaMemoryTypeUnregistered;
  const Block* block = holder(p);
  if (!block) return cudaSuccess;
  static const cudaMemoryType TYPES[] = {cudaMemoryTypeDevice, cudaMemoryTypeHost, cudaMemoryTypeManaged};
  out->device = block->device;
  out->type = TYPES[block->kind];
  out->devicePointer = (void*)p;
  out->hostPointer = block->kind == DEVICE ? nullptr : (void*)p;
  return cudaSuccess;
}

// ---- copies
static bool right(const void* p, size_t n, bool device) {
  const Block* block = holder(p);
  return device ? emu_is_device(p, n) : !block || block->kind != DEVICE;
}
static size_t copied[5][2];  // by the kind of a copy: how many, and bytes
// For those who look for copies through ctypes.
EXPORT size_t emu_copied(int kind, int bytes) { return copied[kind][bytes]; }

static cudaError_t check(const void* to, const void* from, size_t n, cudaMemcpyKind kind) {
  if ((unsigned)kind < 5 && n) {
    copied[kind][0]++;
    copied[kind][1] += n;
  }
  if (n == 0 || kind == cudaMemcpyDefault) return cudaSuccess;
  bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (right(to, n, to_device) && right(from, n, from_device)) return cudaSuccess;
  emu_fault("copy of %zu bytes to %p between memory of the wrong kind, or beyond its end", n, to);
  return cudaErrorInvalidValue;
}

EXPORT cudaError_t cudaMemcpy(void* to, const void* from, size_t n, cudaMemcpyKind kind) {
  LOCK;
  if (auto error = check(to, from, n, kind)) return error;
  before(nullptr);
  drain(nullptr);
  memmove(to, from, n);
  return cudaSuccess;
}
EXPORT cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t n, cudaMemcpyKind kind,
                                   cudaStream_t stream) {
  LOCK;
  if (auto error = check(to, from, n, kind)) return error;
  if (n == 0) return cudaSuccess;
  if (lazy() && !holder(from)) {  // ordinary memory is staged: the host may change it afterwards
    auto copy = std::make_shared<std::string>((const char*)from, n);
    submit(stream, [=] { memcpy(to, copy->data(), n); });
    return cudaSuccess;
  }
  submit(stream, [=] { memmove(to, from, n); });
  if (lazy() && !holder(to)) drain(stream);  // a copy to ordinary memory returns when it is done
  return cudaSuccess;
}
EXPORT cudaError_t cudaMemcpyPeer(void* to, int, const void* from, int, size_t n) {
  return cudaMemcpy(to, from, n, cudaMemcpyDeviceToDevice);
}
EXPORT cudaError_t cudaMemcpyPeerAsync(void* to, int, const void* from, int, size_t n, cudaStream_t stream) {
  return cudaMemcpyAsync(to, from, n, cudaMemcpyDeviceToDevice, stream);
}
EXPORT cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                                     size_t width, size_t height, cudaMemcpyKind, cudaStream_t stream) {
  submit(stream, [=] {
    for (size_t i = 0; i < height; i++) {
      memmove((char*)to + i * to_pitch, (const char*)from + i * from_pitch, width);
    }
  });
  return cudaSuccess;
}
EXPORT cudaError_t cudaMemcpy2D(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                                size_t height, cudaMemcpyKind kind) {
  LOCK;
  before(nullptr);
  cudaMemcpy2DAsync(to, to_pitch, from, from_pitch, width, height, kind, nullptr);
  drain(nullptr);
  return cudaSuccess;
}
EXPORT cudaError_t cudaMemsetAsync(void* p, int value, size_t n, cudaStream_t stream) {
  LOCK;
  if (n && !right(p, n, true)) {
    emu_fault("memset of %zu bytes at %p beyond its end", n, p);
    return cudaErrorInvalidValue;
  }
  submit(stream, [=] { memset(p, value, n); });
  return cudaSuccess;
}
EXPORT cudaError_t cudaMemset(void* p, int value, size_t n) { return cudaMemsetAsync(p, value, n, nullptr); }

// ---- advice, and CUDA's own pools, of which CuPy asks little
static const cudaMemPool_t POOL = (cudaMemPool_t)16;
EXPORT cudaError_t cudaMemPrefetchAsync(const void*, size_t, cudaMemLocation, unsigned, cudaStream_t) {
  return cudaSuccess;
}
EXPORT cudaError_t cudaMemAdvise(const void*, size_t, cudaMemoryAdvise, cudaMemLocation) {
  return cudaSuccess;
}
EXPORT cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int) { return *pool = POOL, cudaSuccess; }
EXPORT cudaError_t cudaDeviceGetMemPool(cudaMemPool_t* pool, int) { return *pool = POOL, cudaSuccess; }
EXPORT cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, size_t) { return cudaSuccess; }
EXPORT cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t, cudaMemPoolAttr, void* value) {
  return *(uint64_t*)value = 0, cudaSuccess;
}
EXPORT cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }
