// What a launch hands to a compiled kernel, and a kernel to the emulated driver.
#pragma once

struct EmuRuntime {
  void (*run_block)(int threads, void (*body)(void* context, int thread), void* context);
  void (*sync_block)();
  void (*sync_warp)(unsigned mask);
  int (*sum_over_block)(int value);  // a barrier
};
struct EmuLaunch {
  unsigned grid[3], block[3];
  void** parameters;
  const EmuRuntime* runtime;
  void* dynamic;  // dynamic shared memory
  int reverse;    // blocks and threads in reverse order
};
