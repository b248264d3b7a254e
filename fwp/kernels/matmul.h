/* Products of the matrices of layers: C = A B, where one side or the sum is small.
 *
 * Lanes lie along the columns of B and C. A tile of C stays in registers while its sums run over k;
 * the numbers of A are broadcast, so that A may have any two strides: the same code computes
 * x Wᵀ, dy W and dyᵀ x. Weights are packed first: the columns in panels, one after another, so that
 * a panel is read in one stream, and with zeros past the last column. A layer takes its rows in
 * tiles that stay in the first cache.
 */

#include "native.h"

/* A tile of C: rows, and vecs in a row. As many sums as registers allow, beside A's and B's. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define TILE_ROWS 8
#else
#define TILE_ROWS 6
#endif
#define TILE_VECS 2
#define PANEL (TILE_VECS * LANES)

#define PANELS(n) (((n) + PANEL - 1) / PANEL)
/* The length of a row of n numbers that can be read by whole vecs. */
#define WHOLE(n) (((n) + LANES - 1) / LANES * LANES)

/* A[m][k] = A[m down + k along]; B[k][n] is number n % PANEL of row k of panel n / PANEL. B must be
 * readable up to the end of each last vec. What is NULL or 0 after K is left out:
 *     C = relu(A B + bias + plus), or 0 instead, where `where` is not positive */
typedef struct {
    real *C;
    int64_t C_row;
    const real *A;
    int64_t down, along;
    const real *B;
    int64_t B_row, B_panel;
    int64_t M, N, K;
    const real *bias;
    const real *plus;
    int64_t plus_row;
    const real *where;
    int64_t where_row;
    int relu;
} product;

INLINE vec load_vec(const real *p) {
    vec x;
    memcpy(&x, p, sizeof(vec));
    return x;
}
INLINE void store_vec(vec x, real *p) { memcpy(p, &x, sizeof(vec)); }
/* The first n numbers, 0 <= n <= LANES, by halves: a call of memcpy would take longer. */
#define BY_HALVES(n, copy) copy(n, 8) copy(n, 4) copy(n, 2) copy(n, 1)
#define COPY_PART(n, width)                                \
    if ((n) & (width)) {                                   \
        memcpy(to, from, (width) * sizeof(real));          \
        to += (width), from += (width);                    \
    }
INLINE vec load_few(const real *from, int64_t n) {
    vec x = {0};
    real *to = (real *)&x;
    if (n >= LANES) return load_vec(from);
    BY_HALVES(n, COPY_PART)
    return x;
}
INLINE void store_few(vec x, real *to, int64_t n) {
    const real *from = (const real *)&x;
    if (n >= LANES)
        store_vec(x, to);
    else {
        BY_HALVES(n, COPY_PART)
    }
}

#define EACH_SUM                            \
    UNROLL for (int r = 0; r < rows; r++)   \
        UNROLL for (int v = 0; v < vecs; v++)

