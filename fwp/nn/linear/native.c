/* Linear layers: y = x Wᵀ + b, and dx = dy W, dW = dyᵀ x, db = Σ dy in one pass over the rows. */

#include "../../kernels/matmul.h"

/* x [rows][I] and y [rows][O], their rows `x_row` and O numbers apart; W [O][I]; b [O] or NULL. */
EXPORT int forward(int64_t begin, int64_t end, int64_t blocks, int64_t rows, int64_t I, int64_t O,
                   const real *x, int64_t x_row, const real *W, const real *b, real *y) {
    real *weights = (real *)workspace(packed_size(I, O) / LANES);
    if (!weights) return 1;
    unsigned mode = flush_denormals();
    pack_transposed(weights, W, O, I);
    const int64_t first = first_row(begin, blocks, rows), last = first_row(end, blocks, rows);
    for (int64_t r = first; r < last; r += TILE)
        multiply((product){.C = y + r * O, .C_row = O, .A = x + r * x_row, .down = x_row,
                           .along = 1, .B = weights, .B_row = PANEL, .B_panel = PANEL * I,
                           .M = tile_rows(r, last), .N = O, .K = I, .bias = b});
    restore_denormals(mode);
    free(weights);
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
