// What kernels in CUDA C++ need to be compiled as C++ and to run on a host: blocks one after the
// other, the threads of a block as fibers, each of which runs until it waits for others.
//
// A warp or a block that waits for a thread which never comes ends the launch with an error, as does
// a thread that waits at another place than its neighbours where all have to meet. The order in
// which threads run is drawn anew each time: what depends on it lacks a barrier.

#pragma once
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#include <cstdint>
#include <cstring>
#include <ucontext.h>
#include <utility>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

// As CUDA has them; <math.h> would take as long to compile as all the rest.
#define fminf __builtin_fminf
#define fmaxf __builtin_fmaxf
#define fmin __builtin_fmin
#define fmax __builtin_fmax
inline float sqrt(float x) { return __builtin_sqrtf(x); }
inline double sqrt(double x) { return __builtin_sqrt(x); }

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

struct Dim { unsigned x = 1, y = 1, z = 1; };
static Dim threadIdx, blockIdx, gridDim, blockDim;
alignas(16) unsigned int shared[49152 / 4];  // dynamic shared memory

namespace fibers {
constexpr unsigned MOST = 256, STACK = 1 << 17;
enum State { READY, AT_BLOCK, AT_WARP, DONE };
struct Fiber {
    ucontext_t context;
    char stack[STACK];
    State state = READY;
    int place = 0;
    void *fake = nullptr;
};
static Fiber all[MOST];
static ucontext_t main_context;
static void *main_fake;
static const void *main_stack;
static size_t main_size;
static unsigned current;
static void (*body)(void *);
static void *body_argument;
static uint64_t exchange[MOST];

inline void to_main(bool ends)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(ends ? nullptr : &all[current].fake, main_stack, main_size);
#endif
    swapcontext(&all[current].context, &main_context);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(all[current].fake, &main_stack, &main_size);
#endif
}

inline void enter()
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &main_stack, &main_size);
#endif
    body(body_argument);
    all[current].state = DONE;
    to_main(true);
}

inline void run(unsigned i)
{
    current = i;
    threadIdx.x = i;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&main_fake, all[i].stack, STACK);
#endif
    swapcontext(&main_context, &all[i].context);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(main_fake, nullptr, nullptr);
#endif
}

inline void wait(State state, int place)
{
    const unsigned self = current;
    all[self].state = state;
    all[self].place = place;
    to_main(false);
    threadIdx.x = self;
}

// Lets threads go on that have met; whether there were some, or -1 where they met at two places.
inline int released(unsigned first, unsigned last, State state, bool needs_all)
{
    int place = 0;
    unsigned waiting = 0, live = 0;
    for (unsigned i = first; i < last; ++i) {
        live += all[i].state != DONE;
        if (all[i].state != state) continue;
        if (waiting++ && all[i].place != place) return -1;
        place = all[i].place;
    }
    if (waiting == 0 || waiting < (needs_all ? last - first : live)) return 0;
    for (unsigned i = first; i < last; ++i)
        if (all[i].state == state) all[i].state = READY;
    return 1;
}

// 0, or 1 if threads wait for others that never come.
inline int block(unsigned threads, uint64_t &random)
{
    unsigned order[MOST];
    for (unsigned i = 0; i < threads; ++i) {
        order[i] = i;
        all[i].state = READY;
        getcontext(&all[i].context);
        all[i].context.uc_stack.ss_sp = all[i].stack;
        all[i].context.uc_stack.ss_size = STACK;
        all[i].context.uc_link = nullptr;
        makecontext(&all[i].context, enter, 0);
    }
    while (true) {
        for (unsigned i = threads - 1; i > 0; --i) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            std::swap(order[i], order[(random >> 33) % (i + 1)]);
        }
        bool moved = false, done = true;
        for (unsigned i = 0; i < threads; ++i)
            if (all[order[i]].state == READY) {
                run(order[i]);
                moved = true;
            }
        for (unsigned i = 0; i < threads; i += 32) {
            int met = released(i, i + 32 < threads ? i + 32 : threads, AT_WARP, true);
            if (met < 0) return 1;
            moved |= met > 0;
        }
        int met = released(0, threads, AT_BLOCK, false);
        if (met < 0) return 1;
        moved |= met > 0;
        for (unsigned i = 0; i < threads; ++i) done &= all[i].state == DONE;
        if (done) return 0;
        if (!moved) return 1;
    }
}
}  // namespace fibers

// Where threads meet is told by the line.
#define __syncthreads() fibers::wait(fibers::AT_BLOCK, __LINE__)
#define __syncwarp() fibers::wait(fibers::AT_WARP, __LINE__)
#define __shfl_sync(mask, value, lane) exchanged(value, lane, __LINE__)
#define __shfl_xor_sync(mask, value, bits) exchanged(value, (threadIdx.x % 32) ^ (bits), __LINE__)
#define __ballot_sync(mask, is) ballot(is, __LINE__)

template <class T> inline T exchanged(T value, unsigned lane, int line)
{
    const unsigned self = threadIdx.x;
    memcpy(&fibers::exchange[self], &value, sizeof(T));
    fibers::wait(fibers::AT_WARP, line);
    memcpy(&value, &fibers::exchange[self / 32 * 32 + lane % 32], sizeof(T));
    fibers::wait(fibers::AT_WARP, -line);
    return value;
}
inline unsigned ballot(bool is, int line)
{
    const unsigned self = threadIdx.x;
    fibers::exchange[self] = is;
    fibers::wait(fibers::AT_WARP, line);
    unsigned found = 0;
    for (unsigned i = 0; i < 32; ++i) found |= unsigned(fibers::exchange[self / 32 * 32 + i]) << i;
    fibers::wait(fibers::AT_WARP, -line);
    return found;
}

template <class T> inline T atomicAdd(T *at, T value)
{
    T before = *at;
    *at += value;
    return before;
}
inline int __ffs(unsigned x) { return __builtin_ffs(x); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __longlong_as_double(long long x)
{
    double out;
    memcpy(&out, &x, 8);
    return out;
}
inline long long __double_as_longlong(double x)
{
    long long out;
    memcpy(&out, &x, 8);
    return out;
}

template <class... A> struct Call {
    void (*kernel)(A...);
    void **arguments;
    template <size_t... I> void with(std::index_sequence<I...>) { kernel(*(A *)arguments[I]...); }
    static void run(void *self)
    {
        ((Call *)self)->with(std::index_sequence_for<A...>());
    }
};

// Runs a kernel; 0, or 1 if threads wait for others that never come.
template <class... A>
int start(void (*kernel)(A...), unsigned blocks, unsigned threads, unsigned seed, void **arguments)
{
    Call<A...> call{kernel, arguments};
    uint64_t random = seed;
    fibers::body = Call<A...>::run;
    fibers::body_argument = &call;
    gridDim.x = blocks;
    blockDim.x = threads;
    for (unsigned b = 0; b < blocks; ++b) {
        blockIdx.x = b;
        memset(shared, 0xa5, sizeof shared);
        if (fibers::block(threads, random)) return 1;
    }
    return 0;
}
