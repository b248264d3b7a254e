/* Forward and backward of the delta rule with feedback, LANES sequences of one head at a time.
 *
 * A step, with h = tanh(previous output) and everything per sequence and head:
 *     q = softmax(a_q + h R_q),  k = softmax(a_k + h R_k)
 *     v = a_v + h R_v,           β = σ(a_β + h · r)
 *     e = v − k S,   S ← S + k ⊗ β e,   y = q S
 *
 * Back through it, with G the gradient of S after the step and dy that of y (from the loss and from
 * the next step's h):
 *     G  ← G + q ⊗ dy                        dq = S dy
 *     dβ = (k G) · e                         dv = β (k G)  (= gradient of e)
 *     dk = G (β e) + S' du                   S' = S − k ⊗ β e, the state before the step
 *     G  ← G + k ⊗ du                        du = −dv, as e = v − u with u = k S'
 *     da_q, da_k by the softmax, da_v = dv, da_β = dβ β (1 − β)
 *     dh = R_q da_q + R_k da_k + R_v da_v + r da_β,    dy of the previous step += (1 − h²) dh
 *     dR_q += h ⊗ da_q, …
 *
 * Parts may be replaced: with `linear` feedback h is the previous output itself, and with the `sum`
 * rule e = v, so that du = 0.
 *
 * The backward pass does not keep the states: it undoes each write, which costs one rounding error
 * a step just as the write did, and starts afresh from a stored state every `every` steps. So the
 * memory kept is q, k, e, h, β per step, and with every >= D at most another D per step.
 */

#include "../../kernels/runs.h"
#if NARROW
#include "../../kernels/narrow_feedback.h"
#else
#include "../../kernels/feedback.h"

EXPORT int heads(void) { return 0; } /* a lane is a sequence, not a part of a head */

/* What is kept of a step: q, k, e, h [P], β. */
#define KEPT(P) (4 * (P) + 1)

