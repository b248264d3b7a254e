/* The feed-forward part of a block, with the norm before it and the skip connection around it:
 *
 *     n = norm(x), or x      h = relu(W₁ n + b₁)      y = W₂ h + b₂, plus x if `skip`
 *
 * A tile of rows goes through all of it while it is in cache. The way back reads h again, which
 * takes less time than to compute it again, and computes n again, which takes less than to read it.
 * Or it is two ways, the second of which, for the gradients of the matrices, threads share by
 * inner units. Both add up the same numbers in one order.
 */

#include "../../kernels/norm.h"

/* x [rows][D], its rows `x_row` numbers apart; w_1 [I][D], w_2 [D][I]; y [rows][D]. Kept, unless
 * NULL: h [rows][WHOLE(I)], and if there is a norm, means [rows] and scales [rows] of x. */
EXPORT int forward(int64_t begin, int64_t end, int64_t blocks, int64_t rows, int64_t D, int64_t I,
                   int64_t skip, double eps, const real *x, int64_t x_row, const real *w_1,
                   const real *b_1, const real *w_2, const real *b_2, const real *w_n,
                   const real *b_n, real *y, real *kept_h, real *moments) {
    const int64_t h_row = WHOLE(I), whole = WHOLE(D);
    vec *space = workspace(
        (packed_size(D, I) + packed_size(I, D) + TILE * (h_row + whole + 2)) / LANES);
    if (!space) return 1;
    unsigned mode = flush_denormals();
    real *first = (real *)space, *second = first + packed_size(D, I);
    real *tile_h = second + packed_size(I, D), *tile_n = tile_h + TILE * h_row;
    real *tile_moments = tile_n + TILE * whole;
    pack_transposed(first, w_1, I, D);
    pack_transposed(second, w_2, D, I);
    const int64_t last = first_row(end, blocks, rows);
    for (int64_t r = first_row(begin, blocks, rows); r < last; r += TILE) {
        const int64_t count = tile_rows(r, last);
        const real *from = x + r * x_row, *n = from;
        int64_t n_row = x_row;
        if (w_n) {
            real *mean = moments ? moments + r : tile_moments;
            real *scale = moments ? mean + rows : mean + TILE;
            row_moments(from, x_row, count, D, eps, mean, scale);
            normalise_rows(from, x_row, count, D, mean, scale, w_n, b_n, tile_n, whole);
            n = tile_n, n_row = whole;
        }
        real *h = kept_h ? kept_h + r * h_row : tile_h;
        multiply((product){.C = h, .C_row = h_row, .A = n, .down = n_row, .along = 1, .B = first,
                           .B_row = PANEL, .B_panel = PANEL * D, .M = count, .N = I, .K = D,
                           .bias = b_1, .relu = 1});
        multiply((product){.C = y + r * D, .C_row = D, .A = h, .down = h_row, .along = 1,
                           .B = second, .B_row = PANEL, .B_panel = PANEL * I, .M = count, .N = D,
                           .K = I, .bias = b_2, .plus = skip ? from : NULL, .plus_row = x_row});
    }
    restore_denormals(mode);
    free(space);
    return 0;
}

/* The gradients of weights are those of the first block; see `Gradients` in rows.py. Those of the
 * norm's are a tile's unless n_stride is 0. */
