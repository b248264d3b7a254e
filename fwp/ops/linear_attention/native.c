/* Forward and backward of linear attention, LANES pairs of sequence and head at a time.
 *
 * A step:   S ← S + k ⊗ v,   y = q S
 * Back through it, with G the gradient of S after the step:
 *     G ← G + q ⊗ dy,   dk = G v,   dv = k G,   dq = S dy
 * The backward pass sweeps twice: back in time with G alone, then forward with S alone, which it
 * replays from the initial state. Kept are q, k, v of every step and no state at all.
 */

#include "../../kernels/runs.h"
#if NARROW
#define DELTA 0
#include "../../kernels/rules.h"
#else
#include "../../kernels/state.h"

EXPORT int heads(void) { return 0; } /* a lane is a sequence, not a part of a head */

#define KEPT(K, P) (2 * (K) + (P)) /* q, k [K], v [P] */

EXPORT int forward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t keys,
                   int64_t values, tensor q_, tensor k_, tensor v_, tensor S_0, tensor y_,
                   tensor S_T, vec *kept) {
    const int K = SIZE(keys), V = SIZE(values), P = PADDED(V);
    const int vecs = K * P + KEPT(K, P) + P;
    vec *memory = workspace(vecs);
    if (!memory) return 1;
    vec *S = memory, *scratch = S + K * P, *y = scratch + KEPT(K, P);
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const rows rows_q = rows_of(q_, &it), rows_k = rows_of(k_, &it), rows_v = rows_of(v_, &it),
                   rows_y = rows_of(y_, &it);
        clear(memory, vecs);
        load_state(S, S_0, &it, K, V, P);
        for (int64_t t = 0; t < T; t++) {
            vec *q = kept ? kept + (n * T + t) * KEPT(K, P) : scratch, *k = q + K, *v = k + K;
            if (P > V) clear(v, P);
            load_step(q, &rows_q, t, K);
            load_step(k, &rows_k, t, K);
            load_step(v, &rows_v, t, V);
            write_read(S, k, v, q, y, K, P);
            store_step(y, &rows_y, t, V);
        }
        store_state(S, S_T, &it, K, V, P);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

/* S += k ⊗ v;  dq = S dy */
TILE replay_tile(int j, const int width, vec *restrict S, const vec *restrict k,
                 const vec *restrict v, const vec *restrict dy, vec *restrict dq, int K, int P) {
    vec y[8], value[8];
    EACH(w) y[w] = dy[j + w], value[w] = v[j + w];
    for (int i = 0; i < K; i++) {
        vec ki = k[i], query = j ? dq[i] : (vec){0}, *row = S + i * P + j;
        EACH(w) {
            vec s = row[w] + ki * value[w];
            row[w] = s;
            query += s * y[w];
        }
        dq[i] = query;
    }
}

EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t keys,
                    int64_t values, tensor S_0, const vec *kept, tensor dy_, tensor dS_T,
                    tensor dq_, tensor dk_, tensor dv_, tensor dS_0) {
    const int K = SIZE(keys), V = SIZE(values), P = PADDED(V);
    const int vecs = K * P + P + 2 * K;
    vec *memory = workspace(vecs + T * P); /* dy of every step */
    if (!memory) return 1;
    vec *S = memory, *G = S, *dv = S + K * P, *dk = dv + P, *dq = dk + K, *sweep = memory + vecs;
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const rows rows_dy = rows_of(dy_, &it), rows_q = rows_of(dq_, &it),
                   rows_k = rows_of(dk_, &it), rows_v = rows_of(dv_, &it);
        clear(G, K * P);
        load_state(G, dS_T, &it, K, V, P);
        for (int64_t t = T - 1; t >= 0; t--) {
            const vec *q = kept + (n * T + t) * KEPT(K, P), *k = q + K, *v = k + K;
            vec *dy = sweep + t * P;
            clear(dy, P);
            load_step(dy, &rows_dy, t, V);
            clear(dk, K);
            write_read_backward(G, q, dy, k, v, dk, dv, K, P);
            store_step(dk, &rows_k, t, K);
            store_step(dv, &rows_v, t, V);
        }
        store_state(G, dS_0, &it, K, V, P);

        clear(S, K * P);
        load_state(S, S_0, &it, K, V, P);
        for (int64_t t = 0; t < T; t++) {
            const vec *k = kept + (n * T + t) * KEPT(K, P) + K, *v = k + K, *dy = sweep + t * P;
            BY_TILES(replay_tile, P, S, k, v, dy, dq, K, P);
            store_step(dq, &rows_q, t, K);
        }
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
#endif
