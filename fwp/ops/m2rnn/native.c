/* Forward and backward of the recurrent net with a matrix for a state, LANES sequences of one head
 * at a time.
 *
 * A step, row by row:   z = tanh(S' W + k ⊗ v),   S = f S' + (1 − f) z,   y = q S
 *
 * Back through it, with G the gradient of S and S' the state before the step:
 *     G  ← G + q ⊗ dy,   dq = S dy,   df = Σ G ∘ (S' − z),   da = (1 − f) G ∘ (1 − z²)
 *     dk = da v,   dv = k da,   dW += S'ᵀ da,   G ← f G + da Wᵀ
 *
 * Kept are q, k, v, f of every step, and the state before every `every` steps. The backward pass
 * computes those between and z again.
 */

#include "../../kernels/feedback.h"

#define KEPT(K, P) (2 * (K) + (P) + 1) /* q, k [K], v [P], f */

/* A row of z before the tanh: row W + k_i v */
INLINE void drive(vec *z, const vec *row, vec ki, const vec *v, const real *W, int V, int P) {
    for (int j = 0; j < P; j++) z[j] = ki * v[j];
    add_product(z, row, W, V, P);
}

/* From S' = before to S = after, which may be the same; y = q S. */
INLINE void step(const vec *before, vec *after, const vec *x, const real *W, vec *z, vec *y, int K,
                 int V, int P) {
    const vec *q = x, *k = q + K, *v = k + K, f = v[P];
    clear(y, P);
    for (int i = 0; i < K; i++) {
        drive(z, before + i * P, k[i], v, W, V, P);
        for (int j = 0; j < P; j++) {
            const vec new = vtanh(z[j]), s = new + f * (before[i * P + j] - new);
            after[i * P + j] = s;
            y[j] += q[i] * s;
        }
    }
}

EXPORT int forward(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t keys, int64_t values,
                   int64_t every, tensor q, tensor k, tensor v, tensor f, const real *w, tensor S_0,
                   tensor y_, tensor S_T, vec *kept, vec *states) {
    const int K = SIZE(keys), V = SIZE(values), P = PADDED(V);
    const int vecs = K * P + KEPT(K, P) + 2 * P;
    const int64_t segments = (T + every - 1) / every;
    vec *memory = workspace(vecs + (V * P + LANES - 1) / LANES);
    if (!memory) return 1;
    vec *S = memory, *scratch = S + K * P, *y = scratch + KEPT(K, P), *z = y + P;
    real *W = (real *)(z + P);
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_head(n, B);
        const rows rows_q = rows_of(q, &it), rows_k = rows_of(k, &it), rows_v = rows_of(v, &it),
                   rows_f = rows_of(f, &it), rows_y = rows_of(y_, &it);
        load_weights(W, w + it.head[0] * V * V, V, P, 0);
        clear(memory, vecs);
        load_state(S, S_0, &it, K, V, P);
        for (int64_t t = 0; t < T; t++) {
            vec *x = kept ? kept + (n * T + t) * KEPT(K, P) : scratch;
            if (P > V) clear(x, KEPT(K, P));
            load_step(x, &rows_q, t, K);
            load_step(x + K, &rows_k, t, K);
            load_step(x + 2 * K, &rows_v, t, V);
            load_step(x + 2 * K + P, &rows_f, t, 1);
            if (states && t % every == 0)
                memcpy(states + (n * segments + t / every) * K * P, S, K * P * sizeof(vec));
            step(S, S, x, W, z, y, K, V, P);
            store_step(y, &rows_y, t, V);
        }
        store_state(S, S_T, &it, K, V, P);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t keys, int64_t values,
                    int64_t every, const real *w, const vec *kept, const vec *states, tensor dy_,
                    tensor dS_T, tensor dq_, tensor dk_, tensor dv_, tensor df_, tensor dS_0,
                    real *dW_) {
    const int K = SIZE(keys), V = SIZE(values), P = PADDED(V);
    const int64_t longest = T < every ? T : every, segments = (T + every - 1) / every;
    const int vecs = 2 * K * P + P * P + 2 * K + 4 * P; /* G, da, dW, dq, dk, dv, dy, y, z */
    vec *memory = workspace(vecs + (longest + 1) * K * P + (2 * P * P + LANES - 1) / LANES);
    if (!memory) return 1;
    vec *G = memory, *da = G + K * P, *dW = da + K * P, *dq = dW + P * P, *dk = dq + K;
    vec *dv = dk + K, *dy = dv + P, *y = dy + P, *z = y + P, *S = memory + vecs;
    real *W = (real *)(S + (longest + 1) * K * P), *back = W + P * P; /* W, and transposed */
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_head(n, B);
        const rows rows_dy = rows_of(dy_, &it), rows_q = rows_of(dq_, &it),
                   rows_k = rows_of(dk_, &it), rows_v = rows_of(dv_, &it),
                   rows_f = rows_of(df_, &it);
        memset(W, 0, 2 * P * P * sizeof(real));
        load_weights(W, w + it.head[0] * V * V, V, P, 0);
        load_weights(back, w + it.head[0] * V * V, V, P, 1);
        clear(memory, vecs);
        load_state(G, dS_T, &it, K, V, P);
        for (int64_t segment = segments - 1; segment >= 0; segment--) {
            const int64_t start = segment * every;
            const int64_t steps = T - start < every ? T - start : every;
            memcpy(S, states + (n * segments + segment) * K * P, K * P * sizeof(vec));
            for (int64_t s = 0; s < steps; s++)
                step(S + s * K * P, S + (s + 1) * K * P, kept + (n * T + start + s) * KEPT(K, P), W,
                     z, y, K, V, P);
            for (int64_t s = steps - 1; s >= 0; s--) {
                const int64_t t = start + s;
                const vec *q = kept + (n * T + t) * KEPT(K, P), *k = q + K, *v = k + K, f = v[P];
                const vec *before = S + s * K * P, *after = before + K * P;
                vec df = {0};
                load_step(dy, &rows_dy, t, V);
                clear(dv, P);
                for (int i = 0; i < K; i++) {
                    vec *g = G + i * P, *a = da + i * P, query = {0}, key = {0};
                    drive(z, before + i * P, k[i], v, W, V, P);
                    for (int j = 0; j < P; j++) {
                        const vec new = vtanh(z[j]);
                        g[j] += q[i] * dy[j];
                        query += after[i * P + j] * dy[j];
                        df += g[j] * (before[i * P + j] - new);
                        a[j] = (1 - f) * g[j] * (1 - new * new);
                        g[j] *= f;
                        key += a[j] * v[j];
                        dv[j] += k[i] * a[j];
                    }
                    dq[i] = query, dk[i] = key;
                    add_product(g, a, back, P, P);
                }
                add_outer(dW, before, P, da, P, K, V, P);
                store_step(dq, &rows_q, t, K);
                store_step(dk, &rows_k, t, K);
                store_step(dv, &rows_v, t, V);
                store_step(&df, &rows_f, t, 1);
            }
        }
        store_state(G, dS_0, &it, K, V, P);
        real *out = dW_ + n * V * V;
        for (int i = 0; i < V; i++)
            for (int j = 0; j < V; j++) *out++ = lane_sum(dW[i * P + j]);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
