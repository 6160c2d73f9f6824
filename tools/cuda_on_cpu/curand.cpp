// cuRAND's interface for hosts; its numbers are not cuRAND's.
#include "core.h"
#include <cmath>
#include <random>

enum { SUCCESS = 0, ALLOCATION_FAILED = 102, LENGTH_NOT_MULTIPLE = 105 };
struct Generator {
  std::mt19937_64 draw{1};
  void* stream = nullptr;
};
EXPORT int curandGetVersion(int* version) { return *version = 10400, SUCCESS; }
EXPORT int curandCreateGenerator(Generator** out, int) { return *out = new Generator, SUCCESS; }
EXPORT int curandDestroyGenerator(Generator* generator) {
  emu_drain_all();
  delete generator;
  return SUCCESS;
}
EXPORT int curandSetPseudoRandomGeneratorSeed(Generator* generator, unsigned long long seed) {
  return generator->draw.seed(seed), SUCCESS;
}
EXPORT int curandSetGeneratorOffset(Generator*, unsigned long long) { return SUCCESS; }
EXPORT int curandSetGeneratorOrdering(Generator*, int) { return SUCCESS; }
EXPORT int curandSetStream(Generator* generator, void* stream) { return generator->stream = stream, SUCCESS; }

template <class T, class F>
static int fill(Generator* generator, T* out, size_t n, F value) {
  if (!emu_is_device(out, n * sizeof(T))) {
    emu_fault("cuRAND is to write %zu numbers at %p, which is not so much device memory", n, out);
    return ALLOCATION_FAILED;
  }
  emu::submit(generator->stream, [=] {
    for (size_t i = 0; i < n; i++) out[i] = value(generator->draw);
  });
  return SUCCESS;
}
static double uniform(std::mt19937_64& draw) { return ((draw() >> 11) + 1) * 0x1p-53; }  // in (0, 1]

EXPORT int curandGenerate(Generator* generator, unsigned* out, size_t n) {
  return fill(generator, out, n, [](auto& draw) { return (unsigned)draw(); });
}
EXPORT int curandGenerateLongLong(Generator* generator, unsigned long long* out, size_t n) {
  return fill(generator, out, n, [](auto& draw) { return draw(); });
}
EXPORT int curandGenerateUniform(Generator* generator, float* out, size_t n) {
  return fill(generator, out, n, [](auto& draw) { return (float)(((draw() >> 40) + 1) * 0x1p-24); });
}
EXPORT int curandGenerateUniformDouble(Generator* generator, double* out, size_t n) {
  return fill(generator, out, n, uniform);
}

// G. E. P. Box, M. E. Muller, "A note on the generation of random normal deviates", 1958.
static double normal(std::mt19937_64& draw) {
  double radius = std::sqrt(-2 * std::log(uniform(draw)));
  return radius * std::cos(6.283185307179586 * uniform(draw));
}
template <class T>
static int normals(Generator* generator, T* out, size_t n, T mean, T scale, bool log) {
  if (n % 2) return LENGTH_NOT_MULTIPLE;
  return fill(generator, out, n, [=](auto& draw) {
    double value = mean + scale * normal(draw);
    return (T)(log ? std::exp(value) : value);
  });
}
#define NORMALS(name, T, log)                                                \
  EXPORT int name(Generator* generator, T* out, size_t n, T mean, T scale) { \
    return normals<T>(generator, out, n, mean, scale, log);                  \
  }
NORMALS(curandGenerateNormal, float, false)
NORMALS(curandGenerateNormalDouble, double, false)
NORMALS(curandGenerateLogNormal, float, true)
NORMALS(curandGenerateLogNormalDouble, double, true)
