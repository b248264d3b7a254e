/* Causal depthwise convolution: every channel sees its own last J values.
 *
 *     y_t = Σ_i w_i ∘ x_{t-i}
 *     dx_t = Σ_i w_i ∘ dy_{t+i}            dw_i = Σ_t dy_{t+i} ∘ x_t
 *
 * with i = 0 … J - 1, and t from -(J - 1) on where there is a past. Lanes are neighbouring
 * channels; a run of them goes through time with what it has seen in registers. A block is a string.
 */

#include "../../kernels/native.h"

#ifdef FIXED_SIZE
#define MOST FIXED_SIZE
#else
#define MOST 64 /* values that a channel may see, as in native.py */
#endif

/* All n of them make room for a newer one. */
INLINE void push(vec *seen, vec newest, const int n) {
    UNROLL for (int i = n - 1; i > 0; i--) seen[i] = seen[i - 1];
    if (n > 0) seen[0] = newest;
}

/* The strings of a block, and of each the runs of channels, `n` of them left from `d` on. */
#define EACH_RUN                                                                                   \
    for (int64_t b = begin; b < end; b++)                                                          \
        for (int64_t d = 0, n = D; d < D; d += LANES, n = D - d)

INLINE void load_weights(vec *w, const real *from, int64_t D, int64_t n, const int J) {
    UNROLL for (int i = 0; i < J; i++) w[i] = load_some(from + i * D, n);
}

/* x [B, T, D] and past [B, J - 1, D], or none, with strides; w [J, D] and y are contiguous. */
EXPORT int forward(int64_t begin, int64_t end, int64_t T, int64_t D, int64_t size, tensor x_,
                   tensor past_, const real *w_, real *y_) {
    const int J = SIZE(size);
    const unsigned mode = flush_denormals();
    EACH_RUN {
        const real *x = x_.data + b * x_.batch + d;
        vec w[MOST], seen[MOST] = {{0}};
        load_weights(w, w_ + d, D, n, J);
        if (past_.data)
            for (int i = 0; i < J - 1; i++)
                push(seen, load_some(past_.data + b * past_.batch + i * past_.time + d, n), J - 1);
        for (int64_t t = 0; t < T; t++) {
            vec now = load_some(x + t * x_.time, n), sum = w[0] * now;
            UNROLL for (int i = 1; i < J; i++) sum += w[i] * seen[i - 1];
            store_some(sum, y_ + (b * T + t) * D + d, n);
            push(seen, now, J - 1);
        }
    }
    restore_denormals(mode);
    return 0;
}

/* dx and, unless null, dpast as x and past but contiguous; dw [B, J, D] is each string's share. */
EXPORT int backward(int64_t begin, int64_t end, int64_t T, int64_t D, int64_t size, tensor x_,
                    tensor past_, const real *w_, const real *dy_, real *dx_, real *dpast_,
                    real *dw_) {
    const int J = SIZE(size);
    const unsigned mode = flush_denormals();
    EACH_RUN {
        const real *x = x_.data + b * x_.batch + d;
        vec w[MOST], dw[MOST] = {{0}}, ahead[MOST] = {{0}};
        load_weights(w, w_ + d, D, n, J);
        for (int64_t t = T - 1; t >= 0; t--) {
            const vec value = load_some(x + t * x_.time, n);
            const vec now = load_some(dy_ + (b * T + t) * D + d, n);
            vec sum = w[0] * now;
            dw[0] += now * value;
            UNROLL for (int i = 1; i < J; i++) {
                sum += w[i] * ahead[i - 1];
                dw[i] += ahead[i - 1] * value;
            }
            store_some(sum, dx_ + (b * T + t) * D + d, n);
            push(ahead, now, J - 1);
        }
        for (int ago = 1; past_.data && ago < J; ago++) {
            const int at = J - 1 - ago;
            vec value = load_some(past_.data + b * past_.batch + at * past_.time + d, n);
            vec sum = {0};
            for (int i = ago; i < J; i++) {
                sum += w[i] * ahead[i - ago];
                dw[i] += ahead[i - ago] * value;
            }
            if (dpast_) store_some(sum, dpast_ + (b * (J - 1) + at) * D + d, n);
        }
        UNROLL for (int i = 0; i < J; i++) store_some(dw[i], dw_ + (b * J + i) * D + d, n);
    }
    restore_denormals(mode);
    return 0;
}
