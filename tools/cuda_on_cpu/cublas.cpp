// cuBLAS by NumPy's OpenBLAS; what it has no product for, by loops.
#include "core.h"
#include <complex>
using C = std::complex<float>;
using Z = std::complex<double>;

enum { SUCCESS = 0, INVALID_VALUE = 7, NOT_SUPPORTED = 15 };
struct Handle {
  int device = emu_current();
  void* stream = nullptr;
  int pointer_mode = 0, math_mode = 0;
};
EXPORT int cublasCreate_v2(Handle** out) { return *out = new Handle, SUCCESS; }
EXPORT int cublasDestroy_v2(Handle* handle) {
  emu_drain_all();
  delete handle;
  return SUCCESS;
}
EXPORT int cublasGetVersion_v2(Handle*, int* version) { return *version = 130000, SUCCESS; }
EXPORT int cublasGetPointerMode_v2(Handle* handle, int* mode) {
  return *mode = handle->pointer_mode, SUCCESS;
}
EXPORT int cublasSetPointerMode_v2(Handle* handle, int mode) { return handle->pointer_mode = mode, SUCCESS; }
EXPORT int cublasSetStream_v2(Handle* handle, void* stream) { return handle->stream = stream, SUCCESS; }
EXPORT int cublasGetStream_v2(Handle* handle, void** stream) { return *stream = handle->stream, SUCCESS; }
EXPORT int cublasSetMathMode(Handle* handle, int mode) { return handle->math_mode = mode, SUCCESS; }
EXPORT int cublasGetMathMode(Handle* handle, int* mode) { return *mode = handle->math_mode, SUCCESS; }

static float conjugate(float v) { return v; }
static double conjugate(double v) { return v; }
static C conjugate(C v) { return std::conj(v); }
static Z conjugate(Z v) { return std::conj(v); }

// A factor: on the host it is read at once, on the device when the work is done.
template <class T>
struct Factor {
  T value{};
  const T* at = nullptr;
  Factor(const Handle* handle, const T* p) {
    if (handle->pointer_mode) {
      at = p;
    } else {
      value = *p;
    }
  }
  T operator()() const { return at ? *at : value; }
};

enum Operation { PLAIN, TRANSPOSED, ADJOINT };
// A matrix in columns, or a batch of them, under an operation.
template <class T>
struct Matrix {
  const T* data;
  int ld;
  int operation = PLAIN;
  long long stride = 0;
  T operator()(size_t i, size_t j) const {
    if (operation == PLAIN) return data[j * ld + i];
    T value = data[i * ld + j];
    return operation == ADJOINT ? conjugate(value) : value;
  }
  // Whether it is so many rows and columns after the operation, and on the device.
  bool is(int rows, int columns, int batch = 1) const {
    if (operation != PLAIN) std::swap(rows, columns);
    if (!rows || !columns) return true;
    if (ld < rows) return false;
    size_t last = (batch - 1) * stride + (long long)ld * (columns - 1) + rows;
    return emu_is_device(data, last * sizeof(T));
  }
};
static int refuse(const char* what) {
  fprintf(stderr, "[cuda_on_cpu] cuBLAS refuses %s\n", what);
  return INVALID_VALUE;
}

// ---- products
#define PRODUCT(name, T, Scalar, TAKE)                                                                    \
  extern "C" void name(int, int, int, int64_t, int64_t, int64_t, Scalar, const T*, int64_t, const T*,     \
                       int64_t, Scalar, T*, int64_t);                                                     \
  static void product(int m, int n, int k, T a, Matrix<T> A, Matrix<T> B, T b, T* X, int ld) {            \
    static const int COLUMNS = 102, FIRST = 111;                                                          \
    name(COLUMNS, FIRST + A.operation, FIRST + B.operation, m, n, k, TAKE(a), A.data, A.ld, B.data, B.ld, \
         TAKE(b), X, ld);                                                                                 \
  }
PRODUCT(scipy_cblas_sgemm64_, float, float, )
PRODUCT(scipy_cblas_dgemm64_, double, double, )
PRODUCT(scipy_cblas_cgemm64_, C, const C*, &)
PRODUCT(scipy_cblas_zgemm64_, Z, const Z*, &)

