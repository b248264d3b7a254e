/* Forward and backward of Oja's rule on fast weights, LANES pairs of sequence and head at a time.
 *
 * The state is transposed here: its rows are values, its columns keys. A step:
 *     S' = w ∘ S,   e = k − v S',   S ← S' + v ⊗ β e,   y = S q
 *
 * Back through it, with G the gradient of S after the step:
 *     G  ← G + dy ⊗ q,   dq = dy S
 *     dk = β (v G),   dβ = (v G) · e,   dv = G (β e) − S' dk
 *     G  ← G − v ⊗ dk,   dw = row sums of G ∘ S before the step,   G ← w ∘ G
 * The forward pass keeps the state before every `every` steps, from which the backward pass computes
 * those between: where w is small, S' says nothing of S.
 */

#include "../../kernels/state.h"

#define LOADED(V, P) (2 * (V) + 3 * (P) + 1) /* v, w [V], q, k, e [P], β */

typedef struct {
    rows q, k, v, beta, w;
} inputs;

INLINE inputs inputs_of(tensor q, tensor k, tensor v, tensor beta, tensor w, const lanes *it) {
    return (inputs){rows_of(q, it), rows_of(k, it), rows_of(v, it), rows_of(beta, it),
                    rows_of(w, it)};
}

INLINE void load_inputs(vec *x, const inputs *in, int64_t t, int K, int V, int P) {
    load_step(x, &in->v, t, V);
    load_step(x + V, &in->w, t, V);
    load_step(x + 2 * V, &in->q, t, K);
    load_step(x + 2 * V + P, &in->k, t, K);
    load_step(x + 2 * V + 3 * P, &in->beta, t, 1);
}

/* e = k − v (w ∘ S);  after = w ∘ S + v ⊗ β e;  y = after q.  `after` may be S. */
TILE step_tile(int j, const int width, const vec *S, vec *after, vec *restrict x, vec *restrict y,
               int V, int P) {
    const vec *v = x, *w = v + V, *q = w + V, *k = q + P;
    vec *e = x + 2 * V + 2 * P, beta = e[P], query[8], change[8];
    EACH(n) query[n] = q[j + n], change[n] = k[j + n];
    for (int i = 0; i < V; i++) {
        const vec read = v[i] * w[i];
        EACH(n) change[n] -= read * S[i * P + j + n];
    }
    EACH(n) e[j + n] = change[n], change[n] *= beta;
    for (int i = 0; i < V; i++) {
        vec vi = v[i], wi = w[i], sum = j ? y[i] : (vec){0};
        EACH(n) {
            const vec s = wi * S[i * P + j + n] + vi * change[n];
            after[i * P + j + n] = s;
            sum += query[n] * s;
        }
        y[i] = sum;
    }
}