EXPORT int forward(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t size, int64_t every,
                   int64_t linear, int64_t sum, tensor q_, tensor k_, tensor v_, tensor beta_,
                   const real *r_q, const real *r_k, const real *r_v, const real *r_beta,
                   tensor S_0, tensor y_0, tensor y_, tensor S_T, vec *kept, vec *states) {
    const int D = SIZE(size), P = PADDED(D);
    const int64_t stored = (T + every - 1) / every;
    vec *memory = workspace(D * P + KEPT(P) + 3 * P + (3 * D * P + LANES - 1) / LANES);
    if (!memory) return 1;
    vec *S = memory, *scratch = S + D * P, *v = scratch + KEPT(P), *d = v + P, *y = d + P;
    real *R = (real *)(y + P);
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_head(n, B);
        const int64_t head = it.head[0];
        const rows rows_q = rows_of(q_, &it), rows_k = rows_of(k_, &it), rows_v = rows_of(v_, &it),
                   rows_b = rows_of(beta_, &it), rows_y = rows_of(y_, &it),
                   rows_0 = rows_of(y_0, &it);
        const real *r = r_beta + head * D;
        load_weights(R, r_q + head * D * D, D, P, 0);
        load_weights(R + D * P, r_k + head * D * D, D, P, 0);
        load_weights(R + 2 * D * P, r_v + head * D * D, D, P, 0);
        clear(S, D * P + KEPT(P) + 3 * P);
        load_state(S, S_0, &it, D, D, P);
        load(y, &rows_0, 0, D);

        for (int64_t t = 0; t < T; t++) {
            vec *step = kept ? kept + (n * T + t) * KEPT(P) : scratch;
            vec *q = step, *k = q + P, *e = k + P, *h = e + P, *beta = h + P;
            if (P > D) clear(step, KEPT(P));
            load_step(q, &rows_q, t, D);
            load_step(k, &rows_k, t, D);
            load_step(v, &rows_v, t, D);
            load_step(beta, &rows_b, t, 1);
            memcpy(h, y, D * sizeof(vec));
            for (int i = 0; !linear && i < D; i++) h[i] = vtanh(h[i]);
            add_product(q, h, R, D, P);
            add_product(k, h, R + D * P, D, P);
            add_product(v, h, R + 2 * D * P, D, P);
            for (int i = 0; i < D; i++) *beta += h[i] * r[i];
            softmax(q, D);
            softmax(k, D);
            *beta = vsigmoid(*beta);

            clear(e, P);
            if (!sum) add_read(e, k, S, D, P);
            for (int j = 0; j < P; j++) e[j] = v[j] - e[j], d[j] = *beta * e[j];
            write_read(S, k, d, q, y, D, P);
            store_step(y, &rows_y, t, D);
            if (states && ((t + 1) % every == 0 || t + 1 == T))
                memcpy(states + (n * stored + t / every) * D * P, S, D * P * sizeof(vec));
        }
        store_state(S, S_T, &it, D, D, P);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t size, int64_t every,
                    int64_t linear, int64_t sum, const real *r_q, const real *r_k, const real *r_v,
                    const real *r_beta, const vec *kept, const vec *states, tensor dy_, tensor dS_T,
                    tensor dq_, tensor dk_, tensor dv_, tensor dbeta_, tensor dS_0, tensor dy_0,
                    real *dR_) {
    const int D = SIZE(size), P = PADDED(D), A = 3 * P + 1;
    const int64_t stored = (T + every - 1) / every;
    const int vecs = 2 * D * P + 3 * P * P + P + GATHERED * A + 5 * P;
    vec *memory = workspace(vecs + (3 * P * P + LANES - 1) / LANES);
    if (!memory) return 1;
    vec *S = memory, *G = S + D * P, *dR = G + D * P, *dr = dR + 3 * P * P, *gathered = dr + P;
    vec *carry = gathered + GATHERED * A, *dy = carry + P, *d = dy + P, *du = d + P, *dh = du + P;
    real *R = (real *)(memory + vecs); /* the three matrices transposed, one below the other */
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_head(n, B);
        const int64_t head = it.head[0];
        const rows rows_dy = rows_of(dy_, &it), rows_q = rows_of(dq_, &it),
                   rows_k = rows_of(dk_, &it), rows_v = rows_of(dv_, &it),
                   rows_b = rows_of(dbeta_, &it), rows_0 = rows_of(dy_0, &it);
        const real *r = r_beta + head * D;
        memset(R, 0, 3 * P * P * sizeof(real));
        load_weights(R, r_q + head * D * D, D, P, 1);
        load_weights(R + P * P, r_k + head * D * D, D, P, 1);
        load_weights(R + 2 * P * P, r_v + head * D * D, D, P, 1);
        clear(memory, vecs);
        load_state(G, dS_T, &it, D, D, P);

        int slot = 0;
        for (int64_t t = T - 1; t >= 0; t--) {
            const vec *step = kept + (n * T + t) * KEPT(P);
            const vec *q = step, *k = q + P, *e = k + P, *h = e + P, beta = h[P];
            vec *dq = gathered + slot * A, *dk = dq + P, *dv = dk + P, *dbeta = dv + P;
            if ((t + 1) % every == 0 || t + 1 == T)
                memcpy(S, states + (n * stored + t / every) * D * P, D * P * sizeof(vec));
            load_step(dy, &rows_dy, t, D);
            for (int j = 0; j < P; j++) dy[j] += carry[j], d[j] = beta * e[j];

            clear(dq, 2 * P);
            write_read_backward(G, q, dy, k, d, dk, dv, D, P);
            *dbeta = (vec){0};
            for (int j = 0; j < P; j++) {
                *dbeta += dv[j] * e[j];
                dv[j] *= beta;
                if (!sum) du[j] = -dv[j];
            }
            undo_write(S, G, dy, k, d, k, du, dq, dk, D, P);

            softmax_backward(q, dq, D);
            softmax_backward(k, dk, D);
            *dbeta *= beta * (1 - beta);
            store_step(dq, &rows_q, t, D);
            store_step(dk, &rows_k, t, D);
            store_step(dv, &rows_v, t, D);
            store_step(dbeta, &rows_b, t, 1);

            for (int i = 0; i < D; i++) dh[i] = *dbeta * r[i], dr[i] += *dbeta * h[i];
            add_product(dh, dq, R, 3 * P, P);
            memcpy(carry, dh, D * sizeof(vec));
            for (int i = 0; !linear && i < D; i++) carry[i] *= 1 - h[i] * h[i];
            if (++slot == GATHERED || t == 0) {
                /* The latest gathered step is t, the others follow it in time. */
                for (int m = 0; m < 3; m++)
                    add_outer(dR + m * P * P, h + (slot - 1) * KEPT(P), -KEPT(P),
                              gathered + m * P, A, slot, D, P);
                slot = 0;
            }
        }
        store_state(G, dS_0, &it, D, D, P);
        store(carry, &rows_0, 0, D);
        real *out = dR_ + n * (3 * D + 1) * D;
        for (int m = 0; m < 3; m++)
            for (int i = 0; i < D; i++)
                for (int j = 0; j < D; j++) *out++ = lane_sum(dR[m * P * P + i * P + j]);
        for (int i = 0; i < D; i++) *out++ = lane_sum(dr[i]);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
#endif
