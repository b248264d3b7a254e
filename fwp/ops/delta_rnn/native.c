/* Forward and backward of the Delta RNN, LANES pairs of sequence and head at a time.
 *
 * A step, with y the previous output:
 *     q = softmax(y),   e = v − k R,   R ← R + k ⊗ β e,   y = z + q R
 * Back through it, with G the gradient of R after the step and dy that of y (from the loss and from
 * the next step's q):
 *     G  ← G + q ⊗ dy                        dz = dy,  dq = R dy
 *     dβ = (k G) · e                         dv = β (k G)  (= gradient of e)
 *     dk = G (β e) − R' dv                   R' = R − k ⊗ β e, the matrix before the step
 *     G  ← G − k ⊗ dv                        dy of the previous step += dq through the softmax
 * The writes are undone and restarted from stored matrices as in ../recurrent_delta_rule/native.c.
 */

#include "../../kernels/state.h"

#define KEPT(P) (3 * (P) + 1) /* q, k, e [P], β */

EXPORT int forward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t size,
                   int64_t every, tensor z_, tensor k_, tensor v_, tensor beta_, tensor R_0,
                   tensor y_0, tensor y_, tensor R_T, vec *kept, vec *states) {
    const int D = SIZE(size), P = PADDED(D);
    const int64_t stored = (T + every - 1) / every;
    const int vecs = D * P + KEPT(P) + 4 * P;
    vec *memory = workspace(vecs);
    if (!memory) return 1;
    vec *R = memory, *scratch = R + D * P, *z = scratch + KEPT(P), *v = z + P, *d = v + P;
    vec *y = d + P;
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const rows rows_z = rows_of(z_, &it), rows_k = rows_of(k_, &it), rows_v = rows_of(v_, &it),
                   rows_b = rows_of(beta_, &it), rows_y = rows_of(y_, &it),
                   rows_0 = rows_of(y_0, &it);
        clear(memory, vecs);
        load_state(R, R_0, &it, D, D, P);
        load(y, &rows_0, 0, D);
        for (int64_t t = 0; t < T; t++) {
            vec *q = kept ? kept + (n * T + t) * KEPT(P) : scratch;
            vec *k = q + P, *e = k + P, *beta = e + P;
            clear(q, KEPT(P));
            load_step(z, &rows_z, t, D);
            load_step(k, &rows_k, t, D);
            load_step(v, &rows_v, t, D);
            load_step(beta, &rows_b, t, 1);
            memcpy(q, y, D * sizeof(vec));
            softmax(q, D);
            add_read(e, k, R, D, P);
            for (int j = 0; j < P; j++) e[j] = v[j] - e[j], d[j] = *beta * e[j];
            write_read(R, k, d, q, y, D, P);
            for (int j = 0; j < P; j++) y[j] += z[j];
            store_step(y, &rows_y, t, D);
            if (states && ((t + 1) % every == 0 || t + 1 == T))
                memcpy(states + (n * stored + t / every) * D * P, R, D * P * sizeof(vec));
        }
        store_state(R, R_T, &it, D, D, P);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t size,
                    int64_t every, const vec *kept, const vec *states, tensor dy_, tensor dR_T,
                    tensor dz_, tensor dk_, tensor dv_, tensor dbeta_, tensor dR_0, tensor dy_0) {
    const int D = SIZE(size), P = PADDED(D);
    const int64_t stored = (T + every - 1) / every;
    const int vecs = 2 * D * P + 6 * P;
    vec *memory = workspace(vecs);
    if (!memory) return 1;
    vec *R = memory, *G = R + D * P, *dy = G + D * P, *d = dy + P, *du = d + P, *dq = du + P;
    vec *dk = dq + P, *dv = dk + P;
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const rows rows_dy = rows_of(dy_, &it), rows_z = rows_of(dz_, &it),
                   rows_k = rows_of(dk_, &it), rows_v = rows_of(dv_, &it),
                   rows_b = rows_of(dbeta_, &it), rows_0 = rows_of(dy_0, &it);
        clear(memory, vecs); /* dq among them: what the step after owes to this one's dy */
        load_state(G, dR_T, &it, D, D, P);
        for (int64_t t = T - 1; t >= 0; t--) {
            const vec *q = kept + (n * T + t) * KEPT(P), *k = q + P, *e = k + P, beta = e[P];
            vec dbeta = {0};
            if ((t + 1) % every == 0 || t + 1 == T)
                memcpy(R, states + (n * stored + t / every) * D * P, D * P * sizeof(vec));
            load_step(dy, &rows_dy, t, D);
            for (int j = 0; j < P; j++) dy[j] += dq[j], d[j] = beta * e[j];

            clear(dq, P);
            clear(dk, P);
            write_read_backward(G, q, dy, k, d, dk, dv, D, P);
            for (int j = 0; j < P; j++) dbeta += dv[j] * e[j], dv[j] *= beta, du[j] = -dv[j];
            undo_write(R, G, dy, k, d, k, du, dq, dk, D, P);
            softmax_backward(q, dq, D);

            store_step(dy, &rows_z, t, D);
            store_step(dk, &rows_k, t, D);
            store_step(dv, &rows_v, t, D);
            store_step(&dbeta, &rows_b, t, 1);
        }
        store_state(G, dR_0, &it, D, D, P);
        store(dq, &rows_0, 0, D);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
