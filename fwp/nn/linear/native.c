/* Linear layers: y = x Wᵀ + b, and dx = dy W, dW = dyᵀ x, db = Σ dy: in one pass over the rows, or in
 * two, the second of which threads share by outputs. Both add up the same numbers in one order. */

#include "../../kernels/matmul.h"

/* Outputs that are too few to fill half a vec: a vec holds LANES rows instead. */
static __attribute__((noinline)) void narrow(const real *x, int64_t x_row, int64_t count, int64_t I,
                                             int64_t outputs, const real *W, const real *b,
                                             real *y, int64_t y_row, vec *space) {
    vec *out = space + I;
    for (int64_t r = 0; r < count; r += LANES) {
        rows from = {.time = 0}, to = {.time = 0};
        for (int l = 0; l < LANES && r + l < count; l++) {
            from.row[l] = (real *)x + (r + l) * x_row;
            to.row[l] = y + (r + l) * y_row;
        }
        load(space, &from, 0, (int)I);
        for (int64_t o = 0; o < outputs; o++) {
            vec sum[4] = {fill(b ? b[o] : 0)};
            int64_t i = 0;
            for (; i + 4 <= I; i += 4)
                UNROLL for (int j = 0; j < 4; j++) sum[j] += space[i + j] * W[o * I + i + j];
            for (; i < I; i++) sum[0] += space[i] * W[o * I + i];
            out[o] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
        }
        store(out, &to, 0, (int)outputs);
    }
}

/* x [count][I] and y [count][O], their rows `x_row` and O numbers apart; W [O][I]; b [O] or NULL. */
EXPORT int forward(int64_t begin, int64_t end, int64_t blocks, int64_t count, int64_t I, int64_t O,
                   const real *x, int64_t x_row, const real *W, const real *b, real *y) {
    const int64_t last = first_row(end, blocks, count);
    const int64_t few = O % LANES <= LANES / 2 ? O % LANES : 0, many = O - few;
    vec *space = workspace(packed_size(I, many) / LANES + I + LANES);
    if (!space) return 1;
    unsigned mode = flush_denormals();
    real *weights = (real *)(space + I + LANES);
    pack_transposed(weights, W, many, I);
    for (int64_t r = first_row(begin, blocks, count); r < last; r += TILE) {
        const int64_t n = tile_rows(r, last);
        multiply((product){.C = y + r * O, .C_row = O, .A = x + r * x_row, .down = x_row,
                           .along = 1, .B = weights, .B_row = PANEL, .B_panel = PANEL * I,
                           .M = n, .N = many, .K = I, .bias = b});
        if (few)
            narrow(x + r * x_row, x_row, n, I, few, W + many * I, b ? b + many : NULL,
                   y + r * O + many, O, space);
    }
    restore_denormals(mode);
    free(space);
    return 0;
}

/* dx [rows][I], or NULL if it is not wanted; dW [O][I] and db [O], or NULL, are those of the first
 * block; see `Gradients` in rows.py. */
EXPORT int backward(int64_t begin, int64_t end, int64_t blocks, int64_t rows, int64_t I, int64_t O,
                    const real *x, int64_t x_row, const real *dy, int64_t dy_row, const real *W,
                    real *dx, int64_t stride, real *dW_, real *db_) {
    real *weights = (real *)workspace((packed_size(O, I) + TILE * WHOLE(I)) / LANES);
    if (!weights) return 1;
    unsigned mode = flush_denormals();
    real *copy = weights + packed_size(O, I);
    if (dx) pack_weights(weights, W, O, I);
    for (int64_t block = begin; block < end; block++) {
        real *dW = cleared(dW_, block * stride, O * I), *db = cleared(db_, block * stride, O);
        const int64_t last = first_row(block + 1, blocks, rows);
        for (int64_t r = first_row(block, blocks, rows); r < last; r += TILE) {
            const int64_t n = tile_rows(r, last);
            const real *dy_tile = dy + r * dy_row;
            int64_t B_row;
            const real *x_tile = whole_rows(copy, x + r * x_row, x_row, &B_row, n, I);
            multiply((product){.C = dW, .C_row = I, .A = dy_tile, .down = 1, .along = dy_row,
                               .B = x_tile, .B_row = B_row, .B_panel = PANEL, .M = O, .N = I,
                               .K = n, .plus = dW, .plus_row = I});
            if (db) add_rows(db, dy_tile, dy_row, n, O);
            if (dx)
                multiply((product){.C = dx + r * I, .C_row = I, .A = dy_tile, .down = dy_row,
                                   .along = 1, .B = weights, .B_row = PANEL,
                                   .B_panel = PANEL * O, .M = n, .N = I, .K = O});
        }
    }
    restore_denormals(mode);
    free(weights);
    return 0;
}

/* dx [rows][I] of tiles of rows. */
EXPORT int backward_input(int64_t begin, int64_t end, int64_t rows, int64_t I, int64_t O,
                          const real *dy, int64_t dy_row, const real *W, real *dx) {
    real *weights = (real *)workspace(packed_size(O, I) / LANES);
    if (!weights) return 1;
    unsigned mode = flush_denormals();
    pack_weights(weights, W, O, I);
    for (int64_t r = begin * TILE; r < rows && r < end * TILE; r += TILE)
        multiply((product){.C = dx + r * I, .C_row = I, .A = dy + r * dy_row, .down = dy_row,
                           .along = 1, .B = weights, .B_row = PANEL, .B_panel = PANEL * O,
                           .M = tile_rows(r, rows), .N = I, .K = O});
    restore_denormals(mode);
    free(weights);
    return 0;
}

/* dW [O][I] and db [O], or NULL, of tiles of outputs. */
EXPORT int backward_weights(int64_t begin, int64_t end, int64_t rows, int64_t I, int64_t O,
                            const real *x, int64_t x_row, const real *dy, int64_t dy_row,
                            real *dW, real *db) {
    real *copy = (real *)workspace(TILE * WHOLE(I) / LANES);
    if (!copy) return 1;
    unsigned mode = flush_denormals();
    for (int64_t o = begin * TILE; o < O && o < end * TILE; o += TILE) {
        const int64_t count = tile_rows(o, O);
        if (db) memset(db + o, 0, (size_t)count * sizeof(real));
        for (int64_t r = 0; r < rows; r += TILE) {
            const int64_t n = tile_rows(r, rows);
            int64_t B_row;
            const real *x_tile = whole_rows(copy, x + r * x_row, x_row, &B_row, n, I);
            multiply((product){.C = dW + o * I, .C_row = I, .A = dy + r * dy_row + o, .down = 1,
                               .along = dy_row, .B = x_tile, .B_row = B_row, .B_panel = PANEL,
                               .M = count, .N = I, .K = n, .plus = r ? dW + o * I : NULL,
                               .plus_row = I});
            if (db) add_rows(db + o, dy + r * dy_row + o, dy_row, n, count);
        }
    }
    restore_denormals(mode);
    free(copy);
    return 0;
}
