/* Forward and backward of causal softmax attention, LANES pairs of sequence and head at a time.
 *
 * Query t sees the first t + 1 + S − T keys:   a = q k / √D,   p = exp(a − top) / total,   y = p v
 * With a window, it sees the last `window` of them.
 * Back through it:   dv += p dy,   da = p (dy v − dy y),   dk += da q / √D,   dq += da k / √D
 *
 * Keys pass in tiles that stay in cache; all queries meet a tile, four at a time, before the next
 * one comes (Dao et al., 2022). Sums over the keys so far are rescaled when the largest score, top,
 * grows. Kept are y, top and 1 / total of every query; the backward pass computes p again.
 *
 * Of a tile, a group of four queries sees the first `common` keys together; then one key more is
 * seen by the last three of them, one more by the last two, and one by the last: `seen` in all,
 * fewer if keys end before. Tiles begin where a group does, so that no such triangle is split.
 * Query i of a group does not see the first `hidden` + i keys of a tile, which a window has passed.
 */

#include "../../kernels/native.h"

#define GROUP 4
#define TILE 32 /* 16 to 48 take the same time, 64 half as long again where heads are wide */
#define INFINITE ((real)__builtin_inf())
#if REAL_IS_DOUBLE
#define LARGEST __DBL_MAX__
#else
#define LARGEST __FLT_MAX__
#endif
#define EACH_QUERY(i, first) UNROLL for (int i = first; i < GROUP; i++)
#define EACH_KEY(j) UNROLL for (int j = 0; j < keys; j++)
typedef vec group[GROUP]; /* one number of each query */

/* Keys begin .. end, the queries that see them from `first` on. */
typedef struct {
    int64_t begin, end, first;
} tile;
INLINE tile next_tile(int64_t begin, int64_t T, int64_t S) {
    const int64_t past = S - T, end = (begin ? begin : past % GROUP) + TILE;
    return (tile){begin, end < S ? end : S, begin > past ? begin - past : 0};
}

/* Calls f(i, keys, s, ...) for runs of keys s that queries i and later see. */
#define BY_RUNS(f, common, seen, ...)                                           \
    do {                                                                        \
        int s = 0;                                                              \
        for (; s + GROUP <= (common); s += GROUP) f(0, GROUP, s, __VA_ARGS__);  \
        for (; s < (common); s++) f(0, 1, s, __VA_ARGS__);                      \
        if (s < (seen)) f(1, 1, s++, __VA_ARGS__);                              \
        if (s < (seen)) f(2, 1, s++, __VA_ARGS__);                              \
        if (s < (seen)) f(3, 1, s++, __VA_ARGS__);                              \
    } while (0)
INLINE int common_keys(tile at, int64_t t, int64_t past) {
    return (int)((t + past + 1 < at.end ? t + past + 1 : at.end) - at.begin);
}
INLINE int seen_keys(tile at, int common) {
    const int keys = (int)(at.end - at.begin);
    return common + GROUP - 1 < keys ? common + GROUP - 1 : keys;
}
INLINE int64_t hidden_keys(tile at, int64_t t, int64_t past, int64_t window) {
    return t + past + 1 - window - at.begin;
}
/* The first query that sees no key of a tile. */
INLINE int64_t end_of_queries(tile at, int64_t T, int64_t past, int64_t window) {
    const int64_t end = at.end - past + window - 1;
    return end < T ? end : T;
}

/* dots[j][i] = x_i y_j */
INLINE void products(const int first, const int keys, group *restrict dots, const vec *restrict x,
                     const vec *restrict y, int D, int P) {
    EACH_KEY(j) EACH_QUERY(i, first) dots[j][i] = (vec){0};
    for (int d = 0; d < D; d++)
        EACH_KEY(j) {
            vec yj = y[j * P + d];
            EACH_QUERY(i, first) dots[j][i] += x[i * P + d] * yj;
        }
}
INLINE void score_run(const int first, const int keys, int s, group *restrict p, const vec *q,
                      const vec *k, int D, int P) {
    group dots[GROUP];
    products(first, keys, dots, q, k + s * P, D, P);
    EACH_KEY(j) EACH_QUERY(i, first) p[s + j][i] = dots[j][i];
}

