/* Forward and backward of the LSTM through time, a block of SEQUENCES at a time.
 *
 * Lanes are neighbouring units, for 4 D gates fill registers where few sequences do not. Units come
 * in panels of LANES. A tile holds the four gates of a panel for ROWS sequences in registers: it
 * takes the products with x_t and h_{t-1}, then the activations, so that no sum of inputs is ever
 * stored. Weights are packed once, and stay in cache while time passes.
 *
 * Back through a step, from the gradients dh of h_t and dc of c_t:
 *     do = dh tanh(c) o (1 − o),   dc += dh o (1 − tanh²(c)),   di = dc g i (1 − i),
 *     df = dc c' f (1 − f),        dg = dc i (1 − g²),          dc' = dc f
 *     dh' = R^T da,  dx = W^T da,  dR += da ⊗ h',  dW += da ⊗ x,  db += da,   da = (di, df, dg, do)
 * The sums over time are products of some steps of all sequences, while those are in cache.
 *
 * Kept of a step and panel: i, f, g, o, c and tanh(c). A row of weights that is read backwards, of
 * inputs and of gradients to both has first its part for h in whole panels, then its part for x.
 */

#include "../../kernels/native.h"

#define SEQUENCES 16
#define STEPS 4 /* of time in a product for the gradients of weights */
#define KEPT 6
#if defined(__AVX512F__) || defined(__aarch64__)
#define ROWS 4 /* with four vecs each, they leave half of the 32 registers to operands */
#else
#define ROWS 2
#endif
#define EACH_ROW UNROLL for (int r = 0; r < ROWS; r++)
#define EACH_GATE UNROLL for (int g = 0; g < 4; g++)

/* x in a register: GCC would rather load it again for every row, and loads are what limits it. */
INLINE vec held(vec x) {
#if defined(__AVX512F__)
    __asm__("" : "+v"(x));
#elif defined(__SSE__)
    __asm__("" : "+x"(x));
#elif defined(__aarch64__)
    __asm__("" : "+w"(x));
#endif
    return x;
}

INLINE int64_t panels(int64_t n) { return (n + LANES - 1) / LANES; }

/* Sequences first .. first + count of the batch, computed as `rows`, whole tiles. */
typedef struct {
    int64_t first, count, rows;
} block;
INLINE block block_of(int64_t n, int64_t B) {
    const int64_t first = n * SEQUENCES, left = B - first;
    const int64_t count = left < SEQUENCES ? left : SEQUENCES;
    return (block){first, count, (count + ROWS - 1) / ROWS * ROWS};
}

/* n numbers to whole panels, zeros after them, and back. (A call of memcpy takes longer.) */
INLINE void load_panels(vec *to, const real *from, int64_t n) {
    for (int64_t u = 0; u < panels(n); u++) to[u] = load_some(from + u * LANES, n - u * LANES);
}
INLINE void store_panels(const vec *from, real *to, int64_t n) {
    for (int64_t u = 0; u < panels(n); u++) store_some(from[u], to + u * LANES, n - u * LANES);
}

/* A state of the block's sequences, `stride` vecs apart; zeros if it is not given. */
INLINE void load_state(vec *to, int64_t stride, tensor from, block at, int64_t D) {
    for (int64_t r = 0; r < at.rows; r++)
        if (from.data && r < at.count)
            load_panels(to + r * stride, from.data + (at.first + r) * from.batch, D);
        else
            clear(to + r * stride, (int)panels(D));
}
INLINE void store_state(const vec *from, int64_t stride, real *to, block at, int64_t D) {
    for (int64_t r = 0; to && r < at.count; r++)
        store_panels(from + r * stride, to + (at.first + r) * D, D);
}
INLINE vec *kept_of(const vec *kept, block at, int64_t t, int64_t row, int64_t T, int64_t U) {
    return (vec *)kept + (at.first * T + t * at.count + row) * U * KEPT;
}

