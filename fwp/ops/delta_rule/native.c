/* Forward and backward of the delta rule, LANES pairs of sequence and head at a time.
 *
 * A step:   e = v − k S,   S ← S + k ⊗ β e,   y = q S
 *
 * Back through it, with G the gradient of S after the step:
 *     G  ← G + q ⊗ dy
 *     dv = β (k G),   dβ = (k G) · e,   dk = G (β e) − S' dv,   dq = S dy    (S' before the step)
 *     G  ← G − k ⊗ dv
 * Nothing of G depends on S once e is kept, so the backward pass sweeps twice: back in time with G
 * alone, then forward with S alone, which it replays from the initial state bit for bit. Kept are
 * q, k, e, β of every step and no state at all.
 */

#include "../../kernels/runs.h"
#if NARROW
#define DELTA 1
#include "../../kernels/rules.h"
#else
#include "../../kernels/state.h"

EXPORT int heads(void) { return 0; } /* a lane is a sequence, not a part of a head */

#define KEPT(K, P) (2 * (K) + (P) + 1) /* q, k [K], e [P], β */

EXPORT int forward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t keys,
                   int64_t values, tensor q_, tensor k_, tensor v_, tensor beta_, tensor S_0,
                   tensor y_, tensor S_T, vec *kept) {
    const int K = SIZE(keys), V = SIZE(values), P = PADDED(V);
    const int vecs = K * P + KEPT(K, P) + 3 * P;
    vec *memory = workspace(vecs);
    if (!memory) return 1;
    vec *S = memory, *scratch = S + K * P, *v = scratch + KEPT(K, P), *d = v + P, *y = d + P;
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const rows rows_q = rows_of(q_, &it), rows_k = rows_of(k_, &it), rows_v = rows_of(v_, &it),
                   rows_b = rows_of(beta_, &it), rows_y = rows_of(y_, &it);
        clear(memory, vecs);
        load_state(S, S_0, &it, K, V, P);
        for (int64_t t = 0; t < T; t++) {
            vec *q = kept ? kept + (n * T + t) * KEPT(K, P) : scratch;
            vec *k = q + K, *e = k + K, *beta = e + P;
            load_step(q, &rows_q, t, K);
            load_step(k, &rows_k, t, K);
            load_step(v, &rows_v, t, V);
            load_step(beta, &rows_b, t, 1);
            clear(e, P);
            add_read(e, k, S, K, P);
            for (int j = 0; j < P; j++) e[j] = v[j] - e[j], d[j] = *beta * e[j];
            write_read(S, k, d, q, y, K, P);
            store_step(y, &rows_y, t, V);
        }
        store_state(S, S_T, &it, K, V, P);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

/* G += q ⊗ dy − k_next ⊗ dv_next, what the step after this one still owed;  dk = G d;  dd = k G */
TILE back_tile(int j, const int width, vec *restrict G, const vec *restrict q,
               const vec *restrict dy, const vec *restrict k_next, const vec *restrict dv_next,
               const vec *restrict k, const vec *restrict d, vec *restrict dk, vec *restrict dd,
               int K, int P) {
    vec y[8], owed[8], change[8], sum[8];
    EACH(w) y[w] = dy[j + w], owed[w] = dv_next[j + w], change[w] = d[j + w], sum[w] = (vec){0};
    for (int i = 0; i < K; i++) {
        vec qi = q[i], ki = k[i], next = k_next[i],
            dot = j ? dk[i] : (vec){0}, *row = G + i * P + j;
        EACH(w) {
            vec g = row[w] - next * owed[w] + qi * y[w];
            row[w] = g;
            dot += g * change[w];
            sum[w] += ki * g;
        }
        dk[i] = dot;
    }
    EACH(w) dd[j + w] = sum[w];
}

/* dk -= S dv;  S += k ⊗ d;  dq = S dy */
TILE replay_tile(int j, const int width, vec *restrict S, const vec *restrict k,
                 const vec *restrict d, const vec *restrict dv, const vec *restrict dy,
                 vec *restrict dk, vec *restrict dq, int K, int P) {
    vec y[8], value[8], change[8];
    EACH(w) y[w] = dy[j + w], value[w] = dv[j + w], change[w] = d[j + w];
    for (int i = 0; i < K; i++) {
        vec ki = k[i], key = dk[i], query = j ? dq[i] : (vec){0}, *row = S + i * P + j;
        EACH(w) {
            key -= row[w] * value[w];
            vec s = row[w] + ki * change[w];
            row[w] = s;
            query += s * y[w];
        }
        dk[i] = key;
        dq[i] = query;
    }
}

EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t keys,
                    int64_t values, tensor S_0, const vec *kept, tensor dy_, tensor dS_T,
                    tensor dq_, tensor dk_, tensor dv_, tensor dbeta_, tensor dS_0) {
    const int K = SIZE(keys), V = SIZE(values), P = PADDED(V);
    const int vecs = K * P + 3 * P + 2 * K, swept = K + 2 * P; /* dk, dv, dy of every step */
    vec *memory = workspace(vecs + T * swept);
    if (!memory) return 1;
    vec *S = memory, *G = S, *d = S + K * P, *dd = d + P, *zero = dd + P, *dq = zero + P + K;
    vec *sweep = memory + vecs;
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const rows rows_dy = rows_of(dy_, &it), rows_q = rows_of(dq_, &it),
                   rows_k = rows_of(dk_, &it), rows_v = rows_of(dv_, &it),
                   rows_b = rows_of(dbeta_, &it);
        const vec *k_next = zero, *dv_next = zero;
        clear(memory, vecs);
        load_state(G, dS_T, &it, K, V, P);
        for (int64_t t = T - 1; t >= 0; t--) {
            const vec *q = kept + (n * T + t) * KEPT(K, P), *k = q + K, *e = k + K, beta = e[P];
            vec *dk = sweep + t * swept, *dv = dk + K, *dy = dv + P, dbeta = {0};
            clear(dy, P);
            load_step(dy, &rows_dy, t, V);
            for (int j = 0; j < P; j++) d[j] = beta * e[j];
            BY_TILES(back_tile, P, G, q, dy, k_next, dv_next, k, d, dk, dd, K, P);
            for (int j = 0; j < P; j++) dbeta += dd[j] * e[j], dv[j] = beta * dd[j];
            store_step(dv, &rows_v, t, V);
            store_step(&dbeta, &rows_b, t, 1);
            k_next = k, dv_next = dv;
        }
        for (int i = 0; i < K; i++)
            for (int j = 0; j < P; j++) G[i * P + j] -= k_next[i] * dv_next[j];
        store_state(G, dS_0, &it, K, V, P);

        clear(S, K * P);
        load_state(S, S_0, &it, K, V, P);
        for (int64_t t = 0; t < T; t++) {
            const vec *k = kept + (n * T + t) * KEPT(K, P) + K, *e = k + K, beta = e[P];
            vec *dk = sweep + t * swept, *dv = dk + K, *dy = dv + P;
            for (int j = 0; j < P; j++) d[j] = beta * e[j];
            BY_TILES(replay_tile, P, S, k, d, dv, dy, dk, dq, K, P);
            store_step(dq, &rows_q, t, K);
            store_step(dk, &rows_k, t, K);
        }
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
#endif
