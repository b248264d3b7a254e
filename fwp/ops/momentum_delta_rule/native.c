/* Forward and backward of the delta rule with momentum, LANES pairs of sequence and head at a time.
 *
 * A step:   e = v − α (k S),   M ← μ M + k ⊗ η e,   S ← α S + β M,   y = q S
 *
 * Back through it, with G and N the gradients of S and M after the step, and S', M' before it:
 *     G  ← G + q ⊗ dy,   dq = S dy,   dβ = Σ G ∘ M,   N ← N + β G
 *     dη = (k N) · e,   dv = η (k N),   dk = N (η e) − α S' dv,   dμ = Σ N ∘ M'
 *     G  ← G − k ⊗ dv,   dα = Σ G ∘ S',   G ← α G,   N ← μ N
 * The forward pass keeps S and M before every `every` steps, from which the backward pass computes
 * those between.
 */

#include "../../kernels/state.h"

#define RATES 4                                      /* α, μ, β, η */
#define LOADED(K, P) (2 * (K) + 2 * (P) + RATES)     /* q, k [K], v, e [P], rates */

typedef struct {
    rows q, k, v, rates[RATES];
} inputs;

INLINE inputs inputs_of(tensor q, tensor k, tensor v, tensor alpha, tensor mu, tensor beta,
                        tensor eta, const lanes *it) {
    return (inputs){rows_of(q, it), rows_of(k, it), rows_of(v, it),
                    {rows_of(alpha, it), rows_of(mu, it), rows_of(beta, it), rows_of(eta, it)}};
}

INLINE void load_inputs(vec *x, const inputs *in, int64_t t, int K, int V, int P) {
    load_step(x, &in->q, t, K);
    load_step(x + K, &in->k, t, K);
    load_step(x + 2 * K, &in->v, t, V);
    for (int r = 0; r < RATES; r++) load_step(x + 2 * K + 2 * P + r, &in->rates[r], t, 1);
}

/* From S and M, one after another, to those after the step, which may be the same; e and y. */
TILE step_tile(int j, const int width, const vec *state, vec *after, vec *restrict x,
               vec *restrict y, int K, int P) {
    const vec *q = x, *k = q + K, *v = k + K, *rates = v + 2 * P;
    const vec alpha = rates[0], mu = rates[1], beta = rates[2], eta = rates[3];
    vec *e = x + 2 * K + P, change[8], sum[8];
    EACH(n) change[n] = sum[n] = (vec){0};
    for (int i = 0; i < K; i++) EACH(n) change[n] += k[i] * state[i * P + j + n];
    EACH(n) {
        change[n] = v[j + n] - alpha * change[n];
        e[j + n] = change[n];
        change[n] *= eta;
    }
    for (int i = 0; i < K; i++) {
        const vec qi = q[i], ki = k[i];
        EACH(n) {
            const int at = i * P + j + n;
            const vec m = mu * state[K * P + at] + ki * change[n], s = alpha * state[at] + beta * m;
            after[K * P + at] = m, after[at] = s;
            sum[n] += qi * s;
        }
    }
    EACH(n) y[j + n] = sum[n];
}

