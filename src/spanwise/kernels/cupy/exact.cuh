// A number in double precision. CuPy has its compiler take denormal numbers of single precision for
// 0, which this conversion does not.
__device__ __forceinline__ double exact(double x) { return x; }
__device__ __forceinline__ double exact(float x)
{
#ifdef __CUDA_ARCH__
    double out;
    asm("cvt.f64.f32 %0, %1;" : "=d"(out) : "f"(x));
    return out;
#else
    return x;
#endif
}
