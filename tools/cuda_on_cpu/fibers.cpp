// The threads of a block that wait for one another: each has a stack of its own, and a barrier switches to
// the next.
#include "fibers.h"
#include "core.h"
#include <sys/mman.h>

static const size_t STACK = 256 << 10;
static const int MOST = 1024, WARP_SIZE = 32;
enum State { READY, AT_BLOCK, AT_WARP, DONE };
struct Fiber {
  void* stack;
  State state;
  unsigned mask;
  int value;
};
static Fiber fibers[MOST];
static void* scheduler;
static int running, sum;
static void (*body)(void*, int);
static void* context;
static bool failed, in_block;

// Keeps the registers that a function must keep (System V ABI, x86-64) on the one stack and takes those of
// the other.
extern "C" void emu_switch(void** from, void* to);
asm(R"(
.text
.globl emu_switch
.type emu_switch,@function
emu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");

static void wait(State state) {
  fibers[running].state = state;
  emu_switch(&fibers[running].stack, scheduler);
}

static void entry() {
  body(context, running);
  wait(DONE);
  __builtin_unreachable();
}

static void start(int threads) {
  static char* stacks = (char*)mmap(nullptr, STACK * MOST, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  for (int i = 0; i < threads; i++) {
    void** top = (void**)(stacks + STACK * (i + 1)) - 2;
    *--top = nullptr;
    *--top = (void*)entry;
    for (int k = 0; k < 6; k++) *--top = nullptr;
    fibers[i] = {top, READY, 0, 0};
  }
}

// Runs each thread that can run up to its next barrier; returns how many of them there were.
static int run_ready(int threads, int& alive) {
  int ran = 0;
  for (int j = 0; j < threads; j++) {
    int i = fibers_reverse() ? threads - 1 - j : j;
    if (fibers[i].state != READY) continue;
    ran++;
    running = i;
    emu_switch(&scheduler, fibers[i].stack);
    alive -= fibers[i].state == DONE;
  }
  return ran;
}

// Lets go on those threads of a warp for whom all the others of their mask have come, too.
static bool release_warp(int first, int end) {
  bool any = false;
  for (int i = first; i < end; i++) {
    if (fibers[i].state != AT_WARP) continue;
    unsigned mask = fibers[i].mask;
    auto within = [&](int k) { return mask >> (k - first) & 1; };
    auto here = [&](int k) { return fibers[k].state == AT_WARP && fibers[k].mask == mask; };
    bool complete = true;
    for (int k = first; k < end; k++) {
      if (within(k) && fibers[k].state != DONE && !here(k)) complete = false;
    }
    if (!complete) continue;
    for (int k = first; k < end; k++) {
      if (within(k) && fibers[k].state == AT_WARP) fibers[k].state = READY;
    }
    any = true;
  }
  return any;
}

static bool release_warps(int threads) {
  bool any = false;
  for (int w = 0; w < threads; w += WARP_SIZE) any |= release_warp(w, std::min(threads, w + WARP_SIZE));
  return any;
}

// Lets all go on if all wait at the block's barrier.
static bool release_block(int threads, int alive) {
  int waiting = 0;
  for (int i = 0; i < threads; i++) waiting += fibers[i].state == AT_BLOCK;
  if (waiting != alive) return false;
  sum = 0;
  for (int i = 0; i < threads; i++) {
    if (fibers[i].state != AT_BLOCK) continue;
    sum += fibers[i].value;
    fibers[i].value = 0;
    fibers[i].state = READY;
  }
  return true;
}

static void run_block(int threads, void (*body_)(void*, int), void* context_) {
  body = body_;
  context = context_;
  start(threads);
  int alive = threads;
  while (alive) {
    if (run_ready(threads, alive) || release_warps(threads) || release_block(threads, alive)) continue;
    emu_fault("threads of a block wait at different barriers (%d are alive)", alive);
    failed = true;
    return;
  }
}

static void within_block() {
  if (in_block) return;
  emu_fault("barrier in a kernel whose source names none");
  abort();
}
static void sync_block() {
  within_block();
  wait(AT_BLOCK);
}
static void sync_warp(unsigned mask) {
  within_block();
  fibers[running].mask = mask;
  wait(AT_WARP);
}
static int sum_over_block(int value) {
  fibers[running].value = value;
  sync_block();
  return sum;
}

const EmuRuntime FIBERS = {run_block, sync_block, sync_warp, sum_over_block};

bool fibers_reverse() {
  static bool reverse = *emu_setting("REVERSE", "0") == '1';
  return reverse;
}

bool fibers_launch(void (*kernel)(const EmuLaunch*), const EmuLaunch& launch, bool with_barriers) {
  failed = false;
  in_block = with_barriers;
  kernel(&launch);
  in_block = false;
  return !failed;
}
