/* Forward and backward of the generalised delta rule, LANES pairs of sequence and head at a time.
 *
 * A step:   r = a S,   S ← w ∘ S + b ⊗ r + k ⊗ v,   y = q S
 *
 * Back through it, with G the gradient of S after the step and S' the state before it:
 *     G  ← G + q ⊗ dy,   dq = S dy
 *     dv = k G,   dk = G v,   dr = b G,   db = G r,   da = S' dr,   dw = row sums of G ∘ S'
 *     G  ← w ∘ G + a ⊗ dr
 * dw needs G and S' of the same step, and S' cannot be had from S where w is small: the forward pass
 * keeps the state before every `every` steps, from which the backward pass computes those between.
 */

#include "../../kernels/state.h"

#define KEYS 5                             /* q, k, w, a, b [K] lie one after another, then v, r */
#define LOADED(K, P) (KEYS * (K) + 2 * (P))

typedef struct {
    rows q, k, v, w, a, b;
} inputs;

INLINE inputs inputs_of(tensor q, tensor k, tensor v, tensor w, tensor a, tensor b,
                        const lanes *it) {
    return (inputs){rows_of(q, it), rows_of(k, it), rows_of(v, it),
                    rows_of(w, it), rows_of(a, it), rows_of(b, it)};
}

INLINE void load_inputs(vec *x, const inputs *in, int64_t t, int K, int V) {
    load_step(x, &in->q, t, K);
    load_step(x + K, &in->k, t, K);
    load_step(x + 2 * K, &in->w, t, K);
    load_step(x + 3 * K, &in->a, t, K);
    load_step(x + 4 * K, &in->b, t, K);
    load_step(x + 5 * K, &in->v, t, V);
}

/* r = a S;  after = w ∘ S + b ⊗ r + k ⊗ v;  y = q after.  `after` may be S. */
TILE step_tile(int j, const int width, const vec *S, vec *after, const vec *restrict x,
               vec *restrict r, vec *restrict y, int K, int P) {
    const vec *q = x, *k = q + K, *w = k + K, *a = w + K, *b = a + K, *v = b + K;
    vec read[8], value[8], sum[8];
    EACH(n) value[n] = v[j + n], read[n] = sum[n] = (vec){0};
    for (int i = 0; i < K; i++) EACH(n) read[n] += a[i] * S[i * P + j + n];
    for (int i = 0; i < K; i++) {
        vec qi = q[i], ki = k[i], wi = w[i], bi = b[i];
        EACH(n) {
            vec s = wi * S[i * P + j + n] + bi * read[n] + ki * value[n];
            after[i * P + j + n] = s;
            sum[n] += qi * s;
        }
    }
    EACH(n) r[j + n] = read[n], y[j + n] = sum[n];
}

