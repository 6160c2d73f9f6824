// Nearest centres of rows, as spanwise/kernels/lloyd_engines.py has them.
//
// Scores |c|^2 - 2 x.c are a matrix product that stays in registers: no score is written anywhere.
// A row whose best score is not apart from all others by the bound of the rounding errors is
// compared anew, feature by feature in double precision without fused operations. And squared
// distances from rows to their centres.
//
// REAL     float or double: what scores are computed in
// ROWS     rows of a thread, a multiple of 4
// COLUMNS  centres of a thread at a time: 2, 4, 8 or 16
// DEPTH    features at a time: 8 or 16
// LOAD     numbers of a row that are loaded at a time: all rows begin at multiples of them
// RESIDENT blocks of threads that a multiprocessor has registers for
//
// A block of 4 warps takes TILE rows at a time and compares them with WIDTH centres at a time. The
// 32 lanes of a warp are 4 x 8: lane (y, x) has the rows 16 i + 4 y + (0..3) of its warp and the
// centres 32 i + 4 x + (0..3), so that one load from shared memory serves 4 rows or
// centres, and lanes load from neighbouring banks.

#define WARPS 4
#define THREADS (32 * WARPS)
#define WARP_ROWS (4 * ROWS)
#define TILE (WARPS * WARP_ROWS)
#define WIDTH (8 * COLUMNS)
#define CHUNKS (DEPTH / LOAD)
#define LOADS (TILE * CHUNKS / THREADS)
#define NUMBERS (COLUMNS * DEPTH / 16)
#define SPAN (NUMBERS < 4 ? NUMBERS : 4)
#define RUN (COLUMNS < 4 ? COLUMNS : 4)
#define PAD (16 / (int)sizeof(REAL))
#define STATES (WARP_ROWS + 1)
#define ALL 0xffffffffu
#define INFINITE ((REAL)__longlong_as_double(0x7ff0000000000000ll))

// So many numbers that are loaded at a time.
template <int N> struct __align__(N * sizeof(REAL) < 16 ? N * sizeof(REAL) : 16) Numbers {
    REAL value[N];
};

__device__ __forceinline__ float lesser(float a, float b) { return fminf(a, b); }
__device__ __forceinline__ float greater(float a, float b) { return fmaxf(a, b); }
__device__ __forceinline__ double lesser(double a, double b) { return fmin(a, b); }
__device__ __forceinline__ double greater(double a, double b) { return fmax(a, b); }

// Where the matrix has a feature of a centre.
__device__ __forceinline__ long long place(int f, int j, int depth)
{
    return ((long long)(j / WIDTH) * depth + f) * WIDTH + j % WIDTH;
}

// Which centre a lane (., x) means by the place of a score among its own.
__device__ __forceinline__ int center_of(int code, int x)
{
    return code / COLUMNS * WIDTH + code % COLUMNS / RUN * 32 + x * RUN + code % RUN;
}

// The matrix of a product with rows and the squared norms of the centres, padded: features with 0
// to a multiple of DEPTH, centres with infinite norms to a multiple of WIDTH. The matrix is cut
// into tiles of WIDTH centres, in each of which one feature's numbers lie together, so that it is
// read from its beginning to its end. Sets totals to 0. A block for each padded centre.
extern "C" __global__ void __launch_bounds__(THREADS) prepare(
    const double *__restrict__ centers,  // (k, d)
    int d, int k, int depth,
    REAL *__restrict__ matrix,  // (tiles, depth, WIDTH): -2 times the centres
    REAL *__restrict__ norms,  // (width,)
    unsigned long long *__restrict__ totals,
    long long size)
{
    __shared__ double part[THREADS];
    int j = blockIdx.x, t = threadIdx.x;
    double sum = 0;
    for (int f = t; f < depth; f += THREADS) {
        double c = j < k && f < d ? centers[(long long)j * d + f] : 0.0;
        sum += c * c;
        matrix[place(f, j, depth)] = (REAL)(-2.0 * c);
    }
    part[t] = sum;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (t < half) part[t] += part[t + half];
        __syncthreads();
    }
    if (t == 0) norms[j] = j < k ? (REAL)part[0] : INFINITE;
    long long all = (long long)gridDim.x * THREADS;
    for (long long i = (long long)j * THREADS + t; i < size; i += all) totals[i] = 0;
}

