// CUDA's functions of one thread on numbers. Included by prelude.h.
#pragma once

// ---- memory: hints for caches
template <class T> static inline T __ldg(const T* p) { return *p; }
template <class T> static inline T __ldcs(const T* p) { return *p; }
template <class T> static inline T __ldcg(const T* p) { return *p; }
template <class T> static inline void __stcs(T* p, T v) { *p = v; }
template <class T> static inline void __stcg(T* p, T v) { *p = v; }

// ---- arithmetic
template <class A, class B>
using EmuCommon =
    std::enable_if_t<std::is_arithmetic_v<A> && std::is_arithmetic_v<B>, std::common_type_t<A, B>>;
template <class A, class B>
static inline EmuCommon<A, B> max(A a, B b) {
  using T = EmuCommon<A, B>;
  if constexpr (std::is_floating_point_v<T>) return std::fmax((T)a, (T)b);
  return (T)a < (T)b ? (T)b : (T)a;
}
template <class A, class B>
static inline EmuCommon<A, B> min(A a, B b) {
  using T = EmuCommon<A, B>;
  if constexpr (std::is_floating_point_v<T>) return std::fmin((T)a, (T)b);
  return (T)b < (T)a ? (T)b : (T)a;
}
// What is rounded on its own never becomes part of a fused multiply-add.
#define EMU_ROUNDED(T, name, operator) \
  __attribute__((optimize("fp-contract=off"), noinline)) static T name(T a, T b) { return a operator b; }
EMU_ROUNDED(float, __fadd_rn, +)
EMU_ROUNDED(float, __fsub_rn, -)
EMU_ROUNDED(float, __fmul_rn, *)
EMU_ROUNDED(float, __fdiv_rn, /)
EMU_ROUNDED(double, __dadd_rn, +)
EMU_ROUNDED(double, __dsub_rn, -)
EMU_ROUNDED(double, __dmul_rn, *)
EMU_ROUNDED(double, __ddiv_rn, /)
static inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
static inline double __fma_rn(double a, double b, double c) { return std::fma(a, b, c); }
static inline float __fdividef(float a, float b) { return a / b; }
static inline float __frcp_rn(float a) { return 1 / a; }
static inline float __fsqrt_rn(float x) { return std::sqrt(x); }
static inline double __dsqrt_rn(double x) { return std::sqrt(x); }
static inline float __saturatef(float x) { return x < 0 ? 0 : x > 1 ? 1 : x; }
static inline float rsqrt(float x) { return 1 / std::sqrt(x); }
static inline double rsqrt(double x) { return 1 / std::sqrt(x); }
static inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
static inline float __frsqrt_rn(float x) { return 1 / std::sqrt(x); }
static inline double rcbrt(double x) { return 1 / std::cbrt(x); }

// ---- functions
static inline float __expf(float x) { return std::exp(x); }
static inline float __logf(float x) { return std::log(x); }
static inline float __sinf(float x) { return std::sin(x); }
static inline float __cosf(float x) { return std::cos(x); }
static inline float __powf(float x, float y) { return std::pow(x, y); }
static inline float exp10(float x) { return std::pow(10.f, x); }
// cos(pi x) and sin(pi x), exact at multiples of 1/2.
template <class T>
static inline T emu_turn(T x, bool sine) {
  T rest = std::remainder(x, T(2)), quarters = rest * 2;
  if (quarters == std::rint(quarters)) {
    static const int COSINES[] = {1, 0, -1, 0};
    return COSINES[((int)quarters - sine) & 3];
  }
  long double angle = 3.14159265358979323846264338327950288L * rest;
  return sine ? (T)std::sin(angle) : (T)std::cos(angle);
}
static inline double sinpi(double x) { return emu_turn(x, true); }
static inline float sinpi(float x) { return emu_turn(x, true); }
static inline float sinpif(float x) { return emu_turn(x, true); }
static inline double cospi(double x) { return emu_turn(x, false); }
static inline float cospi(float x) { return emu_turn(x, false); }
static inline float cospif(float x) { return emu_turn(x, false); }
template <class T>
static inline void sincospi(T x, T* sine, T* cosine) {
  *sine = sinpi(x);
  *cosine = cospi(x);
}
static inline void sincospif(float x, float* sine, float* cosine) { sincospi(x, sine, cosine); }
static inline void sincos(float x, float* sine, float* cosine) {
  *sine = std::sin(x);
  *cosine = std::cos(x);
}

