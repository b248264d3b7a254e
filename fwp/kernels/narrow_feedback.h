/* Forward and backward of the delta rule with feedback for heads that are runs.
 *
 * The equations are those of ../ops/recurrent_delta_rule/native.c, which has them for larger heads.
 * Every step waits for the one before it, so that two groups of runs are computed side by side.
 * Weights of a head are rows of vecs like its state, transposed where a product needs it.
 */

#include "runs.h"

#define GROUPS 2
#define BEGUN(T) (((T) + EVERY - 1) / EVERY) /* states that are stored */
#define EVERY (RUN > 32 ? RUN : 32)

/* What is kept of a group, in vecs: q, k, e, h of every step, states, β [T, RUNS] and one more. */
#define OF_RUNS(T) (((T) * RUNS + LANES - 1) / LANES)
#define KEPT(T) (4 * (T) + BEGUN(T) * RUN + OF_RUNS(T) + 1)
typedef struct {
    vec *steps, *states;
    real *beta;
} kept_parts;
INLINE kept_parts parts_of(vec *kept, int64_t n, int64_t T) {
    vec *steps = kept + n * KEPT(T), *states = steps + 4 * T;
    return (kept_parts){steps, states, (real *)(states + BEGUN(T) * RUN)};
}
EXPORT int heads(void) { return GROUPS * RUNS; } /* of a block */
EXPORT int numbers_kept(int T) { return GROUPS * KEPT(T) * LANES; }

/* Row i of the weights [H, RUN, RUN] of each run's head. */
INLINE void load_weight(vec *R, tensor from, int64_t n, int64_t H, int transposed) {
    for (int i = 0; i < RUN; i++)
        for (int r = 0; r < RUNS; r++)
            memcpy((real *)(R + i) + r * RUN,
                   from.data + ((n * RUNS + r) % H * RUN + i) * RUN, RUN * sizeof(real));
    if (transposed) transpose(R, RUN);
}
INLINE vec load_vector(tensor from, int64_t n, int64_t H) {
    vec x;
    for (int r = 0; r < RUNS; r++)
        memcpy((real *)&x + r * RUN, from.data + (n * RUNS + r) % H * RUN, RUN * sizeof(real));
    return x;
}
/* Softmax over each run, of two vecs at once. */
INLINE vec larger(vec a, vec b) { return choose(a > b, a, b); }
INLINE void two_softmaxes(vec *a, vec *b) {
    vec top = larger(SHUFFLE(*a, *b, LOW, 1), SHUFFLE(*a, *b, HIGH, 1));
    top = larger(SHUFFLE(top, top, ACROSS, 2), top);
#if RUN > 4
    top = larger(SHUFFLE(top, top, ACROSS, 4), top);
#endif
#if RUN > 8
    top = larger(SHUFFLE(top, top, ACROSS, 8), top);
#endif
    *a = vexp(*a - FIRST(top)), *b = vexp(*b - SECOND(top));
    const vec scale = 1 / two_run_sums(*a, *b);
    *a *= FIRST(scale), *b *= SECOND(scale);
}

/* What a group is computed from, and where to. */
typedef struct {
    place q, k, v, y;
    kept_parts to;
    vec R_q[RUN], R_k[RUN], R_v[RUN], r;
    vec S[RUN], last; /* last: the previous output */
} group;

INLINE void step(vec *S, vec *last, const group *g, int64_t t, int linear, int sum) {
    vec *kept = g->to.steps + 4 * t;
    vec q = load_runs(&g->q, t * g->q.time), k = load_runs(&g->k, t * g->k.time);
    vec e = load_runs(&g->v, t * g->v.time), rows[RUN];
    const vec h = linear ? *last : vtanh(*last);
    spread(rows, h);
    q += sum_of_products(rows, g->R_q);
    k += sum_of_products(rows, g->R_k);
    e += sum_of_products(rows, g->R_v);
    const vec beta = vsigmoid(load_each(g->to.beta + t * RUNS) + run_sum(h * g->r));
    two_softmaxes(&q, &k);
    spread(rows, k);
    if (!sum) e -= sum_of_products(rows, S);
    const vec d = beta * e;
    EACH_ROW(S[i] += rows[i] * d);
    spread(rows, q);
    *last = sum_of_products(rows, S);
    store_runs(*last, &g->y, t * g->y.time);
    kept[0] = q, kept[1] = k, kept[2] = e, kept[3] = h;
    store_each(beta, g->to.beta + t * RUNS);
}
LOOP recur(group *g, int64_t begin, int64_t end, int linear, int sum) {
    vec S[RUN], S2[RUN], last = g[0].last, last2 = g[1].last;
    EACH_ROW(S[i] = g[0].S[i]; S2[i] = g[1].S[i]);
    for (int64_t t = begin; t < end; t++) {
        step(S, &last, g, t, linear, sum);
        step(S2, &last2, g + 1, t, linear, sum);
    }
    EACH_ROW(g[0].S[i] = S[i]; g[1].S[i] = S2[i]);
    g[0].last = last, g[1].last = last2;
}