// Squared distance of a row to a centre, feature by feature.
__device__ __forceinline__ double between(
    const REAL *__restrict__ row, const double *__restrict__ shift,
    const double *__restrict__ center, int d)
{
    double total = 0;
#pragma unroll 4
    for (int f = 0; f < d; ++f) {
        const double apart = __dsub_rn(__dsub_rn(exact(row[f]), shift[f]), center[f]);
        total = __dadd_rn(total, __dmul_rn(apart, apart));
    }
    return total;
}

// The nearest centre that a lane has met, -1 where it has met none.
struct Nearest {
    int found;
    double least;

    __device__ __forceinline__ void meet(int center, double distance)
    {
        // What is no number is as far away as can be.
        if (distance != distance) distance = __longlong_as_double(0x7ff0000000000000ll);
        const bool is_first = distance == least && center < found;
        if (center >= 0 && (found < 0 || distance < least || is_first)) {
            found = center;
            least = distance;
        }
    }

    __device__ __forceinline__ int of_all_lanes()
    {
        for (int apart = 16; apart > 0; apart /= 2) {
            const int other = __shfl_xor_sync(ALL, found, apart);
            const double far = __shfl_xor_sync(ALL, least, apart);
            meet(other, far);
        }
        return found;
    }
};

struct Bound {
    double reach, scale, least, radius;

    // What no score of a nearer centre is beyond, in whatever order its products are added, for a
    // row of this best score and squared norm.
    __device__ __forceinline__ REAL limit(REAL best, REAL own) const
    {
        const REAL length = sqrt(own), squared = best + own;
        const REAL away = sqrt(squared > 0 ? squared : (REAL)0);
        const REAL circle = lesser((length + away) * (REAL)reach, (REAL)radius);
        return best + circle * (circle + 2 * length) * (REAL)scale + (1 + circle) * (REAL)least;
    }
};

struct Centers {
    int d, k, depth;
    const double *__restrict__ shift, *__restrict__ exact;
    const REAL *__restrict__ about, *__restrict__ matrix, *__restrict__ norms;

    __device__ __forceinline__ double distance(const REAL *__restrict__ row, int j) const
    {
        return between(row, shift, exact + (long long)j * d, d);
    }

    // The first nearest of all whose scores are not beyond the limit, by a warp.
    __device__ __forceinline__ int settled(const REAL *__restrict__ row, REAL limit) const
    {
        Nearest own = {-1, 0};
        for (int j = threadIdx.x % 32; j < k; j += 32) {
            const REAL *__restrict__ column = matrix + place(0, j, depth);
            REAL score = norms[j];
#pragma unroll 8
            for (int f = 0; f < d; ++f)
                score += (row[f] - about[f]) * column[(long long)f * WIDTH];
            if (!(score > limit)) own.meet(j, distance(row, j));
        }
        return own.of_all_lanes();
    }
};

// What the eight lanes (., x) of a warp have seen of its rows: the best score and the second best,
// and the place of the best one.
struct Seen {
    REAL best[8][STATES], second[8][STATES];
    int code[8][STATES];

    // The first nearest centre of a row. Where no lane saw two within the limit, those that are in
    // question are known.
    __device__ __forceinline__ int settled(
        int r, const REAL *__restrict__ row, const Centers &centers, REAL limit) const
    {
        const int lane = threadIdx.x % 32, x = lane % 8;
        if (__ballot_sync(ALL, !(second[x][r] > limit))) return centers.settled(row, limit);
        Nearest own = {-1, 0};
        if (lane < 8 && !(best[x][r] > limit)) {
            const int j = center_of(code[x][r], x);
            own.meet(j, centers.distance(row, j));
        }
        return own.of_all_lanes();
    }
};