/* y = shrink y + p v */
INLINE void add_value(const int first, vec (*sum)[GROUP], const vec *p, const vec *v) {
    UNROLL for (int w = 0; w < 4; w++)
        EACH_QUERY(i, first) sum[w][i] += p[i] * v[w];
}
INLINE void read_values(vec *restrict y, const vec *restrict shrink, const group *restrict p,
                        const vec *restrict v, int common, int seen, int P) {
    for (int d = 0; d < P; d += 4) {
        vec sum[4][GROUP];
        UNROLL for (int w = 0; w < 4; w++)
            EACH_QUERY(i, 0) sum[w][i] = y[i * P + d + w] * shrink[i];
        int s = 0;
        for (; s < common; s++) add_value(0, sum, p[s], v + s * P + d);
        EACH_QUERY(i, 1)
            if (s < seen) add_value(i, sum, p[s], v + s * P + d), s++;
        UNROLL for (int w = 0; w < 4; w++)
            EACH_QUERY(i, 0) y[i * P + d + w] = sum[w][i];
    }
}

/* Adds what a group of queries reads from a tile. */
INLINE void read_tile(const vec *q, const vec *k, const vec *v, group *p, vec *y, vec *top,
                      vec *total, int64_t hidden, int common, int seen, int D, int P) {
    group shrink;
    BY_RUNS(score_run, common, seen, p, q, k, D, P);
    EACH_QUERY(i, 0) {
        const int n = common + i < seen ? common + i : seen;
        for (int s = 0; s < n && s < hidden + i; s++) p[s][i] = fill(-INFINITE);
        vec largest = top[i];
        for (int s = 0; s < n; s++) largest = choose(p[s][i] > largest, p[s][i], largest);
        vec base = at_least(largest, -LARGEST); /* where all scores are -inf so far */
        shrink[i] = vexp(top[i] - base);
        vec sum = total[i] * shrink[i];
        for (int s = 0; s < n; s++) sum += p[s][i] = vexp(p[s][i] - base);
        top[i] = largest;
        total[i] = sum;
    }
    read_values(y, shrink, p, v, common, seen, P);
}

/* x_t, times scale, for all t; P apart */
INLINE void load_sequence(vec *x, tensor from, const lanes *it, int64_t T, real scale, int D,
                          int P) {
    const rows p = rows_of(from, it);
    for (int64_t t = 0; t < T; t++) {
        load_step(x + t * P, &p, t, D);
        for (int d = 0; d < D; d++) x[t * P + d] *= scale;
    }
}
INLINE void load_tile(vec *x, const rows *p, tile at, int D, int P) {
    for (int64_t s = at.begin; s < at.end; s++) load_step(x + (s - at.begin) * P, p, s, D);
}
INLINE void store_tile(const vec *x, const rows *p, tile at, int D, int P) {
    for (int64_t s = at.begin; s < at.end; s++) store_step(x + (s - at.begin) * P, p, s, D);
}

#define KEPT(P) ((P) + 2) /* of a query: y [P], top, total or its reciprocal */

