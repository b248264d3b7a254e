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
 * Kept of a step and panel: i, f, g, o, c and tanh(c).
 */

#include "../../kernels/matmul.h"

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
    for (int64_t u = 0; u < panels(n); u++) to[u] = load_few(from + u * LANES, n - u * LANES);
}
INLINE void store_panels(const vec *from, real *to, int64_t n) {
    for (int64_t u = 0; u < panels(n); u++) store_few(from[u], to + u * LANES, n - u * LANES);
}

/* A state of the block's sequences in whole panels; zeros if it is not given. */
INLINE void load_state(vec *to, const real *from, block at, int64_t D) {
    for (int64_t r = 0; r < at.count; r++)
        if (from)
            load_panels(to + r * panels(D), from + (at.first + r) * D, D);
        else
            clear(to + r * panels(D), (int)panels(D));
}
INLINE void store_state(const vec *from, real *to, block at, int64_t D) {
    for (int64_t r = 0; to && r < at.count; r++)
        store_panels(from + r * panels(D), to + (at.first + r) * D, D);
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
                   const real *x, const real *w_x, const real *w_h, const real *b,
                   const real *h_0, const real *c_0, real *y, real *h_T, real *c_T, vec *kept) {
    const int64_t U = panels(D), all = I + D, longest = I > D ? I : D;
    vec *memory = workspace(U * all * 4 + U * 4 + longest + 1 + 3 * SEQUENCES * U);
    if (!memory) return 1;
    vec *W = memory, *bias = W + U * all * 4, *zeros = bias + U * 4, *h = zeros + longest + 1,
        *h_new = h + SEQUENCES * U, *c = h_new + SEQUENCES * U;
    unsigned mode = flush_denormals();
    pack_forward(W, w_x, 0, I, all, D, zeros);
    pack_forward(W, w_h, I, D, all, D, zeros);
    for (int64_t u = 0; u < U; u++)
        EACH_GATE bias[u * 4 + g] = load_few(b + g * D + u * LANES, D - u * LANES);
    clear(zeros, (int)(longest + 1 + 3 * SEQUENCES * U)); /* and the idle rows of h and c */

    for (int64_t n = begin; n < end; n++) {
        const block at = block_of(n, B);
        load_state(h, h_0, at, D);
        load_state(c, c_0, at, D);
        for (int64_t t = 0; t < T; t++) {
            for (int64_t u = 0; u < U; u++)
                for (int64_t first = 0; first < at.rows; first += ROWS) {
                    const real *x_rows[ROWS], *h_rows[ROWS];
                    vec a[ROWS][4];
                    EACH_ROW {
                        const int64_t row = first + r, sequence = at.first + row;
                        x_rows[r] = (const real *)zeros;
                        if (row < at.count) x_rows[r] = x + (sequence * T + t) * I;
                        h_rows[r] = (const real *)(h + row * U);
                        EACH_GATE a[r][g] = bias[u * 4 + g];
                    }
                    add_inputs(a, W + u * all * 4, x_rows, I);
                    add_inputs(a, W + (u * all + I) * 4, h_rows, D);
                    EACH_ROW {
                        const int64_t row = first + r, sequence = at.first + row;
                        vec i = vsigmoid(a[r][0]), f = vsigmoid(a[r][1]), g = vtanh(a[r][2]),
                            o = vsigmoid(a[r][3]);
                        vec cell = f * c[row * U + u] + i * g, read = vtanh(cell), out = o * read;
                        c[row * U + u] = cell;
                        h_new[row * U + u] = out;
                        if (row >= at.count) continue;
                        store_few(out, y + (sequence * T + t) * D + u * LANES, D - u * LANES);
                        if (!kept) continue;
                        vec *k = kept_of(kept, at, t, row, T, U) + u * KEPT;
                        k[0] = i, k[1] = f, k[2] = g, k[3] = o, k[4] = cell, k[5] = read;
                    }
                }
            vec *old = h;
            h = h_new, h_new = old;
        }
        store_state(h, h_T, at, D);
        store_state(c, c_T, at, D);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

/* ---- backward ------------------------------------------------------------------------------- */

/* Asks for n numbers that will be read soon: steps of many sequences are no stream. */
INLINE void fetch(const real *p, int64_t n) {
    for (int64_t i = 0; i < n; i += 64 / (int64_t)sizeof(real)) __builtin_prefetch(p + i);
}
/* From the gradients of h_t, in two parts, and of c_t: da [4][D], and in place that of c_{t-1},
 * whose panels are `apart`. */
INLINE void gates_backward(const vec *kept, const vec *c, int64_t apart, const real *dh_next,
                           const real *dy, vec *dc, real *da, int64_t D) {
    for (int64_t u = 0; u < panels(D); u++, kept += KEPT) {
        const int64_t d = u * LANES, n = D - d;
        vec i = kept[0], f = kept[1], g = kept[2], o = kept[3], read = kept[5];
        vec dh = load_few(dh_next + d, n);
        if (dy) dh += load_few(dy + d, n);
        vec sum = dc[u] + dh * o * (1 - read * read);
        store_few(sum * g * i * (1 - i), da + d, n);
        store_few(sum * c[u * apart] * f * (1 - f), da + D + d, n);
        store_few(sum * i * (1 - g * g), da + 2 * D + d, n);
        store_few(dh * read * o * (1 - o), da + 3 * D + d, n);
        dc[u] = sum * f;
    }
}

/* The gradients of weights are those of the first block; the next block's follow at `stride`. */
EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t I, int64_t D,
                    const real *x, const real *w_x, const real *w_h, const real *h_0,
                    const real *c_0, const real *y, const vec *kept, const real *dy,
                    const real *dh_T, const real *dc_T, real *dx, real *dh_0, real *dc_0,
                    int64_t stride, real *dw_x_, real *dw_h_, real *db_) {
    const int64_t U = panels(D), H = WHOLE(D), X = WHOLE(I), J = 4 * D, most = STEPS * SEQUENCES;
    const int64_t packed_h = packed_size(J, D), packed_x = packed_size(J, I);
    vec *memory = workspace((packed_h + packed_x + most * (WHOLE(J) + H + X)) / LANES +
                            SEQUENCES * 3 * U);
    if (!memory) return 1;
    vec *c_first = memory, *dc = c_first + SEQUENCES * U, *dh = dc + SEQUENCES * U;
    real *R = (real *)(dh + SEQUENCES * U), *W = R + packed_h, *hs = W + packed_x,
         *xs = hs + most * H, *da = xs + most * X;
    unsigned mode = flush_denormals();
    pack_weights(R, w_h, J, D);
    pack_weights(W, w_x, J, I);

    for (int64_t n = begin; n < end; n++) {
        const block at = block_of(n, B);
        real *dw_x = dw_x_ + n * stride, *dw_h = dw_h_ + n * stride, *db = db_ + n * stride;
        memset(dw_x, 0, (size_t)(J * I) * sizeof(real));
        memset(dw_h, 0, (size_t)(J * D) * sizeof(real));
        memset(db, 0, (size_t)J * sizeof(real));
        load_state(c_first, c_0, at, D);
        load_state(dc, dc_T, at, D);
        load_state(dh, dh_T, at, D);
        int64_t rows = 0; /* of hs, xs and da that wait for the products over time */
        for (int64_t t = T - 1; t >= 0; t--) {
            real *da_t = da + rows * J;
            if (!t) load_state((vec *)(hs + rows * H), h_0, at, D);
            for (int64_t r = 0; r < at.count; r++) {
                const int64_t step = (at.first + r) * T + t;
                const vec *k = kept_of(kept, at, t, r, T, U);
                if (t > 2) {
                    fetch((const real *)kept_of(kept, at, t - 1, r, T, U), U * KEPT * LANES);
                    fetch(y + (step - 3) * D, D);
                    fetch(x + (step - 2) * I, I);
                    if (dy) fetch(dy + (step - 2) * D, D);
                }
                if (t) load_panels((vec *)(hs + (rows + r) * H), y + (step - 1) * D, D);
                load_panels((vec *)(xs + (rows + r) * X), x + step * I, I);
                gates_backward(k, t ? k + 4 - at.count * U * KEPT : c_first + r * U, t ? KEPT : 1,
                               (real *)(dh + r * U), dy ? dy + step * D : NULL, dc + r * U,
                               da_t + r * J, D);
            }
            product back = {.A = da_t, .down = J, .along = 1, .B_row = PANEL,
                            .B_panel = PANEL * J, .M = at.count, .K = J};
            back.C = (real *)dh, back.C_row = H, back.B = R, back.N = D;
            multiply(back);
            if (dx) {
                back.C = dx + (at.first * T + t) * I, back.C_row = T * I, back.B = W, back.N = I;
                multiply(back);
            }
            rows += at.count;
            if (t && rows + at.count <= most) continue;
            product sum = {.A = da, .down = 1, .along = J, .B_panel = PANEL, .M = J, .K = rows};
            sum.C = dw_h, sum.plus = dw_h, sum.C_row = sum.plus_row = D, sum.B = hs, sum.B_row = H;
            sum.N = D;
            multiply(sum);
            sum.C = dw_x, sum.plus = dw_x, sum.C_row = sum.plus_row = I, sum.B = xs, sum.B_row = X;
            sum.N = I;
            multiply(sum);
            add_rows(db, da, J, rows, J);
            rows = 0;
        }
        store_state(dh, dh_0, at, D);
        store_state(dc, dc_0, at, D);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