EXPORT int forward(int64_t begin, int64_t end, int64_t pairs, int64_t H, int64_t T, int64_t linear,
                   int64_t sum, const tensor *given, vec *kept) {
    vec *memory = workspace(GROUPS * KEPT(T));
    if (!memory) return 1;
    unsigned mode = flush_denormals();
    for (int64_t block = begin; block < end; block++) {
        group g[GROUPS];
        for (int i = 0; i < GROUPS; i++) {
            const int64_t n = block * GROUPS + i;
            const place beta = place_of(given[3], n, pairs, H),
                        y_0 = place_of(given[9], n, pairs, H);
            g[i].q = place_of(given[0], n, pairs, H), g[i].k = place_of(given[1], n, pairs, H);
            g[i].v = place_of(given[2], n, pairs, H), g[i].y = place_of(given[10], n, pairs, H);
            g[i].to = kept ? parts_of(kept, n, T) : parts_of(memory, i, T);
            load_rates(g[i].to.beta, &beta, T);
            load_weight(g[i].R_q, given[4], n, H, 0);
            load_weight(g[i].R_k, given[5], n, H, 0);
            load_weight(g[i].R_v, given[6], n, H, 0);
            g[i].r = load_vector(given[7], n, H);
            load_square(g[i].S, given[8], n, pairs, H, 0);
            g[i].last = load_runs(&y_0, 0);
        }
        for (int64_t t = 0, next; t < T; t = next) {
            next = t + EVERY < T ? t + EVERY : T;
            recur(g, t, next, (int)linear, (int)sum);
            for (int i = 0; i < GROUPS; i++)
                memcpy(g[i].to.states + t / EVERY * RUN, g[i].S, sizeof(g[i].S));
        }
        for (int i = 0; i < GROUPS; i++)
            store_square(g[i].S, given[11], block * GROUPS + i, pairs, H);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

/* The same of the backward pass; weights are transposed, and `gathered` holds da_q, da_k, da_v. */
typedef struct {
    place dy, dq, dk, dv;
    kept_parts from;
    vec R_q[RUN], R_k[RUN], R_v[RUN], r;
    vec S[RUN], G[RUN], last, dr; /* last: the gradient that the next step hands to this output */
    vec *gathered;
    real *dbeta;
} back_group;

INLINE void step_back(vec *S, vec *G, vec *last, vec *dr, const back_group *g, int64_t t,
                      int linear, int sum) {
    const vec *kept = g->from.steps + 4 * t, q = kept[0], k = kept[1], e = kept[2], h = kept[3];
    const vec beta = load_each(g->from.beta + t * RUNS), d = beta * e;
    const vec dy = load_runs(&g->dy, t * g->dy.time) + *last;
    vec rows[RUN], of_q[RUN], of_k[RUN];
    spread(rows, q);
    EACH_ROW(G[i] += rows[i] * dy; of_q[i] = S[i] * dy; of_k[i] = G[i] * d);
    spread(rows, k);
    vec dv = sum_of_products(rows, G);
    const vec dbeta = run_sum(dv * e) * beta * (1 - beta);
    dv *= beta;
    EACH_ROW(S[i] -= rows[i] * d);
    if (!sum) EACH_ROW(of_k[i] -= S[i] * dv; G[i] -= rows[i] * dv);
    vec dq = gather_sums(of_q), dk = gather_sums(of_k);
    const vec mean = two_run_sums(dq * q, dk * k);
    dq = q * (dq - FIRST(mean)), dk = k * (dk - SECOND(mean));
    store_runs(dq, &g->dq, t * g->dq.time);
    store_runs(dk, &g->dk, t * g->dk.time);
    store_runs(dv, &g->dv, t * g->dv.time);
    store_each(dbeta, g->dbeta + t * RUNS);
    g->gathered[3 * t] = dq, g->gathered[3 * t + 1] = dk, g->gathered[3 * t + 2] = dv;

    vec dh = dbeta * g->r;
    *dr += dbeta * h;
    spread(rows, dq);
    dh += sum_of_products(rows, g->R_q);
    spread(rows, dk);
    dh += sum_of_products(rows, g->R_k);
    spread(rows, dv);
    dh += sum_of_products(rows, g->R_v);
    if (!linear) dh *= 1 - h * h;
    *last = dh;
}
LOOP recur_back(back_group *g, int64_t begin, int64_t end, int linear, int sum) {
    vec S[RUN], S2[RUN], G[RUN], G2[RUN], last = g[0].last, last2 = g[1].last;
    vec dr = g[0].dr, dr2 = g[1].dr;
    EACH_ROW(S[i] = g[0].S[i]; S2[i] = g[1].S[i]; G[i] = g[0].G[i]; G2[i] = g[1].G[i]);
    for (int64_t t = end - 1; t >= begin; t--) {
        step_back(S, G, &last, &dr, g, t, linear, sum);
        step_back(S2, G2, &last2, &dr2, g + 1, t, linear, sum);
    }
    EACH_ROW(g[0].G[i] = G[i]; g[1].G[i] = G2[i]);
    g[0].last = last, g[1].last = last2, g[0].dr = dr, g[1].dr = dr2;
}
/* sum[i] = Σ_t of number i of h_t times a_t */
LOOP add_outer(vec *sum, const vec *h, const vec *a, int64_t T) {
    vec sums[RUN], rows[RUN];
    EACH_ROW(sums[i] = (vec){0});
    for (int64_t t = 0; t < T; t++) {
        spread(rows, h[4 * t]);
        EACH_ROW(sums[i] += rows[i] * a[3 * t]);
    }
    EACH_ROW(sum[i] = sums[i]);
}

EXPORT int backward(int64_t begin, int64_t end, int64_t pairs, int64_t H, int64_t T, int64_t linear,
                    int64_t sum, const tensor *given, vec *kept) {
    const int64_t each = 3 * T + OF_RUNS(T);
    vec *memory = workspace(GROUPS * each);
    if (!memory) return 1;
    unsigned mode = flush_denormals();
    for (int64_t block = begin; block < end; block++) {
        back_group g[GROUPS];
        for (int i = 0; i < GROUPS; i++) {
            const int64_t n = block * GROUPS + i;
            g[i].dy = place_of(given[6], n, pairs, H), g[i].dq = place_of(given[8], n, pairs, H);
            g[i].dk = place_of(given[9], n, pairs, H), g[i].dv = place_of(given[10], n, pairs, H);
            g[i].from = parts_of(kept, n, T);
            load_weight(g[i].R_q, given[0], n, H, 1);
            load_weight(g[i].R_k, given[1], n, H, 1);
            load_weight(g[i].R_v, given[2], n, H, 1);
            g[i].r = load_vector(given[3], n, H);
            load_square(g[i].G, given[7], n, pairs, H, 0);
            g[i].last = g[i].dr = (vec){0};
            g[i].gathered = memory + i * each;
            g[i].dbeta = (real *)(g[i].gathered + 3 * T);
        }
        for (int64_t part = BEGUN(T) - 1; part >= 0; part--) {
            const int64_t first = part * EVERY, next = first + EVERY < T ? first + EVERY : T;
            for (int i = 0; i < GROUPS; i++)
                memcpy(g[i].S, g[i].from.states + part * RUN, sizeof(g[i].S));
            recur_back(g, first, next, (int)linear, (int)sum);
        }
        for (int i = 0; i < GROUPS; i++) {
            const int64_t n = block * GROUPS + i;
            const place dbeta = place_of(given[11], n, pairs, H),
                        dy_0 = place_of(given[13], n, pairs, H);
            store_rates(g[i].dbeta, &dbeta, T);
            store_square(g[i].G, given[12], n, pairs, H);
            store_runs(g[i].last, &dy_0, 0);
            for (int m = 0; m < 3; m++) {
                vec dR[RUN];
                add_outer(dR, g[i].from.steps + 3, g[i].gathered + m, T);
                for (int r = 0; r < RUNS && n * RUNS + r < pairs; r++)
                    for (int j = 0; j < RUN; j++)
                        memcpy(given[14].data + ((n * RUNS + r) * (3 * RUN + 1) + m * RUN + j) * RUN,
                               (real *)(dR + j) + r * RUN, RUN * sizeof(real));
            }
            for (int r = 0; r < RUNS && n * RUNS + r < pairs; r++)
                memcpy(given[14].data + ((n * RUNS + r) * (3 * RUN + 1) + 3 * RUN) * RUN,
                       (real *)&g[i].dr + r * RUN, RUN * sizeof(real));
        }
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
