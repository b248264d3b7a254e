/* Forward and backward of the sum rule and of the delta rule (DELTA) for heads that are runs.
 *
 * A step, with φ of q and k and the gate of β computed here, too:
 *     e = v − k S,   S ← S + k ⊗ d,   y = q S        d = β e        (sum rule: e = d = v)
 * Back through it, with G the gradient of S after the step:
 *     G  ← G + q ⊗ dy
 *     dd = k G,   dv = β dd,   dβ = dd · e,   dk = G d − S' dv,   dq = S dy   (S' before the step)
 *     G  ← G − k ⊗ dv
 * Nothing of G depends on S once e is kept. So the backward pass sweeps twice: back in time with G
 * alone, whose lanes are values as in the forward pass, then forward with S alone, whose lanes are
 * keys: so q, k and their gradients need not cross lanes. Kept of every step are q, k (mapped) and
 * e, and for each run β and what φ was divided by; no state.
 */

#include "runs.h"

EXPORT int heads(void) { return RUNS; } /* of a block */

enum { PLAIN, ELU, ELU_SUM }; /* φ */
enum { UNGATED, SIGMOID, TWICE_SIGMOID };

/* What is kept of a group, in vecs: q, k, e of every step, then three arrays [T, RUNS]. */
#define OF_RUNS(T) (((T) * RUNS + LANES - 1) / LANES)
#define KEPT(T) (3 * ((T) + OF_RUNS(T)) + 1)
typedef struct {
    vec *steps;
    real *beta, *q_scale, *k_scale;
} kept_parts;
EXPORT int numbers_kept(int T) { return KEPT(T) * LANES; }
INLINE kept_parts parts_of(vec *kept, int64_t T) {
    real *each = (real *)(kept + 3 * T);
    return (kept_parts){kept, each, each + OF_RUNS(T) * LANES, each + 2 * OF_RUNS(T) * LANES};
}

INLINE vec elu_plus_one(vec x) { return choose(x > 0, x + 1, vexp(x)); }
/* q and k of all steps, mapped. */
INLINE void map_all(const kept_parts *to, const place *q_, const place *k_, int64_t T, int map) {
    for (int64_t t = 0; t < T; t++) {
        vec q = load_runs(q_, t * q_->time), k = load_runs(k_, t * k_->time);
        if (map != PLAIN) q = elu_plus_one(q), k = elu_plus_one(k);
        if (map == ELU_SUM) {
            const vec scale = 1 / two_run_sums(q, k);
            q *= FIRST(scale), k *= SECOND(scale);
            store_each(FIRST(scale), to->q_scale + t * RUNS);
            store_each(SECOND(scale), to->k_scale + t * RUNS);
        }
        to->steps[3 * t] = q, to->steps[3 * t + 1] = k;
    }
}
/* The gradients of q and k before φ from those after it, which are in `gradients` (dq, dk). */
INLINE void map_all_backward(const vec *gradients, const kept_parts *from, const place *dq_,
                             const place *dk_, int64_t T, int map) {
    for (int64_t t = 0; t < T; t++) {
        const vec q = from->steps[3 * t], k = from->steps[3 * t + 1];
        vec dq = gradients[2 * t], dk = gradients[2 * t + 1];
        if (map == ELU) dq *= choose(q > 1, fill(1), q), dk *= choose(k > 1, fill(1), k);
        if (map == ELU_SUM) {
            const vec mean = two_run_sums(dq * q, dk * k);
            const vec of_q = load_each(from->q_scale + t * RUNS);
            const vec of_k = load_each(from->k_scale + t * RUNS);
            dq = (dq - FIRST(mean)) * choose(q > of_q, of_q, q);
            dk = (dk - SECOND(mean)) * choose(k > of_k, of_k, k);
        }
        store_runs(dq, dq_, t * dq_->time);
        store_runs(dk, dk_, t * dk_->time);
    }
}
INLINE void gate_all(real *beta, int64_t T, int64_t gate) {
    for (int64_t i = 0; gate != UNGATED && i < T * RUNS; i += LANES) {
        const vec b = vsigmoid(load_some(beta + i, LANES));
        store_some(b * (real)(gate == SIGMOID ? 1 : 2), beta + i, LANES);
    }
}
INLINE void gate_all_backward(real *dbeta, const real *beta, int64_t T, int64_t gate) {
    const real most = gate == SIGMOID ? 1 : 2;
    for (int64_t i = 0; gate != UNGATED && i < T * RUNS; i++)
        dbeta[i] *= beta[i] * (1 - beta[i] / most);
}

