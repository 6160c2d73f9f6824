// CUDA's runtime on the CPU: streams are queues, events are positions in them.
#include "cudart.h"
#include <chrono>
#include <deque>
#include <map>
#include <memory>
using namespace emu;
using Clock = std::chrono::steady_clock;

struct Mark {
  void* stream = nullptr;
  size_t position = 0;
  bool done = false;
  Clock::time_point time;
};
struct Task {
  std::function<void()> work;
  std::shared_ptr<Mark> wait;  // what has to be done in another stream first
};
struct Stream {
  int device = 0;
  unsigned flags = 0;
  int priority = 0;
  std::deque<Task> queue;
  size_t done = 0, put = 0;
};
static std::map<void*, std::shared_ptr<Stream>>& streams() {
  static auto* all = new std::map<void*, std::shared_ptr<Stream>>;
  return *all;
}
static bool is_legacy(void* stream) { return stream == nullptr || stream == cudaStreamLegacy; }
static bool is_given(void* stream) { return is_legacy(stream) || stream == cudaStreamPerThread; }

static std::shared_ptr<Stream> find(void* stream) {
  if (is_legacy(stream)) stream = nullptr;
  auto found = streams().find(stream);
  if (found != streams().end()) return found->second;
  if (is_given(stream)) return streams()[stream] = std::make_shared<Stream>();
  return nullptr;
}

static void run_first(Stream& stream) {
  Task task = std::move(stream.queue.front());
  stream.queue.pop_front();
  if (task.wait && !task.wait->done) drain(task.wait->stream, task.wait->position);
  if (task.work) task.work();
  stream.done++;
}

static void put(Stream& stream, Task task) {
  stream.queue.push_back(std::move(task));
  stream.put++;
}

static bool blocking(void* key, const Stream& stream) {
  return key != nullptr && !(stream.flags & cudaStreamNonBlocking);
}

namespace emu {
bool lazy() {
  static bool value = *emu_setting("LAZY", "0") == '1';
  return value;
}

void drain(void* key, size_t position) {
  auto stream = find(key);
  if (!stream) return;
  while (!stream->queue.empty() && stream->done < position) run_first(*stream);
}

void before(void* key) {
  if (is_legacy(key)) {
    auto all = streams();
    for (auto& [other, stream] : all) {
      if (blocking(other, *stream)) drain(other);
    }
    return;
  }
  auto stream = find(key);
  if (stream && blocking(key, *stream)) drain(nullptr);
}

void submit(void* key, std::function<void()> work) {
  LOCK;
  auto stream = find(key);
  if (!stream) {
    emu_fault("work in stream %p, which does not exist", key);
  } else if (!lazy()) {
    work();
  } else {
    before(key);
    put(*stream, {std::move(work), nullptr});
  }
}
}  // namespace emu

void emu_drain_all() {
  LOCK;
  auto all = streams();
  for (auto& [key, stream] : all) drain(key);
}

int emu_device_of_stream(void* key) {
  LOCK;
  if (is_given(key)) return emu_current();
  auto stream = find(key);
  return stream ? stream->device : -2;
}

EXPORT cudaError_t cudaStreamCreateWithPriority(cudaStream_t* out, unsigned flags, int priority) {
  LOCK;
  if (hidden()) return cudaErrorNoDevice;
  auto stream = std::make_shared<Stream>();
  stream->flags = flags;
  stream->priority = priority;
  stream->device = emu_current();
  *out = (cudaStream_t)malloc(64);
  streams()[*out] = stream;
  return cudaSuccess;
}
EXPORT cudaError_t cudaStreamCreateWithFlags(cudaStream_t* out, unsigned flags) {
  return cudaStreamCreateWithPriority(out, flags, 0);
}
EXPORT cudaError_t cudaStreamCreate(cudaStream_t* out) { return cudaStreamCreateWithFlags(out, 0); }
EXPORT cudaError_t cudaStreamDestroy(cudaStream_t key) {
  LOCK;
  if (!streams().count(key)) {
    emu_fault("stream %p destroyed twice", key);
    return cudaErrorInvalidResourceHandle;
  }
  drain(key);
  streams().erase(key);
  return cudaSuccess;
}
EXPORT cudaError_t cudaStreamGetFlags(cudaStream_t key, unsigned* flags) {
  LOCK;
  return *flags = find(key)->flags, cudaSuccess;
}
EXPORT cudaError_t cudaStreamGetPriority(cudaStream_t key, int* priority) {
  LOCK;
  return *priority = find(key)->priority, cudaSuccess;
}
EXPORT cudaError_t cudaStreamSynchronize(cudaStream_t key) {
  LOCK;
  if (!find(key)) {
    emu_fault("synchronisation of stream %p, which does not exist", key);
    return cudaErrorInvalidResourceHandle;
  }
  before(key);
  drain(key);
  return cudaSuccess;
}
EXPORT cudaError_t cudaDeviceSynchronize() { return emu_drain_all(), cudaSuccess; }