INLINE void product_tile(const product *p, int64_t m, int64_t n, const int rows, const int vecs) {
    const int64_t down = p->down, along = p->along, B_row = p->B_row;
    const real *A = p->A + m * down, *B = p->B + n / PANEL * p->B_panel;
    vec sum[TILE_ROWS][TILE_VECS];
    EACH_SUM sum[r][v] = (vec){0};
    for (int64_t k = p->K; k > 0; k--, A += along, B += B_row) {
        vec b[TILE_VECS];
        UNROLL for (int v = 0; v < vecs; v++) b[v] = load_vec(B + v * LANES);
        UNROLL for (int r = 0; r < rows; r++) {
            const real a = A[r * down];
            UNROLL for (int v = 0; v < vecs; v++) sum[r][v] += a * b[v];
        }
    }
    real *C = p->C + m * p->C_row + n;
    const int64_t left = p->N - n;
    if (left >= vecs * LANES) {
        if (p->bias) EACH_SUM sum[r][v] += load_vec(p->bias + n + v * LANES);
        if (p->plus) {
            const real *plus = p->plus + m * p->plus_row + n;
            EACH_SUM sum[r][v] += load_vec(plus + r * p->plus_row + v * LANES);
        }
        if (p->relu) EACH_SUM sum[r][v] = at_least(sum[r][v], 0);
        if (p->where) {
            const real *where = p->where + m * p->where_row + n;
            EACH_SUM sum[r][v] = choose(load_vec(where + r * p->where_row + v * LANES) > 0,
                                        sum[r][v], (vec){0});
        }
        EACH_SUM store_vec(sum[r][v], C + r * p->C_row + v * LANES);
        return;
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vecs; v++) {
            const int64_t at = n + v * LANES, few = left - v * LANES;
            vec x = sum[r][v];
            if (p->bias) x += load_few(p->bias + at, few);
            if (p->plus) x += load_few(p->plus + (m + r) * p->plus_row + at, few);
            if (p->relu) x = at_least(x, 0);
            if (p->where)
                x = choose(load_few(p->where + (m + r) * p->where_row + at, few) > 0, x, (vec){0});
            store_few(x, C + r * p->C_row + v * LANES, few);
        }
}

INLINE void product_rows(const product *p, int64_t n, const int vecs) {
    int64_t m = 0;
    for (; m + TILE_ROWS <= p->M; m += TILE_ROWS) product_tile(p, m, n, TILE_ROWS, vecs);
    for (; m + 2 <= p->M; m += 2) product_tile(p, m, n, 2, vecs);
    for (; m < p->M; m++) product_tile(p, m, n, 1, vecs);
}
static __attribute__((noinline, unused)) void multiply(product p) {
    for (int64_t n = 0; n < p.N; n += PANEL)
        if (p.N - n > LANES)
            product_rows(&p, n, TILE_VECS);
        else
            product_rows(&p, n, 1);
}

/* Numbers of K rows of N columns once packed. */
INLINE int64_t packed_size(int64_t K, int64_t N) { return PANELS(N) * PANEL * K; }
/* B[k][n] = from[k down + n along] into panels. */
static __attribute__((noinline, unused)) void pack(real *restrict to, const real *restrict from,
                                                   int64_t down, int64_t along, int64_t K,
                                                   int64_t N) {
    for (int64_t n = 0; n < N; n += PANEL)
        for (int64_t k = 0; k < K; k++, to += PANEL) {
            const real *row = from + k * down + n * along;
            const int64_t count = N - n < PANEL ? N - n : PANEL;
            if (along == 1 && count == PANEL)
                memcpy(to, row, PANEL * sizeof(real));
            else
                for (int64_t i = 0; i < PANEL; i++) to[i] = i < count ? row[i * along] : 0;
        }
}
/* The panels of W [O][I], for dy W. */
INLINE void pack_weights(real *to, const real *W, int64_t O, int64_t I) { pack(to, W, I, 1, O, I); }
/* Of W [O][I], the panels of Wᵀ, for x Wᵀ: squares of numbers are transposed in registers. */
static __attribute__((noinline, unused)) void pack_transposed(real *restrict to,
                                                              const real *restrict W, int64_t O,
                                                              int64_t I) {
    const int64_t whole = I / LANES * LANES;
    for (int64_t o = 0; o < O; o += LANES) {
        real *column = to + o / PANEL * PANEL * I + o % PANEL;
        const int64_t count = O - o < LANES ? O - o : LANES;
        for (int64_t i = 0; i < whole; i += LANES) {
            vec x[LANES];
            UNROLL for (int l = 0; l < LANES; l++)
                x[l] = l < count ? load_vec(W + (o + l) * I + i) : (vec){0};
            transpose(x, LANES);
            UNROLL for (int l = 0; l < LANES; l++) store_vec(x[l], column + (i + l) * PANEL);
        }
        for (int64_t i = whole; i < I; i++)
            for (int64_t l = 0; l < LANES; l++)
                column[i * PANEL + l] = l < count ? W[(o + l) * I + i] : 0;
    }
    if (O % PANEL && O % PANEL <= LANES) /* the rest of the last panel */
        for (int64_t i = 0; i < I; i++)
            store_vec((vec){0}, to + O / PANEL * PANEL * I + i * PANEL + LANES);
}