EXPORT int forward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t keys,
                   int64_t values, int64_t every, tensor q, tensor k, tensor v, tensor beta,
                   tensor w, tensor S_0, tensor y_, tensor S_T, vec *states) {
    const int K = SIZE(keys), V = SIZE(values), P = PADDED(K);
    const int vecs = V * P + LOADED(V, P) + V;
    const int64_t segments = (T + every - 1) / every;
    vec *memory = workspace(vecs);
    if (!memory) return 1;
    vec *S = memory, *x = S + V * P, *y = x + LOADED(V, P);
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const inputs in = inputs_of(q, k, v, beta, w, &it);
        const rows rows_y = rows_of(y_, &it);
        clear(memory, vecs);
        load_state(S, S_0, &it, V, K, P);
        for (int64_t t = 0; t < T; t++) {
            if (states && t % every == 0)
                memcpy(states + (n * segments + t / every) * V * P, S, V * P * sizeof(vec));
            load_inputs(x, &in, t, K, V, P);
            BY_TILES(step_tile, P, S, S, x, y, V, P);
            store_step(y, &rows_y, t, V);
        }
        store_state(S, S_T, &it, V, K, P);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

/* All gradients of a step; S is the state before it. `d` holds dv, dw [V], dq, dk [P], dβ. */
TILE back_tile(int j, const int width, const vec *restrict S, vec *restrict G,
               const vec *restrict x, const vec *restrict dy, vec *restrict d, int V, int P) {
    const vec *v = x, *w = v + V, *q = w + V, *e = q + 2 * P, beta = e[P];
    vec *dv = d, *dw = dv + V, *dq = dw + V, *dk = dq + P, *dbeta = dk + P;
    vec query[8], change[8], dquery[8], dkey[8], rate = j ? *dbeta : (vec){0};
    EACH(n) {
        query[n] = q[j + n], change[n] = beta * e[j + n];
        dquery[n] = dkey[n] = (vec){0};
    }
    for (int i = 0; i < V; i++) {
        const vec vi = v[i], wi = w[i], y = dy[i];
        const vec *s = S + i * P + j;
        vec *row = G + i * P + j;
        EACH(n) {
            const vec g = row[n] + y * query[n];
            row[n] = g;
            dquery[n] += y * (wi * s[n] + vi * change[n]);
            dkey[n] += vi * g;
        }
    }
    EACH(n) {
        rate += dkey[n] * e[j + n];
        dkey[n] *= beta;
        dq[j + n] = dquery[n], dk[j + n] = dkey[n];
    }
    *dbeta = rate;
    for (int i = 0; i < V; i++) {
        const vec vi = v[i], wi = w[i], *s = S + i * P + j;
        vec value = j ? dv[i] : (vec){0}, decay = j ? dw[i] : (vec){0}, *row = G + i * P + j;
        EACH(n) {
            const vec g = row[n] - vi * dkey[n];
            value += row[n] * change[n] - wi * s[n] * dkey[n];
            decay += g * s[n];
            row[n] = wi * g;
        }
        dv[i] = value, dw[i] = decay;
    }
}

EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t keys,
                    int64_t values, int64_t every, tensor q, tensor k, tensor v, tensor beta,
                    tensor w, const vec *states, tensor dy_, tensor dS_T, tensor dq_, tensor dk_,
                    tensor dv_, tensor dbeta_, tensor dw_, tensor dS_0) {
    const int K = SIZE(keys), V = SIZE(values), P = PADDED(K);
    const int64_t longest = T < every ? T : every, segments = (T + every - 1) / every;
    const int64_t vecs = V * P + 4 * V + 2 * P + 1; /* G, the gradients of a step, dy, y */
    vec *memory = workspace(vecs + longest * (LOADED(V, P) + V * P) + V * P);
    if (!memory) return 1;
    vec *G = memory, *d = G + V * P, *dy = d + 2 * V + 2 * P + 1, *y = dy + V;
    vec *loaded = memory + vecs, *S = loaded + longest * LOADED(V, P);
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const inputs in = inputs_of(q, k, v, beta, w, &it);
        const rows rows_dy = rows_of(dy_, &it), rows_q = rows_of(dq_, &it),
                   rows_k = rows_of(dk_, &it), rows_v = rows_of(dv_, &it),
                   rows_b = rows_of(dbeta_, &it), rows_w = rows_of(dw_, &it);
        clear(memory, vecs + longest * LOADED(V, P));
        load_state(G, dS_T, &it, V, K, P);
        for (int64_t segment = segments - 1; segment >= 0; segment--) {
            const int64_t start = segment * every;
            const int64_t steps = T - start < every ? T - start : every;
            memcpy(S, states + (n * segments + segment) * V * P, V * P * sizeof(vec));
            for (int64_t s = 0; s < steps; s++) {
                vec *x = loaded + s * LOADED(V, P), *before = S + s * V * P;
                load_inputs(x, &in, start + s, K, V, P);
                BY_TILES(step_tile, P, before, before + V * P, x, y, V, P);
            }
            for (int64_t s = steps - 1; s >= 0; s--) {
                const int64_t t = start + s;
                const vec *x = loaded + s * LOADED(V, P), *before = S + s * V * P;
                load_step(dy, &rows_dy, t, V);
                BY_TILES(back_tile, P, before, G, x, dy, d, V, P);
                store_step(d, &rows_v, t, V);
                store_step(d + V, &rows_w, t, V);
                store_step(d + 2 * V, &rows_q, t, K);
                store_step(d + 2 * V + P, &rows_k, t, K);
                store_step(d + 2 * V + 2 * P, &rows_b, t, 1);
            }
        }
        store_state(G, dS_0, &it, V, K, P);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
