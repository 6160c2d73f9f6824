// CUDA's driver on the CPU: a module is a shared library that the emulated NVRTC made, a launch is a loop.
#include "core.h"
#include "fibers.h"
#include <dlfcn.h>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

enum {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  INVALID_IMAGE = 200,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  LAUNCH_FAILED = 719
};
static const int MOST_SHARED = 232448;  // bytes for a block, on request
static void* const CONTEXT = (void*)0x1000;

EXPORT int cuInit(unsigned) { return SUCCESS; }
EXPORT int cuDriverGetVersion(int* version) { return *version = 13000, SUCCESS; }
EXPORT int cuGetErrorName(int error, const char** name) {
  switch (error) {
    case INVALID_VALUE: *name = "CUDA_ERROR_INVALID_VALUE"; break;
    case INVALID_HANDLE: *name = "CUDA_ERROR_INVALID_HANDLE"; break;
    case NOT_FOUND: *name = "CUDA_ERROR_NOT_FOUND"; break;
    case LAUNCH_FAILED: *name = "CUDA_ERROR_LAUNCH_FAILED"; break;
    default: *name = "CUDA_ERROR_EMULATED";
  }
  return SUCCESS;
}
EXPORT int cuGetErrorString(int, const char** text) { return *text = "an error of the emulation", SUCCESS; }
EXPORT int cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
EXPORT int cuCtxGetCurrent(void** context) { return *context = CONTEXT, SUCCESS; }
EXPORT int cuCtxSetCurrent(void*) { return SUCCESS; }
EXPORT int cuCtxCreate_v2(void** context, unsigned, int) { return *context = CONTEXT, SUCCESS; }
EXPORT int cuCtxDestroy_v2(void*) { return SUCCESS; }
EXPORT int cuCtxGetDevice(int* device) { return *device = emu_current(), SUCCESS; }
EXPORT int cuStreamGetCtx(void*, void** context) { return *context = CONTEXT, SUCCESS; }

// ---- modules
struct Function {
  void (*entry)(const EmuLaunch*);
  std::string name;
  std::vector<int> sizes;  // of its parameters
  bool barriers;
  int most_dynamic = 49152;
};
EXPORT int cuModuleLoadData(void** out, const char* image) {
  if (strncmp(image, "EMU:", 4)) return INVALID_IMAGE;
  *out = dlopen(image + 4, RTLD_NOW | RTLD_LOCAL);
  if (*out) return SUCCESS;
  emu_fault("%s", dlerror());
  return INVALID_IMAGE;
}
EXPORT int cuModuleLoad(void** out, const char* path) {
  std::ifstream file(path);
  if (!file) return NOT_FOUND;
  std::string image{std::istreambuf_iterator<char>(file), {}};
  return cuModuleLoadData(out, image.c_str());
}
EXPORT int cuModuleUnload(void*) { return SUCCESS; }
EXPORT int cuModuleGetFunction(void** out, void* module, const char* name) {
  auto entry = (void (*)(const EmuLaunch*))dlsym(module, (std::string("emu_entry_") + name).c_str());
  auto sizes = (int (*)(int*))dlsym(module, (std::string("emu_sizes_") + name).c_str());
  if (!entry || !sizes) return NOT_FOUND;
  auto* function = new Function{entry, name, std::vector<int>(256)};
  function->sizes.resize(sizes(function->sizes.data()));
  auto* barriers = (int*)dlsym(module, "emu_has_barriers");
  function->barriers = barriers && *barriers;
  *out = function;
  return SUCCESS;
}
EXPORT int cuModuleGetGlobal_v2(void** out, size_t* size, void* module, const char* name) {
  *out = dlsym(module, name);
  if (size) *size = 0;
  return *out ? SUCCESS : NOT_FOUND;
}

// ---- launches
// Parameters as they are at the launch, which may come late.
struct Parameters {
  std::vector<std::vector<char>> bytes;
  std::vector<void*> at;
  Parameters(const std::vector<int>& sizes, void** values) {
    static const uintptr_t ALIGNMENT = 32;
    for (size_t i = 0; i < sizes.size(); i++) {
      auto& held = bytes.emplace_back(sizes[i] + 2 * ALIGNMENT);
      auto* start = (char*)(((uintptr_t)held.data() + ALIGNMENT - 1) & ~(ALIGNMENT - 1));
      memcpy(start, values[i], sizes[i]);
      at.push_back(start);
    }
  }
};

// Whether all is of the current device: the stream, and the parameters that begin with an address.
static int check_devices(const Function& function, void* stream, void** parameters) {
  int current = emu_current(), other = emu_device_of_stream(stream);
  if (other != current) {
    emu_fault("%s on device %d in a stream of device %d", function.name.c_str(), current, other);
    return INVALID_HANDLE;
  }
  for (size_t i = 0; i < function.sizes.size(); i++) {
    if (function.sizes[i] < (int)sizeof(void*)) continue;
    int device = emu_device_of(*(void**)parameters[i]);
    if (device < 0 || device == current) continue;
    emu_fault("%s on device %d reads memory of device %d", function.name.c_str(), current, device);
    return LAUNCH_FAILED;
  }
  return SUCCESS;
}

EXPORT int cuLaunchKernel(void* handle, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                          unsigned bz, unsigned shared, void* stream, void** parameters, void**) {
  auto* function = (Function*)handle;
  bool grid = gx && gy && gz && gx <= 2147483647u && gy <= 65535 && gz <= 65535;
  bool block = bx && by && bz && bz <= 64 && (uint64_t)bx * by * bz <= 1024;
  if (!grid || !block || (int)shared > function->most_dynamic) {
    emu_fault("launch of %s with grid (%u, %u, %u), block (%u, %u, %u) and %u bytes of shared memory",
              function->name.c_str(), gx, gy, gz, bx, by, bz, shared);
    return INVALID_VALUE;
  }
  if (int error = check_devices(*function, stream, parameters)) return error;
  auto kept = std::make_shared<Parameters>(function->sizes, parameters);
  auto whole = std::make_shared<bool>(true);
  emu::submit(stream, [=] {
    static auto* dynamic = (char*)aligned_alloc(1024, 256 << 10);
    memset(dynamic, 0xFF, shared);
    EmuLaunch launch = {{gx, gy, gz}, {bx, by, bz}, kept->at.data(), &FIBERS, dynamic, fibers_reverse()};
    *whole = fibers_launch(function->entry, launch, function->barriers);
  });
  return *whole ? SUCCESS : LAUNCH_FAILED;
}

enum { MAX_THREADS = 0, REGISTERS = 4, PTX = 5, BINARY = 6, MAX_DYNAMIC = 8 };
EXPORT int cuFuncGetAttribute(int* value, int which, void* handle) {
  switch (which) {
    case MAX_THREADS: *value = 1024; break;
    case REGISTERS: *value = 40; break;
    case PTX:
    case BINARY: *value = 90; break;
    case MAX_DYNAMIC: *value = ((Function*)handle)->most_dynamic; break;
    default: *value = 0;
  }
  return SUCCESS;
}
EXPORT int cuFuncSetAttribute(void* handle, int which, int value) {
  if (which != MAX_DYNAMIC) return SUCCESS;
  if (value > MOST_SHARED) return INVALID_VALUE;
  ((Function*)handle)->most_dynamic = value;
  return SUCCESS;
}
EXPORT int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void*, int threads, size_t) {
  return *blocks = 2048 / std::max(threads, 32), SUCCESS;
}
EXPORT int cuOccupancyMaxPotentialBlockSize(int* grid, int* block, void*, void*, size_t, int) {
  return *grid = 264, *block = 1024, SUCCESS;
}
