// CUDA's runtime on the CPU: the devices, which say that they are an H100's, names of errors, and what all
// share.
#include "cudart.h"
#include <cstdarg>
#include <execinfo.h>
#include <string>
#include <unistd.h>

const char* emu_setting(const char* name, const char* otherwise) {
  const char* value = getenv((std::string("CUDA_ON_CPU_") + name).c_str());
  return value && *value ? value : otherwise;
}

void emu_missing(const char* what) {
  static bool quiet = *emu_setting("QUIET", "0") == '1';
  if (!quiet) fprintf(stderr, "[cuda_on_cpu] not emulated: %s\n", what);
}

void emu_fault(const char* format, ...) {
  va_list values;
  va_start(values, format);
  fprintf(stderr, "[cuda_on_cpu] fault in process %d: ", getpid());
  vfprintf(stderr, format, values);
  fputc('\n', stderr);
  va_end(values);
  if (*emu_setting("ABORT", "0") != '1') return;
  void* frames[30];
  backtrace_symbols_fd(frames, backtrace(frames, 30), STDERR_FILENO);
  abort();
}

static thread_local int current = 0;
int emu_current() { return current; }

namespace emu {
std::recursive_mutex& lock() {
  static auto* mutex = new std::recursive_mutex;
  return *mutex;
}
bool hidden() {
  const char* visible = getenv("CUDA_VISIBLE_DEVICES");
  return visible && (!*visible || !strcmp(visible, "-1"));
}
size_t capacity() {
  static size_t bytes = strtoull(emu_setting("MEMORY", "4294967296"), nullptr, 10);
  return bytes;
}
}  // namespace emu
using namespace emu;

static int devices() {
  static int count = atoi(emu_setting("DEVICES", "1"));
  return count;
}

EXPORT cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  if (hidden()) return cudaErrorNoDevice;
  *count = devices();
  if (const char* visible = getenv("CUDA_VISIBLE_DEVICES")) {
    int listed = 1 + (int)std::count(visible, visible + strlen(visible), ',');
    *count = std::min(*count, listed);
  }
  return cudaSuccess;
}
EXPORT cudaError_t cudaGetDevice(int* device) {
  if (hidden()) return cudaErrorNoDevice;
  *device = current;
  return cudaSuccess;
}
EXPORT cudaError_t cudaSetDevice(int device) {
  if (hidden()) return cudaErrorNoDevice;
  if (device < 0 || device >= devices()) return cudaErrorInvalidDevice;
  current = device;
  return cudaSuccess;
}
EXPORT cudaError_t cudaDriverGetVersion(int* version) { return *version = 13000, cudaSuccess; }
EXPORT cudaError_t cudaRuntimeGetVersion(int* version) { return *version = 13000, cudaSuccess; }

// NVIDIA, "CUDA C++ Programming Guide", table of compute capabilities (9.0), and the H100's data sheet.
static const int THREADS = 1024, THREADS_Z = 64, GRID = 2147483647, GRID_YZ = 65535, PROCESSORS = 132;
static const int SHARED = 49152, SHARED_OPTIN = 232448, SHARED_PROCESSOR = 233472, REGISTERS = 65536;
static const int L2 = 52428800, BUS = 5120;

