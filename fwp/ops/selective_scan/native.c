/* Forward and backward of the selective scan, one sequence at a time.
 *
 * A step, for unit d and each of its K numbers n:
 *     a = e^(Δ A) or 2 e^(Δ A) − 1,   h = a h' + Δ x B,   y = Σ_n C h
 * Back through it, with g the gradient of h (from y and from the step after):
 *     g += C dy,   dC += dy h,   dB += g Δ x,   d(Δ x) = Σ g B,   da = g h',   g ← a g
 *     dΔ = x d(Δ x) + Σ da s e^(Δ A) A,   dA += da s e^(Δ A) Δ,   s = 1, or 2 for the second a
 *
 * The numbers of a sequence lie side by side, [D][K], and fill registers whichever they belong to.
 * Nothing but the inputs is kept: the backward pass computes all states of a sequence again.
 */

#include "../../kernels/native.h"

/* Everything over the last dimension K, padded to whole registers. */
#define REGISTERS(K) (((K) + LANES - 1) / LANES)

INLINE void spread(real *to, const real *from, int64_t K, int64_t padded) {
    for (int64_t i = 0; i < padded; i++) to[i] = i < K ? from[i] : 0;
}
INLINE real sum_of(const vec *x, int64_t count) {
    vec sum = {0};
    for (int64_t i = 0; i < count; i++) sum += x[i];
    return lane_sum(sum);
}

/* A unit's numbers after a step from those before it; e^(Δ A) into *power. */
INLINE void step(vec *h, const vec *before, vec *power, const vec *A, const vec *b, real delta,
                 real x, real negative, int64_t R) {
    for (int64_t i = 0; i < R; i++) {
        power[i] = vexp(delta * A[i]);
        h[i] = ((1 + negative) * power[i] - negative) * before[i] + delta * x * b[i];
    }
}

EXPORT int forward(int64_t begin, int64_t end, int64_t T, int64_t D, int64_t K, int64_t negative,
                   tensor x_, tensor delta_, const real *A_, tensor b_, tensor c_,
                   const real *h_0, real *y, real *h_T) {
    const int64_t R = REGISTERS(K), S = D * R, N = R * LANES;
    vec *h = workspace(2 * S + 4 * R);
    if (!h) return 1;
    vec *A = h + S, *b = A + S, *c = b + R, *power = c + R, *read = power + R;
    unsigned mode = flush_denormals();

    for (int64_t d = 0; d < D; d++) spread((real *)(A + d * R), A_ + d * K, K, N);
    for (int64_t n = begin; n < end; n++) {
        for (int64_t d = 0; d < D; d++) spread((real *)(h + d * R), h_0 + (n * D + d) * K, K, N);
        for (int64_t t = 0; t < T; t++) {
            const real *x = x_.data + n * x_.batch + t * x_.time;
            const real *delta = delta_.data + n * delta_.batch + t * delta_.time;
            spread((real *)b, b_.data + n * b_.batch + t * b_.time, K, N);
            spread((real *)c, c_.data + n * c_.batch + t * c_.time, K, N);
            for (int64_t d = 0; d < D; d++) {
                vec *own = h + d * R;
                step(own, own, power, A + d * R, b, delta[d], x[d], (real)negative, R);
                for (int64_t i = 0; i < R; i++) read[i] = c[i] * own[i];
                y[(n * T + t) * D + d] = sum_of(read, R);
            }
        }
        for (int64_t d = 0; d < D; d++)
            memcpy(h_T + (n * D + d) * K, h + d * R, K * sizeof(real));
    }
    restore_denormals(mode);
    free(h);
    return 0;
}

/* dA_ is [B, D, K]: one sum over time per sequence. */
EXPORT int backward(int64_t begin, int64_t end, int64_t T, int64_t D, int64_t K, int64_t negative,
                    tensor x_, tensor delta_, const real *A_, tensor b_, tensor c_,
                    const real *h_0, tensor dy_, const real *dh_T, real *dx, real *d_delta,
                    real *dA_, real *db_, real *dc_, real *dh_0) {
    const int64_t R = REGISTERS(K), S = D * R, N = R * LANES;
    vec *h = workspace((2 * T + 4) * S + 6 * R); /* states 0 .. T, factors 1 .. T, A, dA, g */
    if (!h) return 1;
    vec *power = h + (T + 1) * S, *A = power + T * S, *dA = A + S, *g = dA + S, *b = g + S;
    vec *c = b + R, *db = c + R, *dc = db + R, *by_x = dc + R, *by_delta = by_x + R;
    const real shift = (real)negative, scale = 1 + shift;
    unsigned mode = flush_denormals();

    for (int64_t d = 0; d < D; d++) spread((real *)(A + d * R), A_ + d * K, K, N);
    for (int64_t n = begin; n < end; n++) {
        for (int64_t d = 0; d < D; d++) spread((real *)(h + d * R), h_0 + (n * D + d) * K, K, N);
        for (int64_t t = 0; t < T; t++) {
            const real *x = x_.data + n * x_.batch + t * x_.time;
            const real *delta = delta_.data + n * delta_.batch + t * delta_.time;
            spread((real *)b, b_.data + n * b_.batch + t * b_.time, K, N);
            for (int64_t d = 0; d < D; d++) {
                const vec *before = h + t * S + d * R;
                step(h + (t + 1) * S + d * R, before, power + t * S + d * R, A + d * R, b, delta[d],
                     x[d], (real)negative, R);
            }
        }
        clear(dA, (int)S);
        clear(g, (int)S);
        for (int64_t d = 0; dh_T && d < D; d++)
            spread((real *)(g + d * R), dh_T + (n * D + d) * K, K, N);
        for (int64_t t = T - 1; t >= 0; t--) {
            const real *x = x_.data + n * x_.batch + t * x_.time;
            const real *delta = delta_.data + n * delta_.batch + t * delta_.time;
            const real *dy = dy_.data ? dy_.data + n * dy_.batch + t * dy_.time : NULL;
            spread((real *)b, b_.data + n * b_.batch + t * b_.time, K, N);
            spread((real *)c, c_.data + n * c_.batch + t * c_.time, K, N);
            clear(db, (int)R);
            clear(dc, (int)R);
            for (int64_t d = 0; d < D; d++) {
                const vec *before = h + t * S + d * R, *after = before + S;
                const vec *p = power + t * S + d * R, *rate = A + d * R;
                vec *own = g + d * R, *sum = dA + d * R;
                const real gradient = dy ? dy[d] : 0;
                for (int64_t i = 0; i < R; i++) {
                    own[i] += gradient * c[i];
                    dc[i] += gradient * after[i];
                    db[i] += delta[d] * x[d] * own[i];
                    by_x[i] = own[i] * b[i];
                    const vec change = scale * own[i] * before[i] * p[i];
                    by_delta[i] = change * rate[i];
                    sum[i] += change * delta[d];
                    own[i] *= scale * p[i] - shift;
                }
                const real both = sum_of(by_x, R);
                dx[(n * T + t) * D + d] = delta[d] * both;
                d_delta[(n * T + t) * D + d] = x[d] * both + sum_of(by_delta, R);
            }
            memcpy(db_ + (n * T + t) * K, db, K * sizeof(real));
            memcpy(dc_ + (n * T + t) * K, dc, K * sizeof(real));
        }
        for (int64_t d = 0; d < D; d++) {
            memcpy(dA_ + (n * D + d) * K, dA + d * R, K * sizeof(real));
            memcpy(dh_0 + (n * D + d) * K, g + d * R, K * sizeof(real));
        }
    }
    restore_denormals(mode);
    free(h);
    return 0;
}
