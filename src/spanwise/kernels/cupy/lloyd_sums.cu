// Sums of rows by label, as spanwise/kernels/exact.py has them: each value is rounded to multiples
// of units, and integers of units are added, in whatever order.
//
// REAL     float or double: what rows are
// LOAD     numbers of a row that are loaded at a time: all rows begin at multiples of them
// LEVELS   units that a value is rounded to one after the other, coarse before fine
// WEIGHTED 1 if rows are multiplied by weights
// ROUNDED  1 if they are rounded to units of their own before

#define THREADS 256
#define AT_ONCE 4

struct __align__(LOAD * sizeof(REAL)) Numbers {
    REAL value[LOAD];
};

typedef unsigned long long Integer;

// x + 1.5 2^52 u is a number whose last bit stands for u, as long as x is below 2^51 u: its bits
// less those of 1.5 2^52 u are x in units, rounded, ties to even.
#define ROUND 6755399441055744.0

__device__ __forceinline__ Integer bits_of(double x) { return (Integer)__double_as_longlong(x); }

// What is left of x, after its units are added to a sum.
__device__ __forceinline__ double add(double x, double bias, Integer &sum)
{
    double moved = __dadd_rn(x, bias);
    sum += bits_of(moved) - bits_of(bias);
    return __dsub_rn(x, __dsub_rn(moved, bias));
}

// Other bits of sign and exponent: x is no number, or too large to be rounded so.
__device__ __forceinline__ int beyond(double x, double bias)
{
    return (int)((bits_of(__dadd_rn(x, bias)) ^ bits_of(bias)) >> 52);
}

