// As much of CUB as CuPy's compiled reductions use (pytest -p cuda_cub), by plain loops.
#pragma once
namespace cub {
enum { BLOCK_LOAD_DIRECT };
template <class T, int THREADS>
struct BlockReduce {
  struct TempStorage {
    alignas(16) char raw[THREADS * sizeof(T)];
  };
  T* shared;
  BlockReduce(TempStorage& storage) : shared((T*)storage.raw) {}
  template <int N, class Op>
  T Reduce(T (&values)[N], Op op) {
    int i = threadIdx.x;
    T mine = values[0];
    for (int j = 1; j < N; j++) mine = op(mine, values[j]);
    shared[i] = mine;
    for (int step = THREADS / 2; step; step /= 2) {
      __syncthreads();
      if (i < step) shared[i] = op(shared[i], shared[i + step]);
    }
    __syncthreads();
    return shared[0];
  }
};
template <class T, int THREADS, int N, int ALGORITHM>
struct BlockLoad {
  struct TempStorage {};
  BlockLoad(TempStorage&) {}
  template <class Iterator>
  void Load(Iterator from, T (&out)[N], int valid, T otherwise) {
    for (int j = 0; j < N; j++) {
      int i = threadIdx.x * N + j;
      out[j] = i < valid ? T(from[i]) : otherwise;
    }
  }
};
}  // namespace cub