EXPORT int backward(int64_t begin, int64_t end, int64_t blocks, int64_t rows, int64_t D, int64_t I,
                    int64_t skip, const real *x, int64_t x_row, const real *w_1, const real *w_2,
                    const real *w_n, const real *b_n, const real *kept_h, const real *moments,
                    const real *dy, int64_t dy_row, real *dx, int64_t stride, real *dw_1_,
                    real *db_1_, real *dw_2_, real *db_2_, int64_t n_stride, real *dw_n_,
                    real *db_n_) {
    const int64_t h_row = WHOLE(I), whole = WHOLE(D);
    vec *space =
        workspace((packed_size(D, I) + packed_size(I, D) + TILE * (h_row + 2 * whole)) / LANES);
    if (!space) return 1;
    unsigned mode = flush_denormals();
    real *first = (real *)space, *second = first + packed_size(I, D);
    real *dh = second + packed_size(D, I), *tile_n = dh + TILE * h_row;
    real *tile_dn = tile_n + TILE * whole;
    pack_weights(first, w_1, I, D);
    pack_weights(second, w_2, D, I);
    for (int64_t block = begin; block < end; block++) {
        const int64_t further = block * stride, last = first_row(block + 1, blocks, rows);
        real *dw_1 = cleared(dw_1_, further, I * D), *db_1 = cleared(db_1_, further, I);
        real *dw_2 = cleared(dw_2_, further, D * I), *db_2 = cleared(db_2_, further, D);
        real *dw_n = cleared(dw_n_, further, D), *db_n = cleared(db_n_, further, D);
        for (int64_t r = first_row(block, blocks, rows); r < last; r += TILE) {
            const int64_t count = tile_rows(r, last);
            const real *from = x + r * x_row, *h = kept_h + r * h_row, *dyr = dy + r * dy_row;
            const real *mean = moments + r, *scale = mean + rows, *n = tile_n;
            int64_t n_row = whole;
            if (n_stride) {
                dw_n = cleared(dw_n_, r / TILE * n_stride, D);
                db_n = cleared(db_n_, r / TILE * n_stride, D);
            }
            if (w_n)
                normalise_rows(from, x_row, count, D, mean, scale, w_n, b_n, tile_n, whole);
            else
                n = whole_rows(tile_n, from, x_row, &n_row, count, D);
            real *dn = w_n ? tile_dn : dx + r * D;
            multiply((product){.C = dw_2, .C_row = I, .A = dyr, .down = 1, .along = dy_row, .B = h,
                               .B_row = h_row, .B_panel = PANEL, .M = D, .N = I, .K = count,
                               .plus = dw_2, .plus_row = I});
            add_rows(db_2, dyr, dy_row, count, D);
            multiply((product){.C = dh, .C_row = h_row, .A = dyr, .down = dy_row, .along = 1,
                               .B = second, .B_row = PANEL, .B_panel = PANEL * D, .M = count,
                               .N = I, .K = D, .where = h, .where_row = h_row});
            multiply((product){.C = dw_1, .C_row = D, .A = dh, .down = 1, .along = h_row, .B = n,
                               .B_row = n_row, .B_panel = PANEL, .M = I, .N = D, .K = count,
                               .plus = dw_1, .plus_row = D});
            add_rows(db_1, dh, h_row, count, I);
            multiply((product){.C = dn, .C_row = w_n ? whole : D, .A = dh, .down = h_row,
                               .along = 1, .B = first, .B_row = PANEL, .B_panel = PANEL * I,
                               .M = count, .N = D, .K = I, .plus = skip && !w_n ? dyr : NULL,
                               .plus_row = dy_row});
            if (w_n)
                normalise_rows_backward(from, x_row, count, D, mean, scale, w_n, dn, whole,
                                        skip ? dyr : NULL, dy_row, dx + r * D, D, dw_n, db_n);
        }
    }
    restore_denormals(mode);
    free(space);
    return 0;
}

/* All but dw_1, db_1, dw_2 and db_2, of tiles of rows; dh [rows][WHOLE(I)], and n [rows][WHOLE(D)]
 * if there is a norm, are left for `backward_weights`. */