// Sums of rows, and of their weights, by label.
//
// A block has a slab of rows and some features, of which a lane has LOAD. The rows of a slab are
// sorted by label first, so that what a lane adds up is mostly of one label and stays in registers;
// where that changes, it goes to the sums of all.
extern "C" __global__ void __launch_bounds__(THREADS) sums(
    const REAL *__restrict__ rows,
    long long stride,  // numbers from row to row
    long long n, int d, int k,
    const int *__restrict__ labels,  // (n,)
    const double *__restrict__ weight,  // (n,) where WEIGHTED
    const double *__restrict__ shift,  // (d,)
    const double *__restrict__ units,  // (d,) where ROUNDED
    const double *__restrict__ levels,  // (LEVELS, d)
    const double *__restrict__ masses,  // (2,) where WEIGHTED
    int slab, int tiles, int lanes, int sorted,
    Integer *__restrict__ totals,  // (LEVELS, k, d)
    Integer *__restrict__ weights,  // (2 or 1, k)
    Integer *__restrict__ any_lost,  // (1,)
    unsigned char *__restrict__ lost,  // (k, d)
    unsigned char *__restrict__ weights_lost)  // (k,)
{
    extern __shared__ unsigned int shared[];
    unsigned int *part = shared, *order = shared + THREADS, *counts = order + slab;
    const int t = threadIdx.x;
    const int tile = blockIdx.x % tiles;
    const long long start = (long long)(blockIdx.x / tiles) * slab;
    const int count = n - start < slab ? (int)(n - start) : slab;

    // An entry has a row's place in the slab in its lower half, and its label in the upper one.
    if (sorted) {
        for (int j = t; j < k; j += THREADS) counts[j] = 0;
        __syncthreads();
        for (int r = t; r < count; r += THREADS) atomicAdd(&counts[labels[start + r]], 1u);
        __syncthreads();
        const int each = (k + THREADS - 1) / THREADS;
        const int low = t * each < k ? t * each : k, high = low + each < k ? low + each : k;
        unsigned int own = 0;
        for (int j = low; j < high; ++j) own += counts[j];
        part[t] = own;
        __syncthreads();
        for (int apart = 1; apart < THREADS; apart *= 2) {
            unsigned int before = t >= apart ? part[t - apart] : 0;
            __syncthreads();
            part[t] += before;
            __syncthreads();
        }
        unsigned int place = part[t] - own;
        for (int j = low; j < high; ++j) {
            unsigned int number = counts[j];
            counts[j] = place;
            place += number;
        }
        __syncthreads();
        for (int r = t; r < count; r += THREADS) {
            unsigned int j = labels[start + r];
            order[atomicAdd(&counts[j], 1u)] = j << 16 | r;
        }
        __syncthreads();
    }

    const int group = t / lanes, groups = THREADS / lanes;
    const int each = (count + groups - 1) / groups;
    const int first = group * each, last = first + each < count ? first + each : count;
    const int f = (tile * lanes + t % lanes) * LOAD;
    const bool leads = f == 0;
    if (f >= d) return;

    double about[LOAD], bias[LEVELS][LOAD], own[LOAD], heavy = 0, light = 0;
#pragma unroll
    for (int i = 0; i < LOAD; ++i) {
        about[i] = shift[f + i];
        own[i] = ROUNDED ? ROUND * units[f + i] : 0;
#pragma unroll
        for (int level = 0; level < LEVELS; ++level)
            bias[level][i] = ROUND * levels[(long long)level * d + f + i];
    }
    if (WEIGHTED) {
        heavy = ROUND * masses[0];
        light = ROUND * masses[1];
    }

    Integer sum[LEVELS][LOAD] = {}, mass[2] = {};
    int odd[LOAD] = {}, odd_mass = 0, label = -1;

    auto flush = [&]() {
        if (label < 0) return;
#pragma unroll
        for (int i = 0; i < LOAD; ++i) {
            const long long at = (long long)label * d + f + i;
#pragma unroll
            for (int level = 0; level < LEVELS; ++level) {
                atomicAdd(&totals[(long long)level * k * d + at], sum[level][i]);
                sum[level][i] = 0;
            }
            if (odd[i]) {
                lost[at] = 1;
                *any_lost = 1;
                odd[i] = 0;
            }
        }
        if (leads) {
            atomicAdd(&weights[label], mass[0]);
            if (WEIGHTED) atomicAdd(&weights[k + label], mass[1]);
            mass[0] = mass[1] = 0;
            if (odd_mass) {
                weights_lost[label] = 1;
                *any_lost = 1;
                odd_mass = 0;
            }
        }
    };

    for (int at = first; at < last; at += AT_ONCE) {
        Numbers x[AT_ONCE] = {};
        int own_label[AT_ONCE] = {};
        double w[AT_ONCE] = {};
#pragma unroll
        for (int q = 0; q < AT_ONCE; ++q) {
            if (at + q >= last) continue;
            long long row;
            if (sorted) {
                const unsigned int entry = order[at + q];
                own_label[q] = entry >> 16;
                row = start + (entry & 0xffff);
            } else {
                row = start + at + q;
                own_label[q] = labels[row];
            }
            x[q] = *(const Numbers *)(rows + row * stride + f);
            if (WEIGHTED) w[q] = weight[row];
        }
#pragma unroll
        for (int q = 0; q < AT_ONCE; ++q) {
            if (at + q >= last || (WEIGHTED && w[q] == 0)) continue;
            if (own_label[q] != label) {
                flush();
                label = own_label[q];
            }
            if (WEIGHTED) {
                odd_mass |= beyond(w[q], heavy);
                add(add(w[q], heavy, mass[0]), light, mass[1]);
            } else {
                ++mass[0];
            }
#pragma unroll
            for (int i = 0; i < LOAD; ++i) {
                double value = __dsub_rn(exact(x[q].value[i]), about[i]);
                if (ROUNDED) value = __dsub_rn(__dadd_rn(value, own[i]), own[i]);
                if (WEIGHTED) value = __dmul_rn(value, w[q]);
                odd[i] |= beyond(value, bias[0][i]);
#pragma unroll
                for (int level = 0; level < LEVELS; ++level)
                    value = add(value, bias[level][i], sum[level][i]);
            }
        }
    }
    flush();
}
