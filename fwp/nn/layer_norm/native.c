/* Layer normalisation: one pass there, one back; see norm.h. */

#include "../../kernels/norm.h"

/* x [rows][D], its rows `x_row` numbers apart, and y [rows][D]; kept: means [rows],
 * then scales [rows]. */
EXPORT int forward(int64_t begin, int64_t end, int64_t blocks, int64_t rows, int64_t D, double eps,
                   const real *x, int64_t x_row, const real *w, const real *b, real *y,
                   real *kept) {
    unsigned mode = flush_denormals();
    const int64_t first = first_row(begin, blocks, rows), last = first_row(end, blocks, rows);
    for (int64_t r = first; r < last; r += TILE) {
        const int64_t n = tile_rows(r, last);
        row_moments(x + r * x_row, x_row, n, D, eps, kept + r, kept + rows + r);
        normalise_rows(x + r * x_row, x_row, n, D, kept + r, kept + rows + r, w, b, y + r * D, D);
    }
    restore_denormals(mode);
    return 0;
}

/* dw and db [D] are those of the first block; see `Gradients` in rows.py. */
EXPORT int backward(int64_t begin, int64_t end, int64_t blocks, int64_t rows, int64_t D,
                    const real *x, int64_t x_row, const real *w, const real *kept, const real *dy,
                    int64_t dy_row, real *dx, int64_t stride, real *dw_, real *db_) {
    unsigned mode = flush_denormals();
    for (int64_t block = begin; block < end; block++) {
        real *dw = cleared(dw_, block * stride, D), *db = cleared(db_, block * stride, D);
        const int64_t r = first_row(block, blocks, rows), last = first_row(block + 1, blocks, rows);
        normalise_rows_backward(x + r * x_row, x_row, last - r, D, kept + r, kept + rows + r, w,
                                dy + r * dy_row, dy_row, NULL, 0, dx + r * D, D, dw, db);
    }
    restore_denormals(mode);
    return 0;
}