// X = a A B + b X for each of a batch.
template <class T>
static int products(Handle* handle, int m, int n, int k, const T* a, Matrix<T> A, Matrix<T> B, const T* b,
                    Matrix<T> X, int batch) {
  if (m < 0 || n < 0 || k < 0) return refuse("negative lengths");
  if (!m || !n) return SUCCESS;
  if (handle->device != emu_current() ||
      (emu_device_of(X.data) >= 0 && emu_device_of(X.data) != handle->device)) {
    return refuse("another device's handle or memory");
  }
  if (!A.is(m, k, batch) || !B.is(k, n, batch) || !X.is(m, n, batch)) {
    return refuse("memory that is not on the device, or beyond its end");
  }
  Factor<T> alpha(handle, a), beta(handle, b);
  emu::submit(handle->stream, [=]() mutable {
    for (int i = 0; i < batch; i++) {
      product(m, n, k, alpha(), A, B, beta(), (T*)X.data, X.ld);
      A.data += A.stride;
      B.data += B.stride;
      X.data += X.stride;
    }
  });
  return SUCCESS;
}
template <class T>
static int listed_products(Handle* handle, int m, int n, int k, const T* a, const T* const* A,
                           Matrix<T> first, const T* const* B, Matrix<T> second, const T* b, T* const* X,
                           int ld, int batch) {
  Factor<T> alpha(handle, a), beta(handle, b);
  emu::submit(handle->stream, [=]() mutable {
    for (int i = 0; i < batch; i++) {
      first.data = A[i];
      second.data = B[i];
      product(m, n, k, alpha(), first, second, beta(), X[i], ld);
    }
  });
  return SUCCESS;
}

// ---- vectors: x and y have a step between their elements
template <class T>
static int matrix_vector(Handle* handle, int rows, int columns, const T* a, Matrix<T> A, const T* x,
                         int step_x, const T* b, T* y, int step_y) {
  if (!A.is(rows, columns) || !emu_is_device(y, ((size_t)step_y * (rows - 1) + 1) * sizeof(T))) {
    return refuse("memory that is not on the device, or beyond its end");
  }
  Factor<T> alpha(handle, a), beta(handle, b);
  emu::submit(handle->stream, [=] {
    for (int i = 0; i < rows; i++) {
      T sum = 0;
      for (int j = 0; j < columns; j++) sum += A(i, j) * x[(size_t)j * step_x];
      T& out = y[(size_t)i * step_y];
      out = beta() == T(0) ? alpha() * sum : alpha() * sum + beta() * out;
    }
  });
  return SUCCESS;
}
template <class T>
static int scale(Handle* handle, int n, const T* a, T* x, int step) {
  Factor<T> alpha(handle, a);
  emu::submit(handle->stream, [=] {
    for (int i = 0; i < n; i++) x[(size_t)i * step] *= alpha();
  });
  return SUCCESS;
}
template <class T>
static int add(Handle* handle, int n, const T* a, const T* x, int step_x, T* y, int step_y) {
  Factor<T> alpha(handle, a);
  emu::submit(handle->stream, [=] {
    for (int i = 0; i < n; i++) y[(size_t)i * step_y] += alpha() * x[(size_t)i * step_x];
  });
  return SUCCESS;
}
template <class T>
static int dot(Handle* handle, int n, const T* x, int step_x, const T* y, int step_y, T* out,
               bool conjugated) {
  bool on_device = handle->pointer_mode;
  if (on_device && !emu_is_device(out, sizeof(T))) return refuse("a result that is not on the device");
  emu::submit(handle->stream, [=] {
    T sum = 0;
    for (int i = 0; i < n; i++) {
      T value = x[(size_t)i * step_x];
      sum += (conjugated ? conjugate(value) : value) * y[(size_t)i * step_y];
    }
    *out = sum;
  });
  if (!on_device) emu_drain_all();
  return SUCCESS;
}
// X = a A + b B
template <class T>
static int sum(Handle* handle, int m, int n, const T* a, Matrix<T> A, const T* b, Matrix<T> B, T* X, int ld) {
  Factor<T> alpha(handle, a), beta(handle, b);
  emu::submit(handle->stream, [=] {
    for (int j = 0; j < n; j++) {
      for (int i = 0; i < m; i++) {
        T value = 0;
        if (alpha() != T(0)) value += alpha() * A(i, j);
        if (beta() != T(0)) value += beta() * B(i, j);
        X[(size_t)j * ld + i] = value;
      }
    }
  });
  return SUCCESS;
}

