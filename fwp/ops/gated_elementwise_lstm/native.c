/* Forward and backward of the e-LSTM's layer: products, recurrence and gates of some steps at once.
 *
 * GROUP sequences go through time together, as many steps at a time as make a tile of TILE_STEPS
 * rows, which stays in the first cache. Only the cells need one step after another. Units never
 * meet there, so lanes are neighbouring units, and what limits it is the latency of exponentials:
 * CHAINS of them run side by side.
 *
 * Back through a step, from the gradient dy of y = o c:
 *     da_o = dy c o (1 − o),  dc += dy o,  (dx; dc) += W_o^T da_o
 *     da_z = dc (1 − f) (1 − z²),   da_f = dc (c' − z) f (1 − f)
 *     dc'  = dc f + w_z da_z + w_f da_f,  dx += W_x^T (da_z; da_f)
 * Kept of a step: z, f, c, o [4][D]. A row xc holds x and c, a row zf what belongs to z and to f.
 */

#include "../../kernels/matmul.h"

#define SEQUENCES 16
#define GROUP 4
#define CHAINS 4
#define TILE_STEPS 64
#define EACH_CHAIN UNROLL for (int i = 0; i < chains; i++)

/* Steps t .. t + steps of sequences first .. first + count. */
typedef struct {
    int64_t first, count, t, steps, T;
} tile;
INLINE int64_t rows_in(tile at) { return at.count * at.steps; }
/* Row r belongs to this step of all sequences. */
INLINE int64_t step_of(tile at, int64_t r) {
    return (at.first + r / at.steps) * at.T + at.t + r % at.steps;
}
INLINE int64_t panels(int64_t n) { return (n + LANES - 1) / LANES; }
INLINE void copy_row(real *to, const real *from, int64_t n) {
    for (int64_t i = 0; i < n; i += LANES) store_few(load_few(from + i, n - i), to + i, n - i);
}
/* Calls f(CHAINS, q, ...) for chains q and after, f(1, q, ...) for what is left. */
#define BY_CHAINS(f, all, ...)                                              \
    do {                                                                    \
        int64_t q = 0;                                                      \
        for (; q + CHAINS <= (all); q += CHAINS) f(CHAINS, q, __VA_ARGS__); \
        for (; q < (all); q++) f(1, q, __VA_ARGS__);                        \
    } while (0)

/* Cells of the tile, from the sums of inputs zf; c [count][U] is that before, and that after. */
INLINE void cells_forward(const int chains, int64_t q, tile at, const real *zf, real *xc,
                          real *kept, const vec *w, vec *c_, int64_t D) {
    const int64_t U = panels(D), wide = WHOLE(2 * D);
    int64_t row[CHAINS], d[CHAINS];
    vec c[CHAINS], w_z[CHAINS], w_f[CHAINS];
    EACH_CHAIN {
        const int64_t g = (q + i) / U, u = (q + i) % U;
        row[i] = g * at.steps, d[i] = u * LANES;
        c[i] = c_[q + i], w_z[i] = w[u], w_f[i] = w[U + u];
    }
    for (int64_t s = 0; s < at.steps; s++)
        EACH_CHAIN {
            const int64_t r = row[i] + s, n = D - d[i];
            const real *sums = zf + r * wide + d[i];
            vec z = vtanh(load_few(sums, n) + w_z[i] * c[i]);
            vec f = vsigmoid(load_few(sums + D, n) + w_f[i] * c[i]);
            c[i] = f * c[i] + (1 - f) * z;
            store_few(c[i], xc + r * wide + D + d[i], n);
            if (!kept) continue;
            real *k = kept + step_of(at, r) * 4 * D + d[i];
            store_few(z, k, n);
            store_few(f, k + D, n);
            store_few(c[i], k + 2 * D, n);
        }
    EACH_CHAIN c_[q + i] = c[i];
}

