/* Vecs that hold several short vectors side by side: RUN lanes, a run, for each.
 *
 * The other kernels let a lane be a sequence. Here lanes are the columns of a fast-weight state, and
 * a vec holds a row of it for RUNS pairs of sequence and head. So the state of a small head lies in
 * registers, numbers are loaded as they lie in memory, and nothing is transposed. The price is that
 * a factor per row is first spread over its run, and that a sum over columns crosses lanes.
 *
 * NARROW says whether a head, FIXED_SIZE numbers, is a run. If not, a run is a whole vec.
 */

#pragma once
#include "native.h"

#if defined(FIXED_SIZE) && FIXED_SIZE <= LANES
#define NARROW 1
#define RUN FIXED_SIZE
#else
#define NARROW 0
#define RUN LANES
#endif
#define RUNS (LANES / RUN)

#define ACROSS(i, m) ((i) ^ (m))
#define FIRST_OF_RUN(i, m) ((i) * (m) % LANES)
#define RUN_OF(i, m) ((i) / (m))
#define IN_RUN(i, m) ((i) / RUN * RUN + (m))

/* The sum of each run, in all of its lanes. */
INLINE vec run_sum(vec x) {
#if RUN > 1
    x += SHUFFLE(x, x, ACROSS, 1);
#endif
#if RUN > 2
    x += SHUFFLE(x, x, ACROSS, 2);
#endif
#if RUN > 4
    x += SHUFFLE(x, x, ACROSS, 4);
#endif
#if RUN > 8
    x += SHUFFLE(x, x, ACROSS, 8);
#endif
    return x;
}

#if NARROW
/* The statement for i = 0 .. RUN - 1, each a constant: GCC keeps an array in registers if it is
 * indexed by constants alone, which an unrolled loop comes too late for. */
#define AT_ROW(n, ...)                                   \
    if ((n) < RUN) {                                     \
        enum { i = (n) % RUN };                          \
        __VA_ARGS__;                                     \
    }
#define FOUR_ROWS(n, ...)                                          \
    AT_ROW(n, __VA_ARGS__) AT_ROW((n) + 1, __VA_ARGS__)            \
    AT_ROW((n) + 2, __VA_ARGS__) AT_ROW((n) + 3, __VA_ARGS__)
#define EACH_ROW(...)                                              \
    do {                                                           \
        FOUR_ROWS(0, __VA_ARGS__) FOUR_ROWS(4, __VA_ARGS__)        \
        FOUR_ROWS(8, __VA_ARGS__) FOUR_ROWS(12, __VA_ARGS__)       \
    } while (0)

/* rows[i] holds number i of each run, in all lanes of the run. */
INLINE void spread(vec *rows, vec x) { EACH_ROW(rows[i] = SHUFFLE(x, x, IN_RUN, i)); }

/* Number i of each run becomes the sum of that run in rows[i]. The rows are lost. */
#define HALVE(r, m)                                                             \
    if (((r) & (2 * (m) - 1)) == 0 && (r) + (m) < RUN) {                        \
        const vec a = rows[r], b = rows[((r) + (m)) % RUN];                     \
        rows[r] = SHUFFLE(a, b, LOW, m) + SHUFFLE(a, b, HIGH, m);               \
    }
INLINE vec gather_sums(vec *rows) {
    EACH_ROW(HALVE(i, 1));
#if RUN > 2
    EACH_ROW(HALVE(i, 2));
#endif
#if RUN > 4
    EACH_ROW(HALVE(i, 4));
#endif
#if RUN > 8
    EACH_ROW(HALVE(i, 8));
#endif
    return rows[0];
}
/* The sums of a's runs and of b's, in even and in odd lanes; and one of the two in all lanes. */
INLINE vec two_run_sums(vec a, vec b) {
    vec x = SHUFFLE(a, b, LOW, 1) + SHUFFLE(a, b, HIGH, 1);
    x += SHUFFLE(x, x, ACROSS, 2);
#if RUN > 4
    x += SHUFFLE(x, x, ACROSS, 4);
#endif
#if RUN > 8
    x += SHUFFLE(x, x, ACROSS, 8);
#endif
    return x;
}
#define OF_PAIR(i, m) ((i) / 2 * 2 + (m))
#define FIRST(x) SHUFFLE(x, x, OF_PAIR, 0)
#define SECOND(x) SHUFFLE(x, x, OF_PAIR, 1)

