// cuFFT by pocketfft. It refuses what cuFFT refuses, and some of what cuFFT would forgive.
#define POCKETFFT_NO_MULTITHREADING
#define POCKETFFT_CACHE_SIZE 16
#include "pocketfft_hdronly.h"
#include "core.h"
#include <complex>
#include <map>
#include <memory>
#include <vector>
using Lengths = std::vector<long long>;

enum Type { R2C = 0x2a, C2R = 0x2c, C2C = 0x29, D2Z = 0x6a, Z2D = 0x6c, Z2Z = 0x69 };
enum Result {
  SUCCESS,
  INVALID_PLAN,
  ALLOC_FAILED,
  INVALID_TYPE,
  INVALID_VALUE,
  INTERNAL,
  EXEC_FAILED,
  SETUP,
  INVALID_SIZE
};
static bool real_input(int type) { return type == R2C || type == D2Z; }
static bool real_output(int type) { return type == C2R || type == Z2D; }
static bool is_single(int type) { return type == R2C || type == C2R || type == C2C; }
static bool is_type(int type) { return real_input(type) || real_output(type) || type == C2C || type == Z2Z; }

// How the elements of one side lie in memory, in elements.
struct Side {
  Lengths lengths;
  bool real = false;
  std::vector<ptrdiff_t> strides;
  ptrdiff_t distance = 0;  // between transforms

  // False if the embedding lengths are below the lengths.
  bool place(const Lengths* embedding, long long stride, long long distance_) {
    const Lengths& outer = embedding ? *embedding : lengths;
    strides.assign(lengths.size(), 0);
    ptrdiff_t step = embedding ? stride : 1;
    for (size_t k = lengths.size(); k-- > 0;) {
      strides[k] = step;
      step *= outer[k];
      if (k && outer[k] < lengths[k]) return false;
    }
    distance = embedding ? distance_ : step;
    return true;
  }
  size_t elements(size_t batch) const {
    size_t last = (batch - 1) * distance;
    for (size_t k = 0; k < lengths.size(); k++) last += (lengths[k] - 1) * strides[k];
    return last + 1;
  }
  pocketfft::shape_t shape(size_t batch) const {
    pocketfft::shape_t out{batch};
    out.insert(out.end(), lengths.begin(), lengths.end());
    return out;
  }
  pocketfft::stride_t bytes(size_t element) const {
    pocketfft::stride_t out{distance * (ptrdiff_t)element};
    for (auto stride : strides) out.push_back(stride * (ptrdiff_t)element);
    return out;
  }
};
struct Plan {
  int device = emu_current();
  bool made = false, automatic = true;
  int type = 0;
  Lengths lengths;
  size_t batch = 1, work = 0;
  Side in, out;
  void *area = nullptr, *stream = nullptr;
};
static std::map<int, std::shared_ptr<Plan>>& plans() {
  static auto* all = new std::map<int, std::shared_ptr<Plan>>;
  return *all;
}
static std::shared_ptr<Plan> find(int handle) {
  LOCK;
  auto found = plans().find(handle);
  return found == plans().end() ? nullptr : found->second;
}
static int refuse(int result, const char* what) {
  fprintf(stderr, "[cuda_on_cpu] cuFFT refuses %s\n", what);
  return result;
}

// ---- plans
EXPORT int cufftGetVersion(int* version) { return *version = 12000, SUCCESS; }
EXPORT int cufftCreate(int* handle) {
  LOCK;
  static int next = 1;
  *handle = next++;
  plans()[*handle] = std::make_shared<Plan>();
  return SUCCESS;
}
EXPORT int cufftDestroy(int handle) {
  LOCK;
  emu_drain_all();
  return plans().erase(handle) ? SUCCESS : refuse(INVALID_PLAN, "to destroy a plan twice");
}
EXPORT int cufftSetAutoAllocation(int handle, int automatic) {
  auto plan = find(handle);
  if (!plan) return INVALID_PLAN;
  return plan->automatic = automatic, SUCCESS;
}
EXPORT int cufftSetStream(int handle, void* stream) {
  auto plan = find(handle);
  if (!plan) return INVALID_PLAN;
  return plan->stream = stream, SUCCESS;
}
EXPORT int cufftSetWorkArea(int handle, void* area) {
  auto plan = find(handle);
  if (!plan) return INVALID_PLAN;
  if (plan->work && !emu_is_device(area, plan->work)) {
    return refuse(INVALID_VALUE, "a work area that is not so much device memory");
  }
  return plan->area = area, SUCCESS;
}