EXPORT int backward_input(int64_t begin, int64_t end, int64_t rows, int64_t D, int64_t I,
                          int64_t skip, const real *x, int64_t x_row, const real *w_1,
                          const real *w_2, const real *w_n, const real *b_n, const real *kept_h,
                          const real *moments, const real *dy, int64_t dy_row, real *dx,
                          int64_t n_stride, real *dw_n_, real *db_n_, real *kept_dh,
                          real *kept_n) {
    const int64_t h_row = WHOLE(I), whole = WHOLE(D);
    vec *space = workspace((packed_size(D, I) + packed_size(I, D) + TILE * whole) / LANES);
    if (!space) return 1;
    unsigned mode = flush_denormals();
    real *first = (real *)space, *second = first + packed_size(I, D);
    real *tile_dn = second + packed_size(D, I);
    pack_weights(first, w_1, I, D);
    pack_weights(second, w_2, D, I);
    for (int64_t tile = begin; tile < end; tile++) {
        const int64_t r = tile * TILE, count = tile_rows(r, rows);
        const real *from = x + r * x_row, *h = kept_h + r * h_row, *dyr = dy + r * dy_row;
        const real *mean = moments + r, *scale = mean + rows;
        real *dh = kept_dh + r * h_row, *dn = w_n ? tile_dn : dx + r * D;
        multiply((product){.C = dh, .C_row = h_row, .A = dyr, .down = dy_row, .along = 1,
                           .B = second, .B_row = PANEL, .B_panel = PANEL * D, .M = count,
                           .N = I, .K = D, .where = h, .where_row = h_row});
        multiply((product){.C = dn, .C_row = w_n ? whole : D, .A = dh, .down = h_row, .along = 1,
                           .B = first, .B_row = PANEL, .B_panel = PANEL * I, .M = count, .N = D,
                           .K = I, .plus = skip && !w_n ? dyr : NULL, .plus_row = dy_row});
        if (!w_n) continue;
        normalise_rows(from, x_row, count, D, mean, scale, w_n, b_n, kept_n + r * whole, whole);
        normalise_rows_backward(from, x_row, count, D, mean, scale, w_n, dn, whole,
                                skip ? dyr : NULL, dy_row, dx + r * D, D,
                                cleared(dw_n_, tile * n_stride, D),
                                cleared(db_n_, tile * n_stride, D));
    }
    restore_denormals(mode);
    free(space);
    return 0;
}

/* dw_1, db_1, dw_2 of tiles of inner units, and db_2; n [rows][n_row] is x if there is no norm. */
EXPORT int backward_weights(int64_t begin, int64_t end, int64_t rows, int64_t D, int64_t I,
                            const real *kept_h, const real *kept_dh, const real *n, int64_t n_row,
                            const real *dy, int64_t dy_row, real *dw_1, real *db_1, real *dw_2,
                            real *db_2) {
    const int64_t h_row = WHOLE(I);
    real *copy = (real *)workspace(TILE * WHOLE(D) / LANES);
    if (!copy) return 1;
    unsigned mode = flush_denormals();
    for (int64_t i = begin * TILE; i < I && i < end * TILE; i += TILE) {
        const int64_t units = tile_rows(i, I);
        memset(db_1 + i, 0, (size_t)units * sizeof(real));
        if (!i) memset(db_2, 0, (size_t)D * sizeof(real));
        for (int64_t r = 0; r < rows; r += TILE) {
            const int64_t count = tile_rows(r, rows);
            const real *h = kept_h + r * h_row + i, *dh = kept_dh + r * h_row + i;
            const real *dyr = dy + r * dy_row;
            int64_t B_row;
            const real *tile_n = whole_rows(copy, n + r * n_row, n_row, &B_row, count, D);
            multiply((product){.C = dw_2 + i, .C_row = I, .A = dyr, .down = 1, .along = dy_row,
                               .B = h, .B_row = h_row, .B_panel = PANEL, .M = D, .N = units,
                               .K = count, .plus = r ? dw_2 + i : NULL, .plus_row = I});
            multiply((product){.C = dw_1 + i * D, .C_row = D, .A = dh, .down = 1, .along = h_row,
                               .B = tile_n, .B_row = B_row, .B_panel = PANEL, .M = units, .N = D,
                               .K = count, .plus = r ? dw_1 + i * D : NULL, .plus_row = D});
            add_rows(db_1 + i, dh, h_row, count, units);
            if (!i) add_rows(db_2, dyr, dy_row, count, D);
        }
    }
    restore_denormals(mode);
    free(copy);
    return 0;
}