// ---- bits
template <class To, class From>
static inline To emu_bits(From x) {
  static_assert(sizeof(To) == sizeof(From), "");
  To out;
  memcpy(&out, &x, sizeof out);
  return out;
}
static inline int __float_as_int(float x) { return emu_bits<int>(x); }
static inline unsigned __float_as_uint(float x) { return emu_bits<unsigned>(x); }
static inline float __int_as_float(int x) { return emu_bits<float>(x); }
static inline float __uint_as_float(unsigned x) { return emu_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return emu_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return emu_bits<double>(x); }
static inline int __double2hiint(double x) { return (int)(emu_bits<uint64_t>(x) >> 32); }
static inline int __double2loint(double x) { return (int)emu_bits<uint64_t>(x); }
static inline double __hiloint2double(int high, int low) {
  return emu_bits<double>((uint64_t)(unsigned)high << 32 | (unsigned)low);
}
static inline float __int2float_rn(int x) { return (float)x; }
static inline float __uint2float_rn(unsigned x) { return (float)x; }
static inline double __ll2double_rn(long long x) { return (double)x; }
static inline int __float2int_rn(float x) { return (int)std::rint(x); }
static inline int __float2int_rd(float x) { return (int)std::floor(x); }
static inline long long __double2ll_rn(double x) { return std::llrint(x); }
static inline long long __double2ll_rd(double x) { return (long long)std::floor(x); }
static inline float __double2float_rn(double x) { return (float)x; }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
static inline int __clzll(long long x) { return x ? __builtin_clzll(x) : 64; }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __ffsll(long long x) { return __builtin_ffsll(x); }
static inline unsigned __brev(unsigned x) {
  unsigned out = 0;
  for (int i = 0; i < 32; i++) out |= (x >> i & 1) << (31 - i);
  return out;
}
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}
static inline long long __mul64hi(long long a, long long b) { return (long long)((__int128)a * b >> 64); }
static inline int __mul24(int a, int b) { return a * b; }

// ---- atomics: threads run in turn, so that plain operations do
template <class T, class F>
static inline T emu_update(T* p, F f) {
  T old = *p;
  *p = f(old);
  return old;
}
#define EMU_ATOMIC(T, name, new_value)                           \
  static inline T name(T* p, T v) {                              \
    return emu_update(p, [=](T old) -> T { return new_value; }); \
  }
#define EMU_ATOMICS(T)              \
  EMU_ATOMIC(T, atomicAdd, old + v) \
  EMU_ATOMIC(T, atomicExch, v)
#define EMU_INTEGER_ATOMICS(T)                                              \
  EMU_ATOMICS(T)                                                            \
  EMU_ATOMIC(T, atomicSub, old - v)                                         \
  EMU_ATOMIC(T, atomicMin, v < old ? v : old)                               \
  EMU_ATOMIC(T, atomicMax, v > old ? v : old)                               \
  EMU_ATOMIC(T, atomicAnd, old& v)                                          \
  EMU_ATOMIC(T, atomicOr, old | v)                                          \
  EMU_ATOMIC(T, atomicXor, old ^ v)                                         \
  static inline T atomicCAS(T* p, T expected, T v) {                        \
    return emu_update(p, [=](T old) { return old == expected ? v : old; }); \
  }
EMU_ATOMICS(float)
EMU_ATOMICS(double)
EMU_INTEGER_ATOMICS(int)
EMU_INTEGER_ATOMICS(unsigned)
EMU_INTEGER_ATOMICS(unsigned long long)
EMU_ATOMIC(long long, atomicMin, v < old ? v : old)
EMU_ATOMIC(long long, atomicMax, v > old ? v : old)
EMU_ATOMIC(unsigned, atomicInc, old >= v ? 0 : old + 1)
EMU_ATOMIC(unsigned, atomicDec, (old == 0 || old > v) ? v : old - 1)