static int attribute(cudaDeviceAttr which) {
  switch (which) {
    case cudaDevAttrComputeCapabilityMajor: return 9;
    case cudaDevAttrMultiProcessorCount: return PROCESSORS;
    case cudaDevAttrWarpSize: return 32;
    case cudaDevAttrMaxThreadsPerBlock:
    case cudaDevAttrMaxBlockDimX:
    case cudaDevAttrMaxBlockDimY: return THREADS;
    case cudaDevAttrMaxBlockDimZ: return THREADS_Z;
    case cudaDevAttrMaxGridDimX: return GRID;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ: return GRID_YZ;
    case cudaDevAttrMaxSharedMemoryPerBlock: return SHARED;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: return SHARED_OPTIN;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: return SHARED_PROCESSOR;
    case cudaDevAttrMaxThreadsPerMultiProcessor: return 2 * THREADS;
    case cudaDevAttrMaxRegistersPerBlock: return REGISTERS;
    case cudaDevAttrClockRate: return 1980000;
    case cudaDevAttrMemoryClockRate: return 2619000;
    case cudaDevAttrGlobalMemoryBusWidth: return BUS;
    case cudaDevAttrL2CacheSize: return L2;
    case cudaDevAttrAsyncEngineCount: return 3;
    case cudaDevAttrMemoryPoolsSupported:
    case cudaDevAttrUnifiedAddressing:
    case cudaDevAttrManagedMemory:
    case cudaDevAttrConcurrentKernels:
    case cudaDevAttrCooperativeLaunch: return 1;
    default: return 0;
  }
}
EXPORT cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int) {
  return *value = attribute(which), cudaSuccess;
}
EXPORT cudaError_t cudaGetDeviceProperties(cudaDeviceProp* out, int device) {
  if (hidden()) return cudaErrorNoDevice;
  memset(out, 0, sizeof *out);
  strcpy(out->name, "Emulated H100 on a CPU");
  for (int i = 0; i < 16; i++) out->uuid.bytes[i] = (char)(i + 1 + device);
  out->totalGlobalMem = capacity();
  out->sharedMemPerBlock = SHARED;
  out->sharedMemPerBlockOptin = SHARED_OPTIN;
  out->sharedMemPerMultiprocessor = SHARED_PROCESSOR;
  out->regsPerBlock = REGISTERS;
  out->warpSize = 32;
  out->memPitch = 2147483647;
  out->maxThreadsPerBlock = out->maxThreadsDim[0] = out->maxThreadsDim[1] = THREADS;
  out->maxThreadsDim[2] = THREADS_Z;
  out->maxThreadsPerMultiProcessor = 2 * THREADS;
  out->maxGridSize[0] = GRID;
  out->maxGridSize[1] = out->maxGridSize[2] = GRID_YZ;
  out->totalConstMem = 65536;
  out->major = 9;
  out->textureAlignment = 512;
  out->multiProcessorCount = PROCESSORS;
  out->l2CacheSize = L2;
  out->memoryBusWidth = BUS;
  out->asyncEngineCount = 3;
  out->unifiedAddressing = out->managedMemory = out->canMapHostMemory = 1;
  out->concurrentKernels = out->cooperativeLaunch = out->memoryPoolsSupported = 1;
  out->pciBusID = 1 + device;
  return cudaSuccess;
}
EXPORT cudaError_t cudaDeviceGetPCIBusId(char* out, int size, int device) {
  snprintf(out, size, "0000:%02x:00.0", device + 1);
  return cudaSuccess;
}
EXPORT cudaError_t cudaDeviceGetByPCIBusId(int* device, const char* id) {
  return *device = (int)strtol(id + 5, nullptr, 16) - 1, cudaSuccess;
}
EXPORT cudaError_t cudaDeviceCanAccessPeer(int* can, int, int) { return *can = 0, cudaSuccess; }
EXPORT cudaError_t cudaDeviceGetLimit(size_t* value, cudaLimit) { return *value = 8388608, cudaSuccess; }
EXPORT cudaError_t cudaDeviceSetLimit(cudaLimit, size_t) { return cudaSuccess; }
EXPORT cudaError_t cudaProfilerStart() { return cudaSuccess; }
EXPORT cudaError_t cudaProfilerStop() { return cudaSuccess; }
EXPORT cudaError_t cudaGetLastError() { return cudaSuccess; }

// The names and texts that CuPy and who reads its errors know.
struct Name {
  cudaError_t error;
  const char *name, *text;
};
static const Name& name_of(cudaError_t error) {
  static const Name NAMES[] = {
      {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
      {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
      {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
      {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
      {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
      {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
      {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
  };
  static const Name OTHER = {cudaErrorUnknown, "cudaErrorEmulated", "an error of the emulation"};
  for (auto& known : NAMES) {
    if (known.error == error) return known;
  }
  return OTHER;
}
EXPORT const char* cudaGetErrorName(cudaError_t error) { return name_of(error).name; }
EXPORT const char* cudaGetErrorString(cudaError_t error) { return name_of(error).text; }
