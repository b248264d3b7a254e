/* Layer normalisation of rows, lanes along a row:
 *
 *     n = (x − mean) scale,  y = n ∘ w + b         scale = 1 / √(variance + eps)
 *     dx = (g − Σ g / D − n Σ g n / D) scale       g = dy ∘ w
 *
 * The mean and the scale of each row are kept for the way back.
 */

#include "matmul.h"

#define ACROSS(i, m) ((i) ^ (m))
/* The sum of all lanes, by halves. */
INLINE real across(vec x) {
    x += SHUFFLE(x, x, ACROSS, 1);
#if LANES > 2
    x += SHUFFLE(x, x, ACROSS, 2);
#endif
#if LANES > 4
    x += SHUFFLE(x, x, ACROSS, 4);
#endif
#if LANES > 8
    x += SHUFFLE(x, x, ACROSS, 8);
#endif
    return x[0];
}
INLINE real square_root(real x) {
    return REAL_IS_DOUBLE ? (real)__builtin_sqrt(x) : (real)__builtin_sqrtf(x);
}

static __attribute__((noinline, unused)) void row_moments(const real *restrict x, int64_t x_row,
                                                          int64_t rows, int64_t D, double eps,
                                                          real *restrict means,
                                                          real *restrict scales) {
    const int64_t whole = D / LANES * LANES;
    const real share = 1 / (real)D;
    for (int64_t r = 0; r < rows; r++, x += x_row) {
        vec sums = load_few(x + whole, D - whole), squares = {0};
        for (int64_t d = 0; d < whole; d += LANES) sums += load_vec(x + d);
        const real mean = across(sums) * share;
        for (int64_t d = 0; d < whole; d += LANES) {
            const vec c = load_vec(x + d) - mean;
            squares += c * c;
        }
        real variance = across(squares);
        for (int64_t d = whole; d < D; d++) variance += (x[d] - mean) * (x[d] - mean);
        means[r] = mean;
        scales[r] = 1 / square_root(variance * share + (real)eps);
    }
}
/* y from rows x and their moments. */
static __attribute__((noinline, unused)) void
normalise_rows(const real *restrict x, int64_t x_row, int64_t rows, int64_t D,
               const real *restrict means, const real *restrict scales, const real *restrict w,
               const real *restrict b, real *restrict y, int64_t y_row) {
    for (int64_t r = 0; r < rows; r++, x += x_row, y += y_row) {
        const real mean = means[r], scale = scales[r];
        int64_t d = 0;
        for (; d + LANES <= D; d += LANES)
            store_vec((load_vec(x + d) - mean) * scale * load_vec(w + d) + load_vec(b + d), y + d);
        for (; d < D; d++) y[d] = (x[d] - mean) * scale * w[d] + b[d];
    }
}
/* dx from dy, plus rows `plus` unless NULL; adds to dw and db. */
static __attribute__((noinline, unused)) void
normalise_rows_backward(const real *restrict x, int64_t x_row, int64_t rows, int64_t D,
                        const real *restrict means, const real *restrict scales,
                        const real *restrict w, const real *restrict dy, int64_t dy_row,
                        const real *plus, int64_t plus_row, real *restrict dx, int64_t dx_row,
                        real *restrict dw, real *restrict db) {
    const int64_t whole = D / LANES * LANES;
    const real share = 1 / (real)D;
    for (int64_t r = 0; r < rows; r++, x += x_row, dy += dy_row, dx += dx_row) {
        const real mean = means[r], scale = scales[r];
        vec levels = {0}, alongs = {0};
        for (int64_t d = 0; d < whole; d += LANES) {
            const vec n = (load_vec(x + d) - mean) * scale, dyd = load_vec(dy + d);
            const vec g = dyd * load_vec(w + d);
            levels += g;
            alongs += g * n;
            store_vec(load_vec(dw + d) + dyd * n, dw + d);
            store_vec(load_vec(db + d) + dyd, db + d);
        }
        real level = across(levels), along = across(alongs);
        for (int64_t d = whole; d < D; d++) {
            const real n = (x[d] - mean) * scale, g = dy[d] * w[d];
            level += g;
            along += g * n;
            dw[d] += dy[d] * n;
            db[d] += dy[d];
        }
        level *= share;
        along *= share;
        for (int64_t d = 0; d < whole; d += LANES) {
            const vec n = (load_vec(x + d) - mean) * scale;
            vec gradient = (load_vec(dy + d) * load_vec(w + d) - level - n * along) * scale;
            if (plus) gradient += load_vec(plus + r * plus_row + d);
            store_vec(gradient, dx + d);
        }
        for (int64_t d = whole; d < D; d++) {
            const real n = (x[d] - mean) * scale;
            const real gradient = (dy[d] * w[d] - level - n * along) * scale;
            dx[d] = gradient + (plus ? plus[r * plus_row + d] : 0);
        }
    }
}