// The first of the nearest centres of each row. The weight of a row that holds NaN becomes 0,
// where there are weights that may be written.
extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT) nearest(
    const REAL *__restrict__ rows,
    long long stride,  // numbers from row to row
    long long n, int d, int k, int depth, int width,
    const double *__restrict__ shift,  // (d,)
    const double *__restrict__ centers,  // (k, d)
    const REAL *__restrict__ about,  // (depth,): the shift, padded with 0
    const REAL *__restrict__ matrix, const REAL *__restrict__ norms,  // of `prepare`
    double reach, double scale, double least, double radius,  // of the bound
    double *__restrict__ weight,  // (n,) or null
    int *__restrict__ labels)  // (n,)
{
    __shared__ Numbers<4> left[2][DEPTH][(TILE + PAD) / 4];  // rows about the shift, transposed
    __shared__ Numbers<RUN> right[2][DEPTH][WIDTH / RUN];  // the matrix
    __shared__ Numbers<RUN> middle[2][WIDTH / RUN];  // the norms
    __shared__ Seen all_seen[WARPS];

    const int t = threadIdx.x, lane = t % 32, warp = t / 32, x = lane % 8, y = lane / 8;
    const long long tiles = (n + TILE - 1) / TILE;
    const Bound bound = {reach, scale, least, radius};
    const Centers those = {d, k, depth, shift, centers, about, matrix, norms};
    Seen &seen = all_seen[warp];

    // A stage is DEPTH features of WIDTH centres and a tile of rows. Its numbers go from memory to
    // registers while the stage before is worked on, and then to shared memory.
    const int f_left = t % CHUNKS * LOAD, row_left = t / CHUNKS;
    Numbers<LOAD> next_left[LOADS], next_about;
    Numbers<SPAN> next_right[NUMBERS / SPAN];
    REAL next_norm = 0;
    const REAL *from_left, *from_right;
    bool whole;

    auto go_to = [&](long long tile) {
        from_left = rows + (tile * TILE + row_left) * stride + f_left;
        from_right = matrix + t * SPAN;
        whole = tile * TILE + TILE <= n;
    };
    // Nothing here waits for what it loads. Features that are not there are 0; nobody looks at what
    // comes of rows that are not there.
    auto load = [&](long long tile, int column, int feature) {
        const bool inside = feature + f_left < d;
        const REAL *from = from_left;
#pragma unroll
        for (int i = 0; i < LOADS; ++i) {
            const bool there = whole || tile * TILE + row_left + i * (TILE / LOADS) < n;
            next_left[i] = Numbers<LOAD>();
            if (inside && there) next_left[i] = *(const Numbers<LOAD> *)from;
            from += TILE / LOADS * stride;
        }
        from_left += DEPTH;
        next_about = *(const Numbers<LOAD> *)(about + feature + f_left);
#pragma unroll
        for (int i = 0; i < NUMBERS / SPAN; ++i)
            next_right[i] = ((const Numbers<SPAN> *)from_right)[i * THREADS];
        from_right += DEPTH * WIDTH;
        if (feature == 0 && t < WIDTH) next_norm = norms[column + t];
    };
    auto store = [&](int half, int feature) {
#pragma unroll
        for (int i = 0; i < LOADS; ++i)
#pragma unroll
            for (int f = 0; f < LOAD; ++f)
                ((REAL *)left[half][f_left + f])[row_left + i * (TILE / LOADS)] =
                    next_left[i].value[f] - next_about.value[f];
#pragma unroll
        for (int i = 0; i < NUMBERS / SPAN; ++i)
            ((Numbers<SPAN> *)right[half])[i * THREADS + t] = next_right[i];
        if (feature == 0 && t < WIDTH) ((REAL *)middle[half])[t] = next_norm;
    };

    long long tile = blockIdx.x;
    if (tile >= tiles) return;
    int column = 0, feature = 0, half = 0;
    go_to(tile);
    load(tile, column, feature);
    store(half, feature);
    __syncthreads();

    REAL scores[ROWS][COLUMNS], own = 0;
    while (true) {
        long long next_tile = tile;
        int next_column = column, next_feature = feature + DEPTH;
        if (next_feature == depth) {
            next_feature = 0;
            next_column += WIDTH;
            from_left -= depth;
            if (next_column == width) {
                next_column = 0;
                next_tile += gridDim.x;
                go_to(next_tile);
            }
        }
        const bool goes_on = next_tile < tiles;
        if (goes_on) load(next_tile, next_column, next_feature);

        if (feature == 0) {
            if (column == 0) own = 0;
#pragma unroll
            for (int j = 0; j < COLUMNS; ++j) {
                REAL norm = middle[half][j / RUN * 8 + x].value[j % RUN];
#pragma unroll
                for (int i = 0; i < ROWS; ++i) scores[i][j] = norm;
            }
        }
        if (column == 0 && lane < WARP_ROWS) {
#pragma unroll
            for (int f = 0; f < DEPTH; ++f) {
                REAL value = ((REAL *)left[half][f])[warp * WARP_ROWS + lane];
                own += value * value;
            }
        }
#pragma unroll
        for (int f = 0; f < DEPTH; ++f) {
            Numbers<4> a[ROWS / 4];
            Numbers<RUN> b[COLUMNS / RUN];
#pragma unroll
            for (int i = 0; i < ROWS / 4; ++i) a[i] = left[half][f][warp * ROWS + 4 * i + y];
#pragma unroll
            for (int j = 0; j < COLUMNS / RUN; ++j) b[j] = right[half][f][8 * j + x];
#pragma unroll
            for (int i = 0; i < ROWS; ++i)
#pragma unroll
                for (int j = 0; j < COLUMNS; ++j)
                    scores[i][j] += a[i / 4].value[i % 4] * b[j / RUN].value[j % RUN];
        }
        if (next_feature == 0) {
            // What a lane has seen of its rows is kept in shared memory, where registers are short.
#pragma unroll
            for (int i = 0; i < ROWS; ++i) {
                const int r = i / 4 * 16 + 4 * y + i % 4;
                REAL best = INFINITE, second = INFINITE;
                int code = 0;
                if (column > 0) {
                    best = seen.best[x][r];
                    second = seen.second[x][r];
                    code = seen.code[x][r];
                }
#pragma unroll
                for (int j = 0; j < COLUMNS; ++j) {
                    const REAL score = scores[i][j];
                    code = score < best ? column / 8 + j : code;
                    second = lesser(second, greater(best, score));
                    best = lesser(best, score);
                }
                seen.best[x][r] = best;
                seen.second[x][r] = second;
                seen.code[x][r] = code;
            }
        }
        if (next_feature == 0 && next_column == 0) {
            // Eight lanes have seen an eighth of the centres each; now a lane finishes a row.
            __syncwarp();
            const long long first = tile * TILE + warp * WARP_ROWS, row = first + lane;
            const bool mine = lane < WARP_ROWS && row < n;
            REAL one = INFINITE, two = INFINITE;
            int label = 0;
            if (mine) {
                int winner = 0;
                for (int l = 0; l < 8; ++l) {
                    REAL score = seen.best[l][lane];
                    winner = score < one ? l : winner;
                    two = lesser(lesser(two, seen.second[l][lane]), greater(one, score));
                    one = lesser(one, score);
                }
                label = center_of(seen.code[winner][lane], winner);
            }
            const REAL limit = bound.limit(one, own);
            // Every centre would be in question for a row with NaN, and the first one wins.
            const bool missing = own != own;
            if (missing) {
                label = 0;
                if (mine && weight) weight[row] = 0;
            }
            unsigned asked = __ballot_sync(ALL, mine && !missing && k > 1 && !(two > limit));
            while (asked) {
                const int r = __ffs(asked) - 1;
                asked &= asked - 1;
                const REAL *row_there = rows + (first + r) * stride;
                const int found = seen.settled(r, row_there, those, __shfl_sync(ALL, limit, r));
                if (lane == r && found >= 0) label = found;
            }
            if (mine) labels[row] = label;
        }
        if (!goes_on) return;
        half ^= 1;
        store(half, next_feature);
        __syncthreads();
        tile = next_tile;
        column = next_column;
        feature = next_feature;
    }
}

// Squared distance of each row to its centre, feature by feature; 0 for rows of weight 0, which may
// hold NaN.
extern "C" __global__ void __launch_bounds__(THREADS) squares(
    const REAL *__restrict__ rows, long long stride, long long n, int d,
    const double *__restrict__ shift,  // (d,)
    const double *__restrict__ centers,  // (k, d)
    const double *__restrict__ weight,  // (n,) or null
    const int *__restrict__ labels,  // (n,)
    double *__restrict__ out)  // (n,)
{
    const long long r = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (r >= n) return;
    const double total = between(rows + r * stride, shift, centers + (long long)labels[r] * d, d);
    out[r] = weight && weight[r] == 0 ? 0.0 : total;
}