// ---- the same under cuBLAS's names
#define FUNCTIONS(letter, T)                                                                                 \
  EXPORT int cublas##letter##gemm_v2(Handle* h, int ta, int tb, int m, int n, int k, const T* a, const T* A, \
                                     int la, const T* B, int lb, const T* b, T* X, int lx) {                 \
    return products<T>(h, m, n, k, a, {A, la, ta}, {B, lb, tb}, b, {X, lx}, 1);                              \
  }                                                                                                          \
  EXPORT int cublas##letter##gemmStridedBatched(                                                             \
      Handle* h, int ta, int tb, int m, int n, int k, const T* a, const T* A, int la, long long sa,          \
      const T* B, int lb, long long sb, const T* b, T* X, int lx, long long sx, int batch) {                 \
    return products<T>(h, m, n, k, a, {A, la, ta, sa}, {B, lb, tb, sb}, b, {X, lx, PLAIN, sx}, batch);       \
  }                                                                                                          \
  EXPORT int cublas##letter##gemmBatched(Handle* h, int ta, int tb, int m, int n, int k, const T* a,         \
                                         const T* const* A, int la, const T* const* B, int lb, const T* b,   \
                                         T* const* X, int lx, int batch) {                                   \
    return listed_products<T>(h, m, n, k, a, A, {nullptr, la, ta}, B, {nullptr, lb, tb}, b, X, lx, batch);   \
  }                                                                                                          \
  EXPORT int cublas##letter##gemv_v2(Handle* h, int t, int m, int n, const T* a, const T* A, int la,         \
                                     const T* x, int ix, const T* b, T* y, int iy) {                         \
    return matrix_vector<T>(h, t ? n : m, t ? m : n, a, {A, la, t}, x, ix, b, y, iy);                        \
  }                                                                                                          \
  EXPORT int cublas##letter##scal_v2(Handle* h, int n, const T* a, T* x, int ix) {                           \
    return scale(h, n, a, x, ix);                                                                            \
  }                                                                                                          \
  EXPORT int cublas##letter##axpy_v2(Handle* h, int n, const T* a, const T* x, int ix, T* y, int iy) {       \
    return add(h, n, a, x, ix, y, iy);                                                                       \
  }                                                                                                          \
  EXPORT int cublas##letter##geam(Handle* h, int ta, int tb, int m, int n, const T* a, const T* A, int la,   \
                                  const T* b, const T* B, int lb, T* X, int lx) {                            \
    return sum<T>(h, m, n, a, {A, la, ta}, b, {B, lb, tb}, X, lx);                                           \
  }
FUNCTIONS(S, float)
FUNCTIONS(D, double)
FUNCTIONS(C, C)
FUNCTIONS(Z, Z)
#define DOT(name, T, conjugated)                                                      \
  EXPORT int name(Handle* h, int n, const T* x, int ix, const T* y, int iy, T* out) { \
    return dot(h, n, x, ix, y, iy, out, conjugated);                                  \
  }
DOT(cublasSdot_v2, float, false)
DOT(cublasDdot_v2, double, false)
DOT(cublasCdotu_v2, C, false)
DOT(cublasCdotc_v2, C, true)
DOT(cublasZdotu_v2, Z, false)
DOT(cublasZdotc_v2, Z, true)

enum DataType { R_32F = 0, R_64F = 1, C_32F = 4, C_64F = 5 };  // cudaDataType
EXPORT int cublasGemmStridedBatchedEx(Handle* h, int ta, int tb, int m, int n, int k, const void* a,
                                      const void* A, int type, int la, long long sa, const void* B,
                                      int type_b, int lb, long long sb, const void* b, void* X, int type_x,
                                      int lx, long long sx, int batch, int, int) {
  auto of_type = [&](auto zero) {
    using T = decltype(zero);
    Matrix<T> first{(const T*)A, la, ta, sa}, second{(const T*)B, lb, tb, sb},
        out{(const T*)X, lx, PLAIN, sx};
    return products<T>(h, m, n, k, (const T*)a, first, second, (const T*)b, out, batch);
  };
  if (type == type_b && type == type_x) {
    switch (type) {
      case R_32F: return of_type(0.0f);
      case R_64F: return of_type(0.0);
      case C_32F: return of_type(C(0));
      case C_64F: return of_type(Z(0));
    }
  }
  emu_missing("cublasGemmEx of mixed types or of half precision");
  return NOT_SUPPORTED;
}
EXPORT int cublasGemmEx(Handle* h, int ta, int tb, int m, int n, int k, const void* a, const void* A,
                        int type, int la, const void* B, int type_b, int lb, const void* b, void* X,
                        int type_x, int lx, int compute, int algorithm) {
  return cublasGemmStridedBatchedEx(h, ta, tb, m, n, k, a, A, type, la, 0, B, type_b, lb, 0, b, X, type_x, lx,
                                    0, 1, compute, algorithm);
}
EXPORT int cublasSgemmEx(Handle* h, int ta, int tb, int m, int n, int k, const void* a, const void* A,
                         int type, int la, const void* B, int type_b, int lb, const void* b, void* X,
                         int type_x, int lx) {
  return cublasGemmEx(h, ta, tb, m, n, k, a, A, type, la, B, type_b, lb, b, X, type_x, lx, 0, 0);
}