/* sum[n] += Σ_k B[k][n], of K rows of N numbers. */
static __attribute__((noinline, unused)) void add_rows(real *restrict sum, const real *restrict B,
                                                       int64_t B_row, int64_t K, int64_t N) {
    int64_t n = 0;
    for (; n + 4 * LANES <= N; n += 4 * LANES) {
        vec x[4];
        UNROLL for (int i = 0; i < 4; i++) x[i] = load_vec(sum + n + i * LANES);
        for (int64_t k = 0; k < K; k++)
            UNROLL for (int i = 0; i < 4; i++) x[i] += load_vec(B + k * B_row + n + i * LANES);
        UNROLL for (int i = 0; i < 4; i++) store_vec(x[i], sum + n + i * LANES);
    }
    for (; n + LANES <= N; n += LANES) {
        vec x = load_vec(sum + n);
        for (int64_t k = 0; k < K; k++) x += load_vec(B + k * B_row + n);
        store_vec(x, sum + n);
    }
    for (; n < N; n++) { /* four sums side by side, so that none waits for another */
        real x[4] = {sum[n]};
        int64_t k = 0;
        for (; k + 4 <= K; k += 4)
            UNROLL for (int i = 0; i < 4; i++) x[i] += B[(k + i) * B_row + n];
        for (; k < K; k++) x[0] += B[k * B_row + n];
        sum[n] = (x[0] + x[1]) + (x[2] + x[3]);
    }
}

/* ---- rows of a layer: blocks for threads, each with gradients of its own, of tiles in cache ---- */

#define TILE 64 /* rows */

/* The first row of a block, or the number of rows for the block after the last. */
INLINE int64_t first_row(int64_t block, int64_t blocks, int64_t rows) {
    return block * rows / blocks;
}
/* Rows of the tile at `row` of a block that ends at `last`. */
INLINE int64_t tile_rows(int64_t row, int64_t last) { return last - row < TILE ? last - row : TILE; }
/* A gradient's memory in a block, `further` numbers after that in the first; NULL stays NULL. */
INLINE real *cleared(real *gradient, int64_t further, int64_t numbers) {
    return gradient ? memset(gradient + further, 0, (size_t)numbers * sizeof(real)) : NULL;
}
/* The rows of a tile as B of a product: with zeros after each unless they end with a vec. */
INLINE const real *whole_rows(real *restrict copy, const real *from, int64_t row, int64_t *B_row,
                              int64_t rows, int64_t N) {
    const int64_t whole = WHOLE(N);
    *B_row = row;
    if (whole == N) return from;
    *B_row = whole;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t n = 0; n < whole; n++) copy[r * whole + n] = n < N ? from[r * row + n] : 0;
    return copy;
}
/* Adds the numbers of every block to those of the first, in order: no bit depends on a thread. The
 * numbers are shared in `parts`. */
EXPORT int add_blocks(int64_t begin, int64_t end, int64_t parts, int64_t blocks, int64_t numbers,
                      real *sums) {
    const int64_t last = first_row(end, parts, numbers);
    for (int64_t i = first_row(begin, parts, numbers); i < last;) {
        const int64_t n = last - i < 2048 ? last - i : 2048; /* stay in cache */
        for (int64_t b = 1; b < blocks; b++) {
            const real *restrict from = sums + b * numbers + i;
            real *restrict to = sums + i;
            for (int64_t j = 0; j < n; j++) to[j] += from[j];
        }
        i += n;
    }
    return 0;
}