EXPORT int forward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t S,
                   int64_t window, int64_t size, tensor q_, tensor k_, tensor v_, tensor y_,
                   vec *kept) {
    const int D = SIZE(size), P = PADDED(D), most = TILE + GROUP - 1;
    const int64_t past = S - T, steps = PADDED(T);
    const real scale = 1 / (real)__builtin_sqrt(D);
    const int64_t vecs = steps * P + most * (2 * P + GROUP) + (kept ? 0 : steps * KEPT(P));
    vec *memory = workspace(vecs);
    if (!memory) return 1;
    vec *q = memory, *k = q + steps * P, *v = k + most * P, *scratch = v + most * P;
    group *p = (group *)scratch;
    scratch += most * GROUP;
    unsigned mode = flush_denormals();
    clear(memory, vecs);

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const rows rows_k = rows_of(k_, &it), rows_v = rows_of(v_, &it), rows_y = rows_of(y_, &it);
        vec *y = kept ? kept + n * steps * KEPT(P) : scratch;
        vec *top = y + steps * P, *total = top + steps;
        load_sequence(q, q_, &it, T, scale, D, P);
        clear(y, steps * KEPT(P));
        for (int64_t t = 0; t < steps; t++) top[t] = fill(-INFINITE);
        for (tile at = next_tile(0, T, S); at.begin < S; at = next_tile(at.end, T, S)) {
            load_tile(k, &rows_k, at, D, P);
            load_tile(v, &rows_v, at, D, P);
            const int64_t last = end_of_queries(at, T, past, window);
            for (int64_t t = at.first; t < last; t += GROUP) {
                const int common = common_keys(at, t, past), seen = seen_keys(at, common);
                const int64_t hidden = hidden_keys(at, t, past, window);
                read_tile(q + t * P, k, v, p, y + t * P, top + t, total + t, hidden, common, seen,
                          D, P);
            }
        }
        for (int64_t t = 0; t < T; t++) {
            total[t] = 1 / total[t] + (top[t] - top[t]); /* NaN if the largest score is infinite */
            for (int d = 0; d < D; d++) y[t * P + d] *= total[t];
            store_step(y + t * P, &rows_y, t, D);
        }
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

INLINE void run_backward(const int first, const int keys, int s, const vec *restrict q,
                         const vec *restrict dy, vec *restrict dq, const vec *restrict top,
                         const vec *restrict scale, const vec *restrict mean,
                         const vec *restrict k, const vec *restrict v, vec *restrict dk,
                         vec *restrict dv, int64_t hidden, int D, int P) {
    group p[GROUP], da[GROUP];
    k += s * P, v += s * P, dk += s * P, dv += s * P;
    products(first, keys, p, q, k, D, P);
    EACH_KEY(j) EACH_QUERY(i, first) p[j][i] = vexp(p[j][i] - top[i]) * scale[i];
    if (s < hidden + GROUP - 1)
        EACH_KEY(j) EACH_QUERY(i, first) if (s + j < hidden + i) p[j][i] = (vec){0};
    for (int d = 0; d < D; d++)
        EACH_KEY(j) {
            vec sum = dv[j * P + d];
            EACH_QUERY(i, first) sum += p[j][i] * dy[i * P + d];
            dv[j * P + d] = sum;
        }
    products(first, keys, da, dy, v, D, P);
    EACH_KEY(j) EACH_QUERY(i, first) da[j][i] = p[j][i] * (da[j][i] - mean[i]);
    for (int d = 0; d < D; d++) {
        EACH_KEY(j) {
            vec sum = dk[j * P + d];
            EACH_QUERY(i, first) sum += da[j][i] * q[i * P + d];
            dk[j * P + d] = sum;
        }
        EACH_QUERY(i, first) {
            vec sum = dq[i * P + d];
            EACH_KEY(j) sum += da[j][i] * k[j * P + d];
            dq[i * P + d] = sum;
        }
    }
}

EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t S,
                    int64_t window, int64_t size, tensor q_, tensor k_, tensor v_,
                    const vec *kept, tensor dy_, tensor dq_, tensor dk_, tensor dv_) {
    const int D = SIZE(size), P = PADDED(D), most = TILE + GROUP - 1;
    const int64_t past = S - T, steps = PADDED(T);
    const real scale = 1 / (real)__builtin_sqrt(D);
    const int64_t vecs = steps * (3 * P + 1) + most * 4 * P;
    vec *memory = workspace(vecs);
    if (!memory) return 1;
    vec *q = memory, *dy = q + steps * P, *dq = dy + steps * P, *mean = dq + steps * P;
    vec *k = mean + steps, *v = k + most * P, *dk = v + most * P, *dv = dk + most * P;
    unsigned mode = flush_denormals();
    clear(memory, vecs);

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const rows rows_k = rows_of(k_, &it), rows_v = rows_of(v_, &it),
                   rows_dq = rows_of(dq_, &it), rows_dk = rows_of(dk_, &it),
                   rows_dv = rows_of(dv_, &it);
        const vec *y = kept + n * steps * KEPT(P), *top = y + steps * P, *share = top + steps;
        load_sequence(q, q_, &it, T, scale, D, P);
        load_sequence(dy, dy_, &it, T, 1, D, P);
        for (int64_t t = 0; t < T; t++) {
            mean[t] = (vec){0};
            for (int d = 0; d < D; d++) mean[t] += dy[t * P + d] * y[t * P + d];
        }
        clear(dq, steps * P);
        for (tile at = next_tile(0, T, S); at.begin < S; at = next_tile(at.end, T, S)) {
            load_tile(k, &rows_k, at, D, P);
            load_tile(v, &rows_v, at, D, P);
            clear(dk, 2 * most * P);
            const int64_t last = end_of_queries(at, T, past, window);
            for (int64_t t = at.first; t < last; t += GROUP) {
                const int common = common_keys(at, t, past), seen = seen_keys(at, common);
                const int64_t hidden = hidden_keys(at, t, past, window);
                BY_RUNS(run_backward, common, seen, q + t * P, dy + t * P, dq + t * P, top + t,
                        share + t, mean + t, k, v, dk, dv, hidden, D, P);
            }
            store_tile(dk, &rows_dk, at, D, P);
            store_tile(dv, &rows_dv, at, D, P);
        }
        for (int64_t t = 0; t < T; t++) {
            for (int d = 0; d < D; d++) dq[t * P + d] *= scale;
            store_step(dq + t * P, &rows_dq, t, D);
        }
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
