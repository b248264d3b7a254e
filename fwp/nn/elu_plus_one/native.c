/* The feature map elu + 1, divided by its sum over D if wished: forward and backward.
 *
 *     u = elu(x) + 1 = x + 1 above zero, exp(x) below          slope of u: min(u, 1)
 *     y = u                            dx = dy min(y, 1)
 *     y = s u with s = 1 / Σ u         dx = (dy − Σ dy y) min(y, s)
 *
 * Lanes are neighbouring numbers: a vec holds several vectors of D numbers where D is a constant
 * below LANES, and their sums are those of runs of lanes. Nothing is transposed.
 */

#include "../../kernels/runs.h"

#define ROWS 256 /* of a block */

INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

INLINE void forward_numbers(const real *x, real *y, int64_t numbers) {
    for (int64_t i = 0; i < numbers; i += LANES) {
        vec a = load_some(x + i, numbers - i);
        store_some(choose(a > 0, a + 1, vexp(a)), y + i, numbers - i);
    }
}
INLINE void normalise(real *restrict y, real *restrict scale, int64_t numbers, int64_t D) {
#if RUNS > 1
    for (int64_t i = 0; i < numbers; i += LANES) {
        vec u = load_some(y + i, numbers - i), s = 1 / run_sum(u);
        store_some(s * u, y + i, numbers - i);
        store_some(SHUFFLE(s, s, FIRST_OF_RUN, RUN), scale + i / D,
                   least(RUNS, (numbers - i) / D));
    }
#else
    for (int64_t i = 0; i < numbers; i += D, y += D, scale++) {
        vec sums = {0};
        int64_t d = 0;
        for (; d + LANES <= D; d += LANES) sums += load_some(y + d, LANES);
        real sum = run_sum(sums)[0];
        for (; d < D; d++) sum += y[d];
        const real s = *scale = 1 / sum;
        for (d = 0; d < D; d++) y[d] *= s;
    }
#endif
}
INLINE void normalise_backward(const real *restrict y, const real *restrict scale,
                               const real *restrict dy, real *restrict dx, int64_t numbers,
                               int64_t D) {
#if RUNS > 1
    for (int64_t i = 0, n; i < numbers; i += LANES) {
        n = numbers - i;
        vec a = load_some(y + i, n), da = load_some(dy + i, n);
        vec s = load_some(scale + i / D, least(RUNS, n / D));
        s = SHUFFLE(s, s, RUN_OF, RUN);
        store_some((da - run_sum(da * a)) * choose(a > s, s, a), dx + i, n);
    }
#else
    for (int64_t i = 0; i < numbers; i += D, y += D, dy += D, dx += D, scale++) {
        vec sums = {0};
        int64_t d = 0;
        for (; d + LANES <= D; d += LANES)
            sums += load_some(dy + d, LANES) * load_some(y + d, LANES);
        real sum = run_sum(sums)[0];
        for (; d < D; d++) sum += dy[d] * y[d];
        const real s = *scale;
        for (d = 0; d < D; d++) dx[d] = (dy[d] - sum) * (y[d] > s ? s : y[d]);
    }
#endif
}

/* x is [B, T, width] with strides, a row being vectors of D numbers one after another; y and scale,
 * one number per vector, are contiguous. Without scale nothing is normalised. */
EXPORT int forward(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t width, int64_t D,
                   tensor x_, real *y, real *scale) {
    unsigned mode = flush_denormals();
    const int64_t first = begin * ROWS, last = least(end * ROWS, B * T);
    const int whole = x_.time == width && (B == 1 || x_.batch == T * width);
    const int64_t numbers = (last - first) * width;
    y += first * width;
    for (int64_t row = first, rows; row < last; row += rows) {
        rows = whole ? last - row : 1;
        const real *x = x_.data + row / T * x_.batch + row % T * x_.time;
        if (width < LANES)
            memcpy(y + (row - first) * width, x, (size_t)(rows * width) * sizeof(real));
        else
            forward_numbers(x, y + (row - first) * width, rows * width);
    }
    if (width < LANES) forward_numbers(y, y, numbers);
    if (scale) normalise(y, scale + first * width / SIZE(D), numbers, SIZE(D));
    restore_denormals(mode);
    return 0;
}

/* All tensors are contiguous. */
EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t width, int64_t D,
                    const real *y, const real *scale, const real *dy, real *dx) {
    unsigned mode = flush_denormals();
    const int64_t first = begin * ROWS * width;
    const int64_t numbers = least(end * ROWS, B * T) * width - first;
    y += first, dy += first, dx += first;
    if (scale)
        normalise_backward(y, scale + first / SIZE(D), dy, dx, numbers, SIZE(D));
    else
        for (int64_t i = 0; i < numbers; i += LANES) {
            vec a = load_some(y + i, numbers - i);
            vec da = load_some(dy + i, numbers - i);
            store_some(da * choose(a > 1, fill(1), a), dx + i, numbers - i);
        }
    restore_denormals(mode);
    return 0;
}