/* ---- forward -------------------------------------------------------------------------------- */

/* From w [4, D, K], K columns from `begin` on of W [U][I + D][4], a vec of units each. */
INLINE void pack_forward(vec *W, const real *w, int64_t begin, int64_t K, int64_t all, int64_t D,
                         vec *scratch) {
    for (int64_t u = 0; u < panels(D); u++)
        for (int64_t g = 0; g < 4; g++) {
            rows p = {.time = 0};
            for (int64_t l = 0; l < LANES; l++)
                p.row[l] = u * LANES + l < D ? (real *)w + (g * D + u * LANES + l) * K : NULL;
            load(scratch, &p, 0, (int)K);
            for (int64_t k = 0; k < K; k++) W[(u * all + begin + k) * 4 + g] = scratch[k];
        }
}

/* The gates of a panel += W x, for ROWS sequences. */
INLINE void add_inputs(vec (*gates)[4], const vec *restrict W, const real *const *x, int64_t n) {
    for (int64_t k = 0; k < n; k++) {
        vec w[4];
        EACH_GATE w[g] = held(W[k * 4 + g]);
        EACH_ROW {
            const vec xk = fill(x[r][k]);
            EACH_GATE gates[r][g] += w[g] * xk;
        }
    }
}

EXPORT int forward(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t I, int64_t D,
                   tensor x_, const real *w_x, const real *w_h, const real *b, tensor h_0,
                   tensor c_0, tensor y_, real *h_T, real *c_T, vec *kept) {
    const int64_t U = panels(D), all = I + D, longest = I > D ? I : D;
    vec *memory = workspace(U * all * 4 + U * 4 + longest + 1 + 3 * SEQUENCES * U);
    if (!memory) return 1;
    vec *W = memory, *bias = W + U * all * 4, *zeros = bias + U * 4, *h = zeros + longest + 1,
        *h_new = h + SEQUENCES * U, *c = h_new + SEQUENCES * U;
    unsigned mode = flush_denormals();
    pack_forward(W, w_x, 0, I, all, D, zeros);
    pack_forward(W, w_h, I, D, all, D, zeros);
    for (int64_t u = 0; u < U; u++)
        EACH_GATE bias[u * 4 + g] = load_some(b + g * D + u * LANES, D - u * LANES);
    clear(zeros, (int)(longest + 1));

    for (int64_t n = begin; n < end; n++) {
        const block at = block_of(n, B);
        load_state(h, U, h_0, at, D);
        load_state(c, U, c_0, at, D);
        for (int64_t t = 0; t < T; t++) {
            for (int64_t u = 0; u < U; u++)
                for (int64_t first = 0; first < at.rows; first += ROWS) {
                    const real *x_rows[ROWS], *h_rows[ROWS];
                    vec a[ROWS][4];
                    EACH_ROW {
                        const int64_t row = first + r, sequence = at.first + row;
                        x_rows[r] = row < at.count ? x_.data + sequence * x_.batch + t * x_.time
                                                   : (const real *)zeros;
                        h_rows[r] = (const real *)(h + row * U);
                        EACH_GATE a[r][g] = bias[u * 4 + g];
                    }
                    add_inputs(a, W + u * all * 4, x_rows, I);
                    add_inputs(a, W + (u * all + I) * 4, h_rows, D);
                    EACH_ROW {
                        const int64_t row = first + r, sequence = at.first + row;
                        vec i = vsigmoid(a[r][0]), f = vsigmoid(a[r][1]), g = vtanh(a[r][2]),
                            o = vsigmoid(a[r][3]);
                        vec cell = f * c[row * U + u] + i * g, read = vtanh(cell), y = o * read;
                        c[row * U + u] = cell;
                        h_new[row * U + u] = y;
                        if (row >= at.count) continue;
                        store_some(y, y_.data + sequence * y_.batch + t * y_.time + u * LANES,
                                   D - u * LANES);
                        if (!kept) continue;
                        vec *k = kept_of(kept, at, t, row, T, U) + u * KEPT;
                        k[0] = i, k[1] = f, k[2] = g, k[3] = o, k[4] = cell, k[5] = read;
                    }
                }
            vec *old = h;
            h = h_new, h_new = old;
        }
        store_state(h, U, h_T, at, D);
        store_state(c, U, c_T, at, D);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

/* ---- backward ------------------------------------------------------------------------------- */

/* out[r] (+)= Σ_k a_rk W[k], `width` vecs from column `at` on. Entry a_rk is a[r row + k step]. */
INLINE void product_tile(const int64_t at, const int width, const int add, vec *restrict out,
                         const real *restrict a, int64_t row, int64_t step,
                         const vec *restrict W, int64_t V, int64_t n) {
    vec sum[ROWS][4];
    out += at, W += at;
    EACH_ROW UNROLL for (int w = 0; w < width; w++) sum[r][w] = add ? out[r * V + w] : (vec){0};
    for (int64_t k = 0; k < n; k++) {
        vec x[4];
        UNROLL for (int w = 0; w < width; w++) x[w] = held(W[k * V + w]);
        EACH_ROW {
            const vec ak = fill(a[r * row + k * step]);
            UNROLL for (int w = 0; w < width; w++) sum[r][w] += x[w] * ak;
        }
    }
    EACH_ROW UNROLL for (int w = 0; w < width; w++) out[r * V + w] = sum[r][w];
}
INLINE void product(const int add, vec *out, const real *a, int64_t row, int64_t step,
                    const vec *W, int64_t V, int64_t n) {
    int64_t at = 0;
    for (; at + 4 <= V; at += 4) product_tile(at, 4, add, out, a, row, step, W, V, n);
    for (; at + 2 <= V; at += 2) product_tile(at, 2, add, out, a, row, step, W, V, n);
    for (; at < V; at++) product_tile(at, 1, add, out, a, row, step, W, V, n);
}

/* A row of w [4, D, K] for every gate in the order of da, [U][4][LANES], at `begin` of V vecs. */
#define EACH_GATE_ROW(D)                                \
    for (int64_t j = 0; j < panels(D) * 4 * LANES; j++) \
        for (int64_t g = j / LANES % 4, d = j / LANES / 4 * LANES + j % LANES; d < (D); d = (D))
INLINE void pack_backward(vec *W, const real *w, int64_t V, int64_t K, int64_t D) {
    EACH_GATE_ROW(D) memcpy(W + j * V, w + (g * D + d) * K, (size_t)K * sizeof(real));
}
INLINE void unpack(const vec *W, real *w, int64_t V, int64_t K, int64_t D) {
    EACH_GATE_ROW(D) memcpy(w + (g * D + d) * K, W + j * V, (size_t)K * sizeof(real));
}

/* sums [blocks][4 D (I + D + 1)]: the gradients of w_x, w_h and b, for every block its own. */
EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t I, int64_t D,
                    tensor x_, const real *w_x, const real *w_h, tensor h_0, tensor c_0, tensor y_,
                    const vec *kept, tensor dy_, tensor dh_T, tensor dc_T, tensor dx_, real *dh_0,
                    real *dc_0, real *sums) {
    const int64_t U = panels(D), V = U + panels(I), gates = U * 4, J = gates * LANES;
    const int64_t most = STEPS * SEQUENCES;
    vec *memory = workspace(2 * J * V + gates + SEQUENCES * (2 * U + V) + most * (gates + V));
    if (!memory) return 1;
    vec *W = memory, *dW = W + J * V, *db = dW + J * V, *dc = db + gates, *c_first = dc + SEQUENCES * U,
        *d_in = c_first + SEQUENCES * U, *da = d_in + SEQUENCES * V, *in = da + most * gates;
    unsigned mode = flush_denormals();
    clear(W, (int)(J * V));
    pack_backward(W, w_h, V, D, D);
    pack_backward(W + U, w_x, V, I, D);

    for (int64_t n = begin; n < end; n++) {
        const block at = block_of(n, B);
        clear(dW, (int)(J * V + gates));
        clear(da, (int)(most * (gates + V)));
        load_state(dc, U, dc_T, at, D);
        load_state(c_first, U, c_0, at, D);
        load_state(d_in, V, dh_T, at, D);
        int64_t rows = 0; /* of da and in that wait for the products over time */
        for (int64_t t = T - 1; t >= 0; t--) {
            vec *da_t = da + rows * gates, *in_t = in + rows * V;
            if (!t) load_state(in_t, V, h_0, at, D);
            for (int64_t r = 0; r < at.count; r++) {
                const int64_t sequence = at.first + r;
                const vec *k = kept_of(kept, at, t, r, T, U);
                if (t >= 3) {
                    for (int64_t u = 0; u < U; u++) {
                        __builtin_prefetch(dy_.data + sequence * dy_.batch + (t - 2) * dy_.time + u * LANES);
                        __builtin_prefetch(y_.data + sequence * y_.batch + (t - 3) * y_.time + u * LANES);
                    }
                    for (int64_t u = 0; u < V - U; u++)
                        __builtin_prefetch(x_.data + sequence * x_.batch + (t - 2) * x_.time + u * LANES);
                    for (int64_t u = 0; u < U * KEPT; u++)
                        __builtin_prefetch(kept_of(kept, at, t - 1, r, T, U) + u);
                }
                if (t)
                    load_panels(in_t + r * V, y_.data + sequence * y_.batch + (t - 1) * y_.time, D);
                load_panels(in_t + r * V + U, x_.data + sequence * x_.batch + t * x_.time, I);
                for (int64_t u = 0; u < U; u++, k += KEPT) {
                    vec i = k[0], f = k[1], g = k[2], o = k[3], read = k[5];
                    vec c = t ? k[4 - at.count * U * KEPT] : c_first[r * U + u];
                    vec dh = d_in[r * V + u];
                    if (dy_.data)
                        dh += load_some(dy_.data + sequence * dy_.batch + t * dy_.time + u * LANES,
                                        D - u * LANES);
                    vec d = dc[r * U + u] + dh * o * (1 - read * read), *out = da_t + (r * U + u) * 4;
                    out[0] = d * g * i * (1 - i);
                    out[1] = d * c * f * (1 - f);
                    out[2] = d * i * (1 - g * g);
                    out[3] = dh * read * o * (1 - o);
                    dc[r * U + u] = d * f;
                }
            }
            for (int64_t r = 0; r < at.rows; r += ROWS)
                product(0, d_in + r * V, (const real *)(da_t + r * gates), J, 1, W, V, J);
            for (int64_t r = 0; dx_.data && r < at.count; r++)
                store_panels(d_in + r * V + U,
                             dx_.data + (at.first + r) * dx_.batch + t * dx_.time, I);
            rows += at.rows;
            if (t && rows + at.rows <= most) continue;
            for (int64_t j = 0; j < J; j += ROWS)
                product(1, dW + j * V, (const real *)da + j, 1, J, in, V, rows);
            for (int64_t r = 0; r < rows; r++)
                for (int64_t j = 0; j < gates; j++) db[j] += da[r * gates + j];
            rows = 0;
        }
        store_state(d_in, V, dh_0, at, D);
        store_state(dc, U, dc_0, at, D);
        real *sum = sums + n * 4 * D * (I + D + 1);
        unpack(dW + U, sum, V, I, D);
        unpack(dW, sum + 4 * D * I, V, D, D);
        EACH_GATE_ROW(D) sum[4 * D * (I + D) + g * D + d] = ((real *)db)[j];
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