// Who asks again and again makes a stream go on; who asks once does not.
static cudaError_t look(Stream& stream) {
  static int asked = 0;
  if (++asked % 8 == 0 && !stream.queue.empty()) run_first(stream);
  return cudaErrorNotReady;
}
EXPORT cudaError_t cudaStreamQuery(cudaStream_t key) {
  LOCK;
  auto stream = find(key);
  if (!stream) return cudaErrorInvalidResourceHandle;
  return stream->queue.empty() ? cudaSuccess : look(*stream);
}
EXPORT cudaError_t cudaLaunchHostFunc(cudaStream_t key, cudaHostFn_t function, void* data) {
  LOCK;
  before(key);
  drain(key);
  function(data);
  return cudaSuccess;
}
EXPORT cudaError_t cudaStreamAddCallback(cudaStream_t key, cudaStreamCallback_t function, void* data,
                                         unsigned) {
  LOCK;
  before(key);
  drain(key);
  function(key, cudaSuccess, data);
  return cudaSuccess;
}
EXPORT cudaError_t cudaStreamIsCapturing(cudaStream_t, cudaStreamCaptureStatus* status) {
  return *status = cudaStreamCaptureStatusNone, cudaSuccess;
}

// ---- events
struct Event {
  unsigned flags;
  std::shared_ptr<Mark> mark;
};
static std::map<void*, Event>& events() {
  static auto* all = new std::map<void*, Event>;
  return *all;
}
EXPORT cudaError_t cudaEventCreateWithFlags(cudaEvent_t* out, unsigned flags) {
  LOCK;
  *out = (cudaEvent_t)malloc(32);
  events()[*out] = {flags, nullptr};
  return cudaSuccess;
}
EXPORT cudaError_t cudaEventCreate(cudaEvent_t* out) { return cudaEventCreateWithFlags(out, 0); }
EXPORT cudaError_t cudaEventDestroy(cudaEvent_t event) {
  LOCK;
  return events().erase(event) ? cudaSuccess : cudaErrorInvalidResourceHandle;
}
EXPORT cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t key) {
  LOCK;
  auto stream = find(key);
  if (!stream) {
    emu_fault("event recorded in stream %p, which does not exist", key);
    return cudaErrorInvalidResourceHandle;
  }
  auto mark = std::make_shared<Mark>();
  events()[event].mark = mark;
  submit(key, [mark] {
    mark->done = true;
    mark->time = Clock::now();
  });
  mark->stream = is_legacy(key) ? nullptr : key;
  mark->position = stream->put;
  return cudaSuccess;
}
EXPORT cudaError_t cudaEventQuery(cudaEvent_t event) {
  LOCK;
  auto mark = events()[event].mark;
  if (!mark || mark->done) return cudaSuccess;
  auto stream = find(mark->stream);
  return stream ? look(*stream) : cudaErrorNotReady;
}
EXPORT cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  LOCK;
  auto mark = events()[event].mark;
  if (mark && !mark->done) drain(mark->stream, mark->position);
  return cudaSuccess;
}
EXPORT cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t from, cudaEvent_t to) {
  LOCK;
  auto &start = events()[from], &end = events()[to];
  bool untimed = (start.flags | end.flags) & cudaEventDisableTiming;
  if (!start.mark || !end.mark || untimed) return cudaErrorInvalidResourceHandle;
  if (!start.mark->done || !end.mark->done) return cudaErrorNotReady;
  *ms = std::chrono::duration<float, std::milli>(end.mark->time - start.mark->time).count();
  return cudaSuccess;
}
EXPORT cudaError_t cudaStreamWaitEvent(cudaStream_t key, cudaEvent_t event, unsigned) {
  LOCK;
  auto stream = find(key);
  if (!stream) return cudaErrorInvalidResourceHandle;
  auto mark = events()[event].mark;
  if (!lazy() || !mark || mark->done) return cudaSuccess;
  before(key);
  put(*stream, {nullptr, mark});
  return cudaSuccess;
}