// Bytes of a work area: none for short lines, as much as the data, more where Bluestein's transform is
// wanted.
static size_t work_of(const Lengths& lengths, size_t elements, int type) {
  size_t bytes = elements * (is_single(type) ? 8 : 16);
  for (auto length : lengths) {
    for (int factor : {2, 3, 5, 7, 11, 13}) {
      while (length % factor == 0) length /= factor;
    }
    if (length != 1) return 4 * bytes;
  }
  return lengths.size() == 1 && lengths[0] <= 4096 ? 0 : bytes;
}
struct Given {  // a side, as it is asked for
  const Lengths* embedding;
  long long stride, distance;
};
static int make(int handle, const Lengths& lengths, Given in, Given out, int type, long long batch,
                size_t* work) {
  static const size_t limit = strtoull(emu_setting("FFT_LIMIT", "2147483647"), nullptr, 10);
  auto plan = find(handle);
  if (!plan) return INVALID_PLAN;
  if (plan->made) return refuse(INVALID_PLAN, "to make a plan twice");
  if (lengths.empty() || lengths.size() > 3) return refuse(INVALID_SIZE, "a rank that is not 1, 2 or 3");
  if (batch < 1) return refuse(INVALID_SIZE, "a batch below 1");
  if (!is_type(type)) return refuse(INVALID_TYPE, "a type that does not exist");
  size_t elements = batch;
  for (auto length : lengths) {
    if (length < 1) return refuse(INVALID_SIZE, "a length below 1");
    elements *= length;
  }
  if (elements > limit) return refuse(INVALID_SIZE, "more than 2^31-1 points in the interface of 32 bits");
  plan->in.lengths = plan->out.lengths = lengths;
  plan->in.real = real_input(type);
  plan->out.real = real_output(type);
  if (plan->in.real) plan->out.lengths.back() = lengths.back() / 2 + 1;
  if (plan->out.real) plan->in.lengths.back() = lengths.back() / 2 + 1;
  bool placed = plan->in.place(in.embedding, in.stride, in.distance);
  placed &= plan->out.place(out.embedding, out.stride, out.distance);
  if (!placed) return refuse(INVALID_SIZE, "embedding lengths below the lengths");
  plan->lengths = lengths;
  plan->type = type;
  plan->batch = batch;
  plan->work = work_of(lengths, elements, type);
  plan->made = true;
  if (work) *work = plan->work;
  return SUCCESS;
}
EXPORT int cufftMakePlan1d(int handle, int length, int type, int batch, size_t* work) {
  return make(handle, {length}, {}, {}, type, batch, work);
}
EXPORT int cufftMakePlanMany(int handle, int rank, int* lengths, int* in, int in_stride, int in_distance,
                             int* out, int out_stride, int out_distance, int type, int batch, size_t* work) {
  auto read = [=](int* from) { return from ? Lengths(from, from + std::max(rank, 0)) : Lengths{}; };
  Lengths inner = read(in), outer = read(out);
  Given first{in ? &inner : nullptr, in_stride, in_distance};
  Given second{out ? &outer : nullptr, out_stride, out_distance};
  return make(handle, read(lengths), first, second, type, batch, work);
}