EXPORT int forward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t keys,
                   int64_t values, int64_t every, tensor q, tensor k, tensor v, tensor w, tensor a,
                   tensor b, tensor S_0, tensor y_, tensor S_T, vec *states) {
    const int K = SIZE(keys), V = SIZE(values), P = PADDED(V);
    const int vecs = K * P + LOADED(K, P) + P;
    const int64_t segments = (T + every - 1) / every;
    vec *memory = workspace(vecs);
    if (!memory) return 1;
    vec *S = memory, *x = S + K * P, *r = x + KEYS * K + P, *y = r + P;
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const inputs in = inputs_of(q, k, v, w, a, b, &it);
        const rows rows_y = rows_of(y_, &it);
        clear(memory, vecs);
        load_state(S, S_0, &it, K, V, P);
        for (int64_t t = 0; t < T; t++) {
            if (states && t % every == 0)
                memcpy(states + (n * segments + t / every) * K * P, S, K * P * sizeof(vec));
            load_inputs(x, &in, t, K, V);
            BY_TILES(step_tile, P, S, S, x, r, y, K, P);
            store_step(y, &rows_y, t, V);
        }
        store_state(S, S_T, &it, K, V, P);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

/* dq = S dy */
TILE query_tile(int j, const int width, const vec *restrict S, const vec *restrict dy,
                vec *restrict dq, int K, int P) {
    vec y[8];
    EACH(n) y[n] = dy[j + n];
    for (int i = 0; i < K; i++) {
        vec query = j ? dq[i] : (vec){0};
        EACH(n) query += S[i * P + j + n] * y[n];
        dq[i] = query;
    }
}

/* G += q ⊗ dy;  dv = k G;  dk = G v;  dr = b G;  db = G r;  da = S dr;  dw = G · S;
 * G ← w ∘ G + a ⊗ dr.  `d` holds dk, dw, da, db [K] and dv. */
TILE back_tile(int j, const int width, const vec *restrict S, vec *restrict G,
               const vec *restrict x, const vec *restrict dy, vec *restrict d, int K, int P) {
    const vec *q = x, *k = q + K, *w = k + K, *a = w + K, *b = a + K, *v = b + K, *r = v + P;
    vec *dk = d, *dw = dk + K, *da = dw + K, *db = da + K, *dv = db + K;
    vec y[8], read[8], dread[8];
    EACH(n) y[n] = dy[j + n], read[n] = r[j + n], dread[n] = (vec){0};
    for (int i = 0; i < K; i++) {
        vec qi = q[i], bi = b[i], into = j ? db[i] : (vec){0}, *row = G + i * P + j;
        EACH(n) {
            vec g = row[n] + qi * y[n];
            row[n] = g;
            into += g * read[n];
            dread[n] += bi * g;
        }
        db[i] = into;
    }
    vec value[8], dvalue[8];
    EACH(n) value[n] = v[j + n], dvalue[n] = (vec){0};
    for (int i = 0; i < K; i++) {
        vec ki = k[i], wi = w[i], ai = a[i], *row = G + i * P + j;
        const vec *s = S + i * P + j;
        vec key = j ? dk[i] : (vec){0}, decay = j ? dw[i] : (vec){0}, from = j ? da[i] : (vec){0};
        EACH(n) {
            vec g = row[n];
            key += g * value[n];
            dvalue[n] += ki * g;
            decay += g * s[n];
            from += s[n] * dread[n];
            row[n] = wi * g + ai * dread[n];
        }
        dk[i] = key, dw[i] = decay, da[i] = from;
    }
    EACH(n) dv[j + n] = dvalue[n];
}

EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t keys,
                    int64_t values, int64_t every, tensor q, tensor k, tensor v, tensor w, tensor a,
                    tensor b, const vec *states, tensor dy_, tensor dS_T, tensor dq_, tensor dk_,
                    tensor dv_, tensor dw_, tensor da_, tensor db_, tensor dS_0) {
    const int K = SIZE(keys), V = SIZE(values), P = PADDED(V);
    const int64_t longest = T < every ? T : every, segments = (T + every - 1) / every;
    const int64_t vecs = K * P + 6 * K + 3 * P; /* G, dq, the gradients of a step, dy, y */
    vec *memory = workspace(vecs + longest * LOADED(K, P) + (longest + 1) * K * P);
    if (!memory) return 1;
    vec *G = memory, *dq = G + K * P, *d = dq + K, *dy = d + 4 * K + P, *y = dy + P;
    vec *loaded = memory + vecs, *S = loaded + longest * LOADED(K, P);
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const inputs in = inputs_of(q, k, v, w, a, b, &it);
        const rows rows_dy = rows_of(dy_, &it), rows_q = rows_of(dq_, &it),
                   rows_k = rows_of(dk_, &it), rows_v = rows_of(dv_, &it),
                   rows_w = rows_of(dw_, &it), rows_a = rows_of(da_, &it),
                   rows_b = rows_of(db_, &it);
        clear(memory, vecs + longest * LOADED(K, P));
        load_state(G, dS_T, &it, K, V, P);
        for (int64_t segment = segments - 1; segment >= 0; segment--) {
            const int64_t start = segment * every;
            const int64_t steps = T - start < every ? T - start : every;
            memcpy(S, states + (n * segments + segment) * K * P, K * P * sizeof(vec));
            for (int64_t s = 0; s < steps; s++) {
                vec *x = loaded + s * LOADED(K, P), *before = S + s * K * P;
                load_inputs(x, &in, start + s, K, V);
                BY_TILES(step_tile, P, before, before + K * P, x, x + KEYS * K + P, y, K, P);
            }
            for (int64_t s = steps - 1; s >= 0; s--) {
                const int64_t t = start + s;
                const vec *x = loaded + s * LOADED(K, P), *before = S + s * K * P;
                load_step(dy, &rows_dy, t, V);
                BY_TILES(query_tile, P, before + K * P, dy, dq, K, P);
                BY_TILES(back_tile, P, before, G, x, dy, d, K, P);
                store_step(dq, &rows_q, t, K);
                store_step(d, &rows_k, t, K);
                store_step(d + K, &rows_w, t, K);
                store_step(d + 2 * K, &rows_a, t, K);
                store_step(d + 3 * K, &rows_b, t, K);
                store_step(d + 4 * K, &rows_v, t, V);
            }
        }
        store_state(G, dS_0, &it, K, V, P);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