/* The recurrence itself; e is kept. */
LOOP recur(vec *square, const kept_parts *to, const place *v_, const place *y_, int64_t T) {
    vec S[RUN];
    EACH_ROW(S[i] = square[i]);
    for (int64_t t = 0; t < T; t++) {
        vec *step = to->steps + 3 * t, e = load_runs(v_, t * v_->time), d = e, rows[RUN];
        spread(rows, step[1]);
        if (DELTA) {
            e -= sum_of_products(rows, S);
            d = e * load_each(to->beta + t * RUNS);
        }
        EACH_ROW(S[i] += rows[i] * d);
        step[2] = e;
        spread(rows, step[0]);
        store_runs(sum_of_products(rows, S), y_, t * y_->time);
    }
    EACH_ROW(square[i] = S[i]);
}

EXPORT int forward(int64_t begin, int64_t end, int64_t pairs, int64_t H, int64_t T, int64_t map,
                   int64_t gate, const tensor *given, vec *kept) {
    vec *memory = workspace(KEPT(T));
    if (!memory) return 1;
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const place q_ = place_of(given[0], n, pairs, H), k_ = place_of(given[1], n, pairs, H),
                    v_ = place_of(given[2], n, pairs, H), beta_ = place_of(given[3], n, pairs, H),
                    y_ = place_of(given[4 + DELTA], n, pairs, H);
        const kept_parts to = parts_of(kept ? kept + n * KEPT(T) : memory, T);
        vec square[RUN];
        map_all(&to, &q_, &k_, T, (int)map);
        if (DELTA) load_rates(to.beta, &beta_, T), gate_all(to.beta, T, gate);

        load_square(square, given[3 + DELTA], n, pairs, H, 0);
        recur(square, &to, &v_, &y_, T);
        store_square(square, given[5 + DELTA], n, pairs, H);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

/* Back in time with G: dβ, dv, and G d, the first part of dk, into `back` (dk, dv of every step). */
LOOP sweep_back(vec *square, vec *back, real *dbeta, const kept_parts *from, const place *dy_,
                const place *dv_, int64_t T) {
    vec G[RUN];
    EACH_ROW(G[i] = square[i]);
    for (int64_t t = T - 1; t >= 0; t--) {
        const vec *step = from->steps + 3 * t, e = step[2], dy = load_runs(dy_, t * dy_->time);
        vec rows[RUN], products[RUN], d = e, dv;
        spread(rows, step[0]);
        EACH_ROW(G[i] += rows[i] * dy);
        spread(rows, step[1]);
        dv = sum_of_products(rows, G);
        if (DELTA) {
            const vec beta = load_each(from->beta + t * RUNS);
            store_each(run_sum(dv * e), dbeta + t * RUNS);
            d = beta * e;
            dv *= beta;
        }
        EACH_ROW(products[i] = G[i] * d);
        if (DELTA) EACH_ROW(G[i] -= rows[i] * dv);
        back[2 * t] = gather_sums(products);
        back[2 * t + 1] = dv;
        store_runs(dv, dv_, t * dv_->time);
    }
    EACH_ROW(square[i] = G[i]);
}

/* Forward in time with S, transposed: `back` becomes dq, dk of every step. */
LOOP sweep_forward(const vec *square, vec *back, const kept_parts *from, const place *dy_,
                   int64_t T) {
    vec S[RUN];
    EACH_ROW(S[i] = square[i]);
    for (int64_t t = 0; t < T; t++) {
        const vec *step = from->steps + 3 * t, k = step[1];
        vec rows[RUN], d = step[2], dk = back[2 * t];
        if (DELTA) {
            spread(rows, back[2 * t + 1]);
            dk -= sum_of_products(rows, S);
            d *= load_each(from->beta + t * RUNS);
        }
        spread(rows, d);
        EACH_ROW(S[i] += rows[i] * k);
        spread(rows, load_runs(dy_, t * dy_->time));
        back[2 * t] = sum_of_products(rows, S);
        back[2 * t + 1] = dk;
    }
}

EXPORT int backward(int64_t begin, int64_t end, int64_t pairs, int64_t H, int64_t T, int64_t map,
                    int64_t gate, const tensor *given, vec *kept) {
    vec *memory = workspace(2 * T + OF_RUNS(T));
    if (!memory) return 1;
    real *dbeta = (real *)(memory + 2 * T);
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const place dy_ = place_of(given[1], n, pairs, H), dq_ = place_of(given[3], n, pairs, H),
                    dk_ = place_of(given[4], n, pairs, H), dv_ = place_of(given[5], n, pairs, H),
                    dbeta_ = place_of(given[6], n, pairs, H);
        const kept_parts from = parts_of(kept + n * KEPT(T), T);
        vec square[RUN];
        load_square(square, given[2], n, pairs, H, 0);
        sweep_back(square, memory, dbeta, &from, &dy_, &dv_, T);
        store_square(square, given[6 + DELTA], n, pairs, H);
        if (DELTA) {
            gate_all_backward(dbeta, from.beta, T, gate);
            store_rates(dbeta, &dbeta_, T);
        }
        load_square(square, given[0], n, pairs, H, 1);
        sweep_forward(square, memory, &from, &dy_, T);
        map_all_backward(memory, &from, &dq_, &dk_, T, (int)map);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