// ---- transforms
// The elements of a side in a row: transforms may be in place. `spoil` leaves NaN behind.
template <class T>
static std::vector<T> gather(const Side& side, size_t batch, const void* from, bool spoil) {
  auto shape = side.shape(batch);
  auto strides = side.bytes(sizeof(T));
  size_t count = 1;
  for (auto length : shape) count *= length;
  std::vector<T> out(count);
  pocketfft::shape_t index(shape.size(), 0);
  for (auto& element : out) {
    auto* at = (char*)from;
    for (size_t k = 0; k < index.size(); k++) at += index[k] * strides[k];
    memcpy(&element, at, sizeof(T));
    if (spoil) memset(at, 0xFF, sizeof(T));
    for (size_t k = index.size(); k-- > 0;) {
      if (++index[k] < shape[k]) break;
      index[k] = 0;
    }
  }
  return out;
}
static pocketfft::stride_t packed(const pocketfft::shape_t& shape, ptrdiff_t step) {
  pocketfft::stride_t out(shape.size());
  for (size_t k = shape.size(); k-- > 0; step *= shape[k]) out[k] = step;
  return out;
}
template <class T>
static void run(const Plan& plan, void* in, void* out, bool forward) {
  using C = std::complex<T>;
  pocketfft::shape_t axes;
  for (size_t k = 1; k <= plan.lengths.size(); k++) axes.push_back(k);
  auto to = plan.out.bytes(plan.out.real ? sizeof(T) : sizeof(C));
  if (plan.in.real) {
    auto held = gather<T>(plan.in, plan.batch, in, false);
    auto shape = plan.in.shape(plan.batch);
    pocketfft::r2c(shape, packed(shape, sizeof(T)), to, axes, true, held.data(), (C*)out, T(1));
  } else if (plan.out.real) {
    // cuFFT overwrites the input of a C2R of several dimensions.
    bool spoil = plan.lengths.size() > 1 && in != out;
    auto held = gather<C>(plan.in, plan.batch, in, spoil);
    auto from = packed(plan.in.shape(plan.batch), sizeof(C));
    pocketfft::c2r(plan.out.shape(plan.batch), from, to, axes, false, held.data(), (T*)out, T(1));
  } else {
    auto from = plan.in.bytes(sizeof(C));
    pocketfft::c2c(plan.in.shape(plan.batch), from, to, axes, forward, (const C*)in, (C*)out, T(1));
  }
}
static int execute(int handle, int type, void* in, void* out, int direction) {
  auto plan = find(handle);
  if (!plan || !plan->made) return refuse(INVALID_PLAN, "a plan that is not made");
  if (plan->type != type) return refuse(INVALID_TYPE, "another type than the plan's");
  size_t element = is_single(type) ? 8 : 16;
  if ((uintptr_t)in % element || (uintptr_t)out % element) {
    return refuse(INVALID_VALUE, "memory that is not aligned to a complex element");
  }
  auto fits = [&](const Side& side, void* p) {
    return emu_is_device(p, side.elements(plan->batch) * (side.real ? element / 2 : element));
  };
  if (!fits(plan->in, in)) return refuse(INVALID_VALUE, "an input that is not in one block of device memory");
  if (!fits(plan->out, out))
    return refuse(INVALID_VALUE, "an output that is not in one block of device memory");
  for (int device :
       {emu_current(), emu_device_of(in), emu_device_of(out), emu_device_of_stream(plan->stream)}) {
    if (device != plan->device) return refuse(EXEC_FAILED, "a plan, memory or stream of another device");
  }
  void* area = plan->automatic ? nullptr : plan->area;
  if (plan->work && !plan->automatic && !emu_is_device(area, plan->work)) {
    return refuse(EXEC_FAILED, "a work area that was freed");
  }
  emu::submit(plan->stream, [=] {
    if (area && plan->work) memset(area, 0xFF, plan->work);
    (is_single(type) ? run<float> : run<double>)(*plan, in, out, direction < 0);
  });
  return SUCCESS;
}
EXPORT int cufftExecC2C(int plan, void* in, void* out, int way) { return execute(plan, C2C, in, out, way); }
EXPORT int cufftExecZ2Z(int plan, void* in, void* out, int way) { return execute(plan, Z2Z, in, out, way); }
EXPORT int cufftExecR2C(int plan, void* in, void* out) { return execute(plan, R2C, in, out, -1); }
EXPORT int cufftExecD2Z(int plan, void* in, void* out) { return execute(plan, D2Z, in, out, -1); }
EXPORT int cufftExecC2R(int plan, void* in, void* out) { return execute(plan, C2R, in, out, 1); }
EXPORT int cufftExecZ2D(int plan, void* in, void* out) { return execute(plan, Z2D, in, out, 1); }