/* kept [B, T, 4, D], or NULL if it is not wanted. */
EXPORT int forward(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t D, const real *x,
                   const real *w_x, const real *b_x, const real *w_z, const real *w_f,
                   const real *w_o, const real *b_o, const real *c_0, real *y, real *c_T,
                   real *kept) {
    const int64_t U = panels(D), wide = WHOLE(2 * D), most = TILE_STEPS;
    const int64_t packed = packed_size(D, 2 * D) + packed_size(2 * D, D);
    real *memory = (real *)workspace((packed + most * (2 * wide + WHOLE(D))) / LANES +
                                     (2 + GROUP) * U);
    if (!memory) return 1;
    real *W_x = memory, *W_o = W_x + packed_size(D, 2 * D), *xc = W_x + packed,
         *zf = xc + most * wide, *o_ = zf + most * wide;
    vec *w = (vec *)(o_ + most * WHOLE(D)), *c = w + 2 * U;
    unsigned mode = flush_denormals();
    pack_transposed(W_x, w_x, 2 * D, D);
    pack_transposed(W_o, w_o, D, 2 * D);
    for (int64_t u = 0; u < U; u++) {
        w[u] = load_few(w_z + u * LANES, D - u * LANES);
        w[U + u] = load_few(w_f + u * LANES, D - u * LANES);
    }
    const int64_t last = end * SEQUENCES < B ? end * SEQUENCES : B;
    for (int64_t first = begin * SEQUENCES; first < last; first += GROUP) {
        tile at = {first, last - first < GROUP ? last - first : GROUP, 0, 0, T};
        for (int64_t g = 0; g < at.count; g++)
            for (int64_t u = 0; u < U; u++)
                c[g * U + u] = load_few(c_0 + (first + g) * D + u * LANES, D - u * LANES);
        for (; at.t < T; at.t += at.steps) {
            const int64_t steps = TILE_STEPS / at.count;
            at.steps = T - at.t < steps ? T - at.t : steps;
            const int64_t rows = rows_in(at);
            for (int64_t r = 0; r < rows; r++) copy_row(xc + r * wide, x + step_of(at, r) * D, D);
            multiply((product){.C = zf, .C_row = wide, .A = xc, .down = wide, .along = 1, .B = W_x,
                               .B_row = PANEL, .B_panel = PANEL * D, .M = rows, .N = 2 * D, .K = D,
                               .bias = b_x});
            BY_CHAINS(cells_forward, at.count * U, at, zf, xc, kept, w, c, D);
            multiply((product){.C = o_, .C_row = WHOLE(D), .A = xc, .down = wide, .along = 1,
                               .B = W_o, .B_row = PANEL, .B_panel = PANEL * 2 * D, .M = rows,
                               .N = D, .K = 2 * D, .bias = b_o});
            for (int64_t r = 0; r < rows; r++)
                for (int64_t d = 0; d < D; d += LANES) {
                    const int64_t step = step_of(at, r);
                    vec o = vsigmoid(load_few(o_ + r * WHOLE(D) + d, D - d));
                    store_few(o * load_few(xc + r * wide + D + d, D - d), y + step * D + d, D - d);
                    if (kept) store_few(o, kept + (step * 4 + 3) * D + d, D - d);
                }
        }
        for (int64_t g = 0; g < at.count; g++)
            for (int64_t u = 0; u < U; u++)
                store_few(c[g * U + u], c_T + (first + g) * D + u * LANES, D - u * LANES);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

/* From dc_, the gradient of c by what is later, and dxc, that by the output gate, to zf, the
 * gradients of sums of inputs. Adds those of w_z and w_f to dw [2][U]. */
INLINE void cells_backward(const int chains, int64_t q, tile at, const real *kept, const real *c_0,
                           const real *dxc, real *zf, const vec *w, vec *dw, vec *dc_,
                           int64_t D) {
    const int64_t U = panels(D), wide = WHOLE(2 * D);
    int64_t row[CHAINS], d[CHAINS];
    vec dc[CHAINS], w_z[CHAINS], w_f[CHAINS], sum_z[CHAINS], sum_f[CHAINS];
    EACH_CHAIN {
        const int64_t g = (q + i) / U, u = (q + i) % U;
        row[i] = g * at.steps, d[i] = u * LANES;
        dc[i] = dc_[q + i], w_z[i] = w[u], w_f[i] = w[U + u];
        sum_z[i] = sum_f[i] = (vec){0};
    }
    for (int64_t s = at.steps - 1; s >= 0; s--)
        EACH_CHAIN {
            const int64_t r = row[i] + s, n = D - d[i], step = step_of(at, r);
            const real *k = kept + step * 4 * D + d[i];
            vec z = load_few(k, n), f = load_few(k + D, n);
            vec c = at.t + s ? load_few(k - 2 * D, n)
                             : load_few(c_0 + step / at.T * D + d[i], n);
            dc[i] += load_few(dxc + r * wide + D + d[i], n);
            vec dz = dc[i] * ((1 - f) * (1 - z * z));
            vec df = dc[i] * ((c - z) * f * (1 - f));
            dc[i] = dc[i] * f + w_z[i] * dz + w_f[i] * df;
            sum_z[i] += c * dz;
            sum_f[i] += c * df;
            store_few(dz, zf + r * wide + d[i], n);
            store_few(df, zf + r * wide + D + d[i], n);
        }
    EACH_CHAIN {
        const int64_t u = (q + i) % U;
        dc_[q + i] = dc[i];
        dw[u] += sum_z[i];
        dw[U + u] += sum_f[i];
    }
}

/* The gradients of weights are those of the first block; the next block's follow at `stride`. */
EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t D, const real *x,
                    const real *w_x, const real *w_z, const real *w_f, const real *w_o,
                    const real *c_0, const real *kept, const real *dy, const real *dc_T, real *dx,
                    real *dc_0, int64_t stride, real *dw_x_, real *db_x_, real *dw_z_, real *dw_f_,
                    real *dw_o_, real *db_o_) {
    const int64_t U = panels(D), wide = WHOLE(2 * D), most = TILE_STEPS;
    const int64_t packed = packed_size(D, 2 * D) + packed_size(2 * D, D);
    real *memory = (real *)workspace((packed + most * (3 * wide + WHOLE(D))) / LANES +
                                     (4 + GROUP) * U);
    if (!memory) return 1;
    real *W_o = memory, *W_x = W_o + packed_size(D, 2 * D), *xc = W_o + packed,
         *zf = xc + most * wide, *dxc = zf + most * wide, *o_ = dxc + most * wide;
    vec *w = (vec *)(o_ + most * WHOLE(D)), *dw = w + 2 * U, *dc = dw + 2 * U;
    unsigned mode = flush_denormals();
    pack_weights(W_o, w_o, D, 2 * D);
    pack_weights(W_x, w_x, 2 * D, D);
    for (int64_t u = 0; u < U; u++) {
        w[u] = load_few(w_z + u * LANES, D - u * LANES);
        w[U + u] = load_few(w_f + u * LANES, D - u * LANES);
    }
    for (int64_t n = begin; n < end; n++) {
        real *dw_x = dw_x_ + n * stride, *db_x = db_x_ + n * stride, *dw_o = dw_o_ + n * stride,
             *db_o = db_o_ + n * stride;
        memset(dw_x, 0, (size_t)(2 * D * D) * sizeof(real));
        memset(dw_o, 0, (size_t)(2 * D * D) * sizeof(real));
        memset(db_x, 0, (size_t)(2 * D) * sizeof(real));
        memset(db_o, 0, (size_t)D * sizeof(real));
        clear(dw, (int)(2 * U));
        const int64_t last = (n + 1) * SEQUENCES < B ? (n + 1) * SEQUENCES : B;
        for (int64_t first = n * SEQUENCES; first < last; first += GROUP) {
            tile at = {first, last - first < GROUP ? last - first : GROUP, T, 0, T};
            clear(dc, (int)(GROUP * U));
            for (int64_t g = 0; dc_T && g < at.count; g++)
                for (int64_t u = 0; u < U; u++)
                    dc[g * U + u] = load_few(dc_T + (first + g) * D + u * LANES, D - u * LANES);
            while (at.t > 0) {
                const int64_t steps = TILE_STEPS / at.count;
                at.steps = at.t < steps ? at.t : steps;
                at.t -= at.steps;
                const int64_t rows = rows_in(at);
                for (int64_t r = 0; r < rows; r++) {
                    const int64_t step = step_of(at, r);
                    copy_row(xc + r * wide, x + step * D, D);
                    for (int64_t d = 0; d < D; d += LANES) {
                        const real *k = kept + (step * 4 + 2) * D + d;
                        vec c = load_few(k, D - d), o = load_few(k + D, D - d), g = {0};
                        if (dy) g = load_few(dy + step * D + d, D - d);
                        store_few(c, xc + r * wide + D + d, D - d);
                        store_few(g * c * o * (1 - o), o_ + r * WHOLE(D) + d, D - d);
                        store_few(g * o, zf + r * wide + d, D - d);
                    }
                }
                multiply((product){.C = dxc, .C_row = wide, .A = o_, .down = WHOLE(D), .along = 1,
                                   .B = W_o, .B_row = PANEL, .B_panel = PANEL * D, .M = rows,
                                   .N = 2 * D, .K = D});
                multiply((product){.C = dw_o, .C_row = 2 * D, .A = o_, .down = 1,
                                   .along = WHOLE(D), .B = xc, .B_row = wide, .B_panel = PANEL,
                                   .M = D, .N = 2 * D, .K = rows, .plus = dw_o,
                                   .plus_row = 2 * D});
                add_rows(db_o, o_, WHOLE(D), rows, D);
                for (int64_t r = 0; r < rows; r++)
                    for (int64_t d = 0; d < D; d += LANES) {
                        real *dc_r = dxc + r * wide + D + d;
                        store_few(load_few(dc_r, D - d) + load_few(zf + r * wide + d, D - d), dc_r,
                                  D - d);
                    }
                BY_CHAINS(cells_backward, at.count * U, at, kept, c_0, dxc, zf, w, dw, dc, D);
                for (int64_t g = 0; dx && g < at.count; g++) {
                    const int64_t r = g * at.steps;
                    multiply((product){.C = dx + step_of(at, r) * D, .C_row = D,
                                       .A = zf + r * wide, .down = wide, .along = 1, .B = W_x,
                                       .B_row = PANEL, .B_panel = PANEL * 2 * D, .M = at.steps,
                                       .N = D, .K = 2 * D, .plus = dxc + r * wide,
                                       .plus_row = wide});
                }
                multiply((product){.C = dw_x, .C_row = D, .A = zf, .down = 1, .along = wide,
                                   .B = xc, .B_row = wide, .B_panel = PANEL, .M = 2 * D, .N = D,
                                   .K = rows, .plus = dw_x, .plus_row = D});
                add_rows(db_x, zf, wide, rows, 2 * D);
            }
            for (int64_t g = 0; dc_0 && g < at.count; g++)
                for (int64_t u = 0; u < U; u++)
                    store_few(dc[g * U + u], dc_0 + (first + g) * D + u * LANES, D - u * LANES);
        }
        for (int64_t u = 0; u < U; u++) {
            store_few(dw[u], dw_z_ + n * stride + u * LANES, D - u * LANES);
            store_few(dw[U + u], dw_f_ + n * stride + u * LANES, D - u * LANES);
        }
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
