/* Clipping and Adam of the models of a pack, straight from the gradients.
 *
 *     g = scale gradient,              scale = min(1, limit / (|gradient| + 10^-6))
 *     m = β₁ m + (1 - β₁) g,           v = β₂ v + (1 - β₂) g²
 *     w = keep w - rate m / (sqrt(v) / root + ε)
 *
 * where keep = 1 - η decay, rate = η / (1 - β₁^t) and root = sqrt(1 - β₂^t) in step t.
 */

#include "../../kernels/native.h"

#define CLIP_EPS 1e-6 /* that of clipping.py */

/* What changes with the model and the step; the columns of `settings`. */
typedef struct {
    double rate, beta1, beta2, eps, keep, root, limit;
} setting;

/* Four sums in each lane, whose additions need not wait for one another. */
INLINE double sum_of_squares(const real *x, int64_t n) {
    vec sum[4] = {{0}};
    for (int64_t i = 0; i < n; i += 4 * LANES)
        UNROLL for (int j = 0; j < 4; j++) {
            const int64_t at = i + j * LANES;
            const vec part = at < n ? load_some(x + at, n - at) : (vec){0};
            sum[j] += part * part;
        }
    double total = 0;
    for (int l = 0; l < LANES; l++) total += (double)((sum[0] + sum[1]) + (sum[2] + sum[3]))[l];
    return total;
}

INLINE real square_root(real x) {
    return REAL_IS_DOUBLE ? (real)__builtin_sqrt(x) : (real)__builtin_sqrtf(x);
}

INLINE void adam(const real *restrict gradient, real *restrict weights, real *restrict mean,
                 real *restrict square, int64_t n, const setting *it, real scale) {
    const real rate = (real)it->rate, keep = (real)it->keep, eps = (real)it->eps;
    const real beta1 = (real)it->beta1, beta2 = (real)it->beta2;
    const real new1 = (real)(1 - it->beta1), new2 = (real)(1 - it->beta2);
    const real inverse = (real)(1 / it->root);
    for (int64_t i = 0; i < n; i++) {
        const real g = scale * gradient[i];
        const real m = mean[i] = beta1 * mean[i] + new1 * g;
        const real v = square[i] = beta2 * square[i] + new2 * g * g;
        weights[i] = keep * weights[i] - rate * m / (square_root(v) * inverse + eps);
    }
}

/* Each of the `count` gradients is [models, size], and the others hold all of them one after
 * another. A block is a model. */
EXPORT int update(int64_t begin, int64_t end, int64_t models, int64_t count, const int64_t *sizes,
                  const real *const *gradients, const setting *settings, real *weights, real *mean,
                  real *square) {
    unsigned mode = flush_denormals();
    for (int64_t r = begin; r < end; r++) {
        const setting *it = settings + r;
        double scale = 1;
        if (!__builtin_isinf(it->limit)) {
            double squares = 0;
            for (int64_t i = 0; i < count; i++)
                squares += sum_of_squares(gradients[i] + r * sizes[i], sizes[i]);
            scale = it->limit / (__builtin_sqrt(squares) + CLIP_EPS);
            if (scale > 1) scale = 1; /* NaN stays, by which a diverged run is noticed */
        }
        for (int64_t i = 0, at = 0; i < count; at += models * sizes[i++]) {
            const int64_t from = at + r * sizes[i];
            adam(gradients[i] + r * sizes[i], weights + from, mean + from, square + from, sizes[i],
                 it, (real)scale);
        }
    }
    restore_denormals(mode);
    return 0;
}