EXPORT int forward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t keys,
                   int64_t values, int64_t every, tensor q, tensor k, tensor v, tensor alpha,
                   tensor mu, tensor beta, tensor eta, tensor S_0, tensor M_0, tensor y_,
                   tensor S_T, tensor M_T, vec *states) {
    const int K = SIZE(keys), V = SIZE(values), P = PADDED(V), both = 2 * K * P;
    const int vecs = both + LOADED(K, P) + P;
    const int64_t segments = (T + every - 1) / every;
    vec *memory = workspace(vecs);
    if (!memory) return 1;
    vec *S = memory, *M = S + K * P, *x = S + both, *y = x + LOADED(K, P);
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const inputs in = inputs_of(q, k, v, alpha, mu, beta, eta, &it);
        const rows rows_y = rows_of(y_, &it);
        clear(memory, vecs);
        load_state(S, S_0, &it, K, V, P);
        load_state(M, M_0, &it, K, V, P);
        for (int64_t t = 0; t < T; t++) {
            if (states && t % every == 0)
                memcpy(states + (n * segments + t / every) * both, S, both * sizeof(vec));
            load_inputs(x, &in, t, K, V, P);
            BY_TILES(step_tile, P, S, S, x, y, K, P);
            store_step(y, &rows_y, t, V);
        }
        store_state(S, S_T, &it, K, V, P);
        store_state(M, M_T, &it, K, V, P);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

/* All gradients of a step, with S and M before it, those after it, and G and N, each one
 * after another. `d` holds dq, dk [K], dv [P] and those of the rates. */
TILE back_tile(int j, const int width, const vec *restrict before, const vec *restrict after,
               vec *restrict G, const vec *restrict x, const vec *restrict dy, vec *restrict d,
               int K, int P) {
    const vec *q = x, *k = q + K, *e = k + K + P, *rates = e + P;
    const vec alpha = rates[0], mu = rates[1], beta = rates[2], eta = rates[3];
    vec *dq = d, *dk = dq + K, *dv = dk + K, *drates = dv + P, *N = G + K * P;
    vec y[8], sum[8], change[8], dalpha, dmu, dbeta, deta;
    dalpha = dmu = dbeta = deta = (vec){0};
    EACH(n) y[n] = dy[j + n], change[n] = eta * e[j + n], sum[n] = (vec){0};
    for (int i = 0; i < K; i++) {
        const vec qi = q[i], ki = k[i];
        vec query = j ? dq[i] : (vec){0};
        EACH(n) {
            const int at = i * P + j + n;
            const vec g = G[at] + qi * y[n], m = N[at] + beta * g;
            G[at] = g, N[at] = m;
            query += after[at] * y[n];
            dbeta += g * after[K * P + at];
            sum[n] += ki * m;
        }
        dq[i] = query;
    }
    EACH(n) {
        deta += sum[n] * e[j + n];
        sum[n] *= eta;
        dv[j + n] = sum[n];
    }
    for (int i = 0; i < K; i++) {
        const vec ki = k[i];
        vec key = j ? dk[i] : (vec){0};
        EACH(n) {
            const int at = i * P + j + n;
            const vec s = before[at], m = N[at], g = G[at] - ki * sum[n];
            key += m * change[n] - alpha * s * sum[n];
            dmu += m * before[K * P + at];
            dalpha += g * s;
            G[at] = alpha * g, N[at] = mu * m;
        }
        dk[i] = key;
    }
    drates[0] += dalpha, drates[1] += dmu, drates[2] += dbeta, drates[3] += deta;
}

EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t keys,
                    int64_t values, int64_t every, tensor q, tensor k, tensor v, tensor alpha,
                    tensor mu, tensor beta, tensor eta, const vec *states, tensor dy_, tensor dS_T,
                    tensor dM_T, tensor dq_, tensor dk_, tensor dv_, tensor dalpha_, tensor dmu_,
                    tensor dbeta_, tensor deta_, tensor dS_0, tensor dM_0) {
    const int K = SIZE(keys), V = SIZE(values), P = PADDED(V), both = 2 * K * P;
    const int64_t longest = T < every ? T : every, segments = (T + every - 1) / every;
    const int64_t vecs = both + 2 * K + 3 * P + RATES; /* G, N, gradients of a step, dy, y */
    vec *memory = workspace(vecs + longest * (LOADED(K, P) + both) + both);
    if (!memory) return 1;
    vec *G = memory, *d = G + both, *drates = d + 2 * K + P, *dy = drates + RATES, *y = dy + P;
    vec *loaded = memory + vecs, *S = loaded + longest * LOADED(K, P);
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const inputs in = inputs_of(q, k, v, alpha, mu, beta, eta, &it);
        const inputs to = inputs_of(dq_, dk_, dv_, dalpha_, dmu_, dbeta_, deta_, &it);
        const rows rows_dy = rows_of(dy_, &it);
        clear(memory, vecs + longest * LOADED(K, P));
        load_state(G, dS_T, &it, K, V, P);
        load_state(G + K * P, dM_T, &it, K, V, P);
        for (int64_t segment = segments - 1; segment >= 0; segment--) {
            const int64_t start = segment * every;
            const int64_t steps = T - start < every ? T - start : every;
            memcpy(S, states + (n * segments + segment) * both, both * sizeof(vec));
            for (int64_t s = 0; s < steps; s++) {
                vec *x = loaded + s * LOADED(K, P), *before = S + s * both;
                load_inputs(x, &in, start + s, K, V, P);
                BY_TILES(step_tile, P, before, before + both, x, y, K, P);
            }
            for (int64_t s = steps - 1; s >= 0; s--) {
                const int64_t t = start + s;
                const vec *x = loaded + s * LOADED(K, P), *before = S + s * both;
                load_step(dy, &rows_dy, t, V);
                clear(drates, RATES);
                BY_TILES(back_tile, P, before, before + both, G, x, dy, d, K, P);
                store_step(d, &to.q, t, K);
                store_step(d + K, &to.k, t, K);
                store_step(d + 2 * K, &to.v, t, V);
                for (int r = 0; r < RATES; r++) store_step(drates + r, &to.rates[r], t, 1);
            }
        }
        store_state(G, dS_0, &it, K, V, P);
        store_state(G + K * P, dM_0, &it, K, V, P);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