/* Σ_i a[i] b[i], as four sums side by side: one after another would take longest. */
INLINE vec sum_of_products(const vec *a, const vec *b) {
    vec sums[4];
    EACH_ROW(sums[i % 4] = i < 4 ? a[i] * b[i] : sums[i % 4] + a[i] * b[i]);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* A loop over time is a function of its own, so that the compiler keeps the state in registers. */
#define LOOP static __attribute__((noinline)) void

/* ---- between tensors and runs; group n holds the pairs of sequence and head from n RUNS on ---- */

/* Where each run begins; NULL in idle runs and for tensors that are not given. */
typedef struct {
    real *run[RUNS];
    int64_t time;
    int whole; /* the runs lie one after another */
} place;
INLINE place place_of(tensor x, int64_t n, int64_t pairs, int64_t H) {
    place p = {.time = x.time, .whole = 1};
    for (int r = 0; r < RUNS; r++) {
        const int64_t pair = n * RUNS + r;
        p.run[r] = pair < pairs && x.data ? x.data + pair / H * x.batch + pair % H * x.head : NULL;
        p.whole &= p.run[0] && p.run[r] == p.run[0] + r * RUN;
    }
    return p;
}
INLINE vec load_runs(const place *p, int64_t at) {
    vec x = {0};
    if (p->whole)
        memcpy(&x, p->run[0] + at, sizeof(vec));
    else
        for (int r = 0; r < RUNS; r++)
            if (p->run[r]) memcpy((real *)&x + r * RUN, p->run[r] + at, RUN * sizeof(real));
    return x;
}
INLINE void store_runs(vec x, const place *p, int64_t at) {
    if (p->whole)
        memcpy(p->run[0] + at, &x, sizeof(vec));
    else
        for (int r = 0; r < RUNS; r++)
            if (p->run[r]) memcpy(p->run[r] + at, (real *)&x + r * RUN, RUN * sizeof(real));
}
/* A state [B, H, RUN, RUN], row by row. */
INLINE void load_square(vec *S, tensor x, int64_t n, int64_t pairs, int64_t H, int transposed) {
    const place p = place_of(x, n, pairs, H);
    for (int i = 0; i < RUN; i++) S[i] = load_runs(&p, i * RUN);
    if (transposed) transpose(S, RUN);
}
INLINE void store_square(const vec *S, tensor x, int64_t n, int64_t pairs, int64_t H) {
    const place p = place_of(x, n, pairs, H);
    for (int i = 0; i < RUN; i++) store_runs(S[i], &p, i * RUN);
}
/* One number for each run, such as a rate, from and to an array [..., RUNS]. A whole vec is read:
 * the array must have one more at its end. */
INLINE vec load_each(const real *p) {
    vec x;
    memcpy(&x, p, sizeof(vec));
    return SHUFFLE(x, x, RUN_OF, RUN);
}
INLINE void store_each(vec x, real *p) {
    store_some(SHUFFLE(x, x, FIRST_OF_RUN, RUN), p, RUNS);
}
/* All steps of a sequence [B, T, H] into an array [T, RUNS], and back. */
INLINE void load_rates(real *to, const place *p, int64_t T) {
    for (int r = 0; r < RUNS; r++)
        for (int64_t t = 0; t < T; t++) to[t * RUNS + r] = p->run[r] ? p->run[r][t * p->time] : 0;
}
INLINE void store_rates(const real *from, const place *p, int64_t T) {
    for (int r = 0; r < RUNS; r++)
        for (int64_t t = 0; p->run[r] && t < T; t++) p->run[r][t * p->time] = from[t * RUNS + r];
}
#endif
