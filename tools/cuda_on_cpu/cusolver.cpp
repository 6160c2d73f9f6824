// cuSOLVER: singular values by the LAPACK of NumPy's OpenBLAS.
#include "core.h"
#include <vector>

enum { SUCCESS = 0, INVALID_VALUE = 3, COLUMN_MAJOR = 102 };
#define LAPACK_SVD(name, T) \
  extern "C" int64_t name(int, char, char, int64_t, int64_t, T*, int64_t, T*, T*, int64_t, T*, int64_t, T*);
LAPACK_SVD(scipy_LAPACKE_sgesvd64_, float)
LAPACK_SVD(scipy_LAPACKE_dgesvd64_, double)

struct Handle {
  void* stream = nullptr;
};
EXPORT int cusolverGetProperty(int, int* value) { return *value = 12, SUCCESS; }
EXPORT int cusolverDnCreate(Handle** out) { return *out = new Handle, SUCCESS; }
EXPORT int cusolverDnDestroy(Handle* handle) {
  emu_drain_all();
  delete handle;
  return SUCCESS;
}
EXPORT int cusolverDnSetStream(Handle* handle, void* stream) { return handle->stream = stream, SUCCESS; }
EXPORT int cusolverDnGetStream(Handle* handle, void** stream) { return *stream = handle->stream, SUCCESS; }

static int work_size(int m, int n, int* size) {
  return m < n ? INVALID_VALUE : (*size = m * n + 64, SUCCESS);
}

// `lapack` decomposes the m x n matrix `a` into u, s and v.
template <class T, class Lapack>
static int decompose(Lapack lapack, Handle* handle, char job_u, char job_v, int m, int n, T* a, int lda, T* s,
                     T* u, int ldu, T* v, int ldv, T* work, int work_size, int* info) {
  bool there = emu_is_device(a, ((size_t)lda * (n - 1) + m) * sizeof(T)) && emu_is_device(s, n * sizeof(T)) &&
               emu_is_device(work, work_size * sizeof(T)) && emu_is_device(info, sizeof *info);
  if (m < n || !there) {
    emu_fault("cuSOLVER refuses a %d x %d matrix, or memory that is not the device's", m, n);
    return INVALID_VALUE;
  }
  emu::submit(handle->stream, [=] {
    std::vector<T> rest(m);
    *info = (int)lapack(COLUMN_MAJOR, job_u, job_v, m, n, a, lda, s, u, std::max(ldu, 1), v, std::max(ldv, 1),
                        rest.data());
  });
  return SUCCESS;
}
#define SVD(letter, T, lapack)                                                                               \
  EXPORT int cusolverDn##letter##gesvd_bufferSize(Handle*, int m, int n, int* size) {                        \
    return work_size(m, n, size);                                                                            \
  }                                                                                                          \
  EXPORT int cusolverDn##letter##gesvd(Handle* handle, signed char job_u, signed char job_v, int m, int n,   \
                                       T* a, int lda, T* s, T* u, int ldu, T* v, int ldv, T* work, int size, \
                                       T*, int* info) {                                                      \
    return decompose(lapack, handle, job_u, job_v, m, n, a, lda, s, u, ldu, v, ldv, work, size, info);       \
  }
SVD(S, float, scipy_LAPACKE_sgesvd64_)
SVD(D, double, scipy_LAPACKE_dgesvd64_)
