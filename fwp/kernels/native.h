/* What all CPU kernels share: vectors of sequences, elementary functions, transposing, passes.
 *
 * A `vec` holds one number of each of LANES sequences, so that every operation of a recurrence,
 * softmax and reductions over units included, is vertical: no lane ever talks to another. A state
 * [rows][cols] of LANES sequences is an array of rows * cols vecs that stays in cache over time.
 * Arrays over units have their length rounded up to a multiple of 4 (PADDED); what lies past the
 * end is zero and stays zero, so that loops run over whole tiles.
 *
 * The compiler is given REAL_IS_DOUBLE (0 or 1) and, for common head sizes, FIXED_SIZE, which turns
 * loop bounds into constants.
 */

#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE__
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))
#define EXPORT __attribute__((visibility("default")))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* One register's worth of numbers; LANES is a plain number because the preprocessor needs it. */
#if defined(__AVX512F__) && REAL_IS_DOUBLE
#define LANES 8
#elif defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__) && REAL_IS_DOUBLE
#define LANES 4
#elif defined(__AVX__)
#define LANES 8
#elif REAL_IS_DOUBLE
#define LANES 2
#else
#define LANES 4
#endif
#if REAL_IS_DOUBLE
typedef double real;
typedef int64_t integer;
#else
typedef float real;
typedef int32_t integer;
#endif
#define BYTES (LANES * sizeof(real))
typedef real vec __attribute__((vector_size(BYTES), may_alias));
typedef real half __attribute__((vector_size(BYTES / 2), may_alias));
typedef integer ivec __attribute__((vector_size(BYTES), may_alias));

#ifdef FIXED_SIZE
#define SIZE(n) FIXED_SIZE
#else
#define SIZE(n) ((int)(n))
#endif
#define PADDED(n) (((n) + 3) / 4 * 4)

INLINE vec fill(real x) { return x - (vec){0}; }
INLINE vec choose(ivec condition, vec a, vec b) {
    return (vec)((condition & (ivec)a) | (~condition & (ivec)b));
}
/* The next LANES of n numbers, zeros after them. */
INLINE vec load_some(const real *p, int64_t n) {
    vec x, some = {0}; /* apart, so that x stays in a register */
    if (n >= LANES) {
        memcpy(&x, p, sizeof(vec));
        return x;
    }
    memcpy(&some, p, (size_t)n * sizeof(real));
    return some;
}
INLINE void store_some(vec x, real *p, int64_t n) {
    if (n >= LANES)
        memcpy(p, &x, sizeof(vec));
    else
        memcpy(p, &x, (size_t)n * sizeof(real));
}
/* x, or low if that is larger; NaN stays NaN. x86's maximum is its second operand if one is NaN. */
INLINE vec at_least(vec x, real low) {
#if defined(__AVX512F__) && REAL_IS_DOUBLE
    return (vec)_mm512_max_pd(fill(low), x);
#elif defined(__AVX512F__)
    return (vec)_mm512_max_ps(fill(low), x);
#elif defined(__AVX__) && REAL_IS_DOUBLE
    return (vec)_mm256_max_pd(fill(low), x);
#elif defined(__AVX__)
    return (vec)_mm256_max_ps(fill(low), x);
#else
    return choose(x < low, fill(low), x);
#endif
}
/* 1 / x for x of normal size; 512-bit divisions take long. Newton's step doubles the 14 bits. */
INLINE vec reciprocal(vec x) {
#if defined(__AVX512F__) && !REAL_IS_DOUBLE
    vec r = (vec)_mm512_rcp14_ps(x);
    return r + r * (1 - x * r);
#else
    return 1 / x;
#endif
}
INLINE void clear(vec *x, int n) { memset(x, 0, (size_t)n * sizeof(vec)); }

/* Workspaces: aligned for vecs; a kernel cuts pieces off one allocation. */
INLINE vec *workspace(int64_t vecs) {
    void *memory = NULL;
    return posix_memalign(&memory, 64, (size_t)vecs * sizeof(vec)) ? NULL : memory;
}

/* Numbers below the smallest normal one cost a hundred times a normal one on x86 and mean zero
 * here: flush them while a kernel runs. */
INLINE unsigned flush_denormals(void) {
#ifdef __SSE__
    unsigned old = _mm_getcsr();
    _mm_setcsr(old | 0x8040);
    return old;
#else
    return 0;
#endif
}
INLINE void restore_denormals(unsigned old) {
#ifdef __SSE__
    _mm_setcsr(old);
#else
    (void)old;
#endif
}

/* ---- elementary functions; infinities saturate, NaN stays NaN -------------------------------- */

#if REAL_IS_DOUBLE
#define TERMS 12 /* of the Taylor series on |r| <= ln 2 / 2: remainder 2e-16 */
#define MAGIC 6755399441055744.0 /* adding 1.5 * 2^52 rounds to an integer in the low bits */
#define MANTISSA 52
#define BIAS 1023
#define EXP_MIN -708.0
#define EXP_MAX 709.0
#else
#define TERMS 7 /* remainder 5e-9 */
#define MAGIC 12582912.0f
#define MANTISSA 23
#define BIAS 127
#define EXP_MIN -87.0f
#define EXP_MAX 88.0f
#endif
static const real TAYLOR[] = {1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880,
                              1.0 / 40320,     1.0 / 5040,     1.0 / 720,     1.0 / 120,
                              1.0 / 24,        1.0 / 6,        1.0 / 2,       1.0};

/* For x <= EXP_MAX, x = n ln 2 + r: returns the power 2^n, and e^r - 1 in *rest. */
INLINE vec exp_parts(vec x, vec *rest) {
    x = at_least(x, EXP_MIN);
    vec shifted = x * (real)1.4426950408889634 + (real)MAGIC;
    vec n = shifted - (real)MAGIC;
#if REAL_IS_DOUBLE
    vec r = x - n * 0.693147180369123816490 - n * 1.90821492927058770002e-10;
#else
    vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
#endif
    vec p = fill(TAYLOR[12 - TERMS]);
    UNROLL for (int i = 13 - TERMS; i < 12; i++) p = p * r + TAYLOR[i];
    *rest = p * r;
    return (vec)(((ivec)shifted << MANTISSA) + (((ivec){0} + BIAS) << MANTISSA));
}
INLINE vec vexp(vec x) {
    vec rest, power = exp_parts(x, &rest);
    return power * rest + power;
}
INLINE vec vsigmoid(vec x) { return reciprocal(1 + vexp(-at_least(x, -(real)EXP_MAX))); }
/* tanh |x| = -m / (m + 2) with m = e^(-2|x|) - 1, which loses no digits near zero. */
INLINE vec vtanh(vec x) {
    ivec sign = (ivec)x & (ivec)fill(-0.0);
    vec rest, power = exp_parts(-2 * (vec)((ivec)x & ~(ivec)fill(-0.0)), &rest);
    vec m = power * rest + (power - 1);
    return (vec)((ivec)((0 - m) * reciprocal(m + 2)) | sign);
}
INLINE void softmax(vec *x, int n) {
    vec top = x[0], sum = {0};
    for (int i = 1; i < n; i++) top = choose(x[i] > top, x[i], top);
    for (int i = 0; i < n; i++) sum += x[i] = vexp(x[i] - top);
    vec scale = 1 / sum;
    for (int i = 0; i < n; i++) x[i] *= scale;
}
/* From p = softmax(a) and the gradient of p, in place, the gradient of a. */
INLINE void softmax_backward(const vec *restrict p, vec *restrict gradient, int n) {
    vec mean = {0};
    for (int i = 0; i < n; i++) mean += p[i] * gradient[i];
    for (int i = 0; i < n; i++) gradient[i] = p[i] * (gradient[i] - mean);
}
INLINE real lane_sum(vec x) {
    real sum = 0;
    UNROLL for (int l = 0; l < LANES; l++) sum += x[l];
    return sum;
}

/* ---- between [B, T, H, D] in memory and one vec per unit ------------------------------------ */

/* A tensor [B, T, H, ...] whose last dimensions are contiguous; data is NULL for "all zero". */
typedef struct {
    real *data;
    int64_t batch, time, head;
} tensor;

/* The sequences of a block: (batch, head) of the first `count` lanes; the others are idle. */
typedef struct {
    int count;
    int64_t batch[LANES], head[LANES];
} lanes;

/* Block `n` of LANES (batch, head) pairs, heads fastest: for ops that share no weights. */
INLINE lanes lanes_of_pairs(int64_t n, int64_t B, int64_t H) {
    lanes it = {0};
    for (int64_t i = n * LANES; it.count < LANES && i < B * H; i++, it.count++) {
        it.batch[it.count] = i / H;
        it.head[it.count] = i % H;
    }
    return it;
}
/* Block `n` of LANES sequences with one head, all of a head's blocks in a row. */
INLINE lanes lanes_of_head(int64_t n, int64_t B) {
    lanes it = {0};
    int64_t blocks = (B + LANES - 1) / LANES;
    for (int64_t b = n % blocks * LANES; it.count < LANES && b < B; b++, it.count++) {
        it.batch[it.count] = b;
        it.head[it.count] = n / blocks;
    }
    return it;
}
/* Where the units of each lane begin; NULL for idle lanes and for tensors that are not given. */
typedef struct {
    real *row[LANES];
    int64_t time;
} rows;
INLINE rows rows_of(tensor x, const lanes *it) {
    rows p = {.time = x.time};
    for (int l = 0; l < LANES; l++)
        p.row[l] = l < it->count && x.data
                       ? x.data + it->batch[l] * x.batch + it->head[l] * x.head
                       : NULL;
    return p;
}

/* One stage of a butterfly: swaps the off-diagonal blocks of size m in every 2m x 2m square. */
#define LOW(i, m) ((i) & (m) ? LANES + (i) - (m) : (i))
#define HIGH(i, m) ((i) & (m) ? LANES + (i) : (i) + (m))
#define KEEP(i, m) (i)
#define FROM2(F, i, m) F(i, m), F((i) + 1, m)
#define FROM4(F, i, m) FROM2(F, i, m), FROM2(F, (i) + 2, m)
#define FROM8(F, i, m) FROM4(F, i, m), FROM4(F, (i) + 4, m)
#define FROM16(F, i, m) FROM8(F, i, m), FROM8(F, (i) + 8, m)
#define PASTE(a, b) a##b
#define FROM(n) PASTE(FROM, n)
#define SHUFFLE(a, b, F, m) __builtin_shufflevector(a, b, FROM(LANES)(F, 0, m))
#define STAGE(m)                                        \
    if ((m) < width) {                                  \
        UNROLL for (int r = 0; r < width; r++) {        \
            if (r & (m)) continue;                      \
            vec a = x[r], b = x[r + (m)];               \
            x[r] = SHUFFLE(a, b, LOW, m);               \
            x[r + (m)] = SHUFFLE(a, b, HIGH, m);        \
        }                                               \
    }
/* Transposes the width x width squares that lie side by side in x[0 .. width). */
INLINE void transpose(vec *x, const int width) {
    STAGE(1)
#if LANES > 2
    STAGE(2)
#endif
#if LANES > 4
    STAGE(4)
#endif
#if LANES > 8
    STAGE(8)
#endif
}
INLINE vec load_row(const real *p, int64_t at) {
    vec x = {0};
    if (p) memcpy(&x, p + at, sizeof(vec));
    return x;
}
INLINE vec load_two_halves(const real *p, const real *q, int64_t at) {
    half a = {0}, b = {0};
    if (p) memcpy(&a, p + at, sizeof(half));
    if (q) memcpy(&b, q + at, sizeof(half));
    return SHUFFLE(a, b, KEEP, 0);
}
/* x[j][lane] = row[lane][at + j] for j < n, zero in idle lanes. */
static __attribute__((noinline, unused)) void load(vec *restrict x, const rows *p, int64_t at,
                                                   int n) {
    int j = 0;
    for (; j + LANES <= n; j += LANES) {
        vec y[LANES];
        UNROLL for (int l = 0; l < LANES; l++) y[l] = load_row(p->row[l], at + j);
        transpose(y, LANES);
        UNROLL for (int l = 0; l < LANES; l++) x[j + l] = y[l];
    }
    for (; j + LANES / 2 <= n; j += LANES / 2) {
        vec y[LANES / 2];
        UNROLL for (int l = 0; l < LANES / 2; l++)
            y[l] = load_two_halves(p->row[l], p->row[l + LANES / 2], at + j);
        transpose(y, LANES / 2);
        UNROLL for (int l = 0; l < LANES / 2; l++) x[j + l] = y[l];
    }
    for (; j < n; j++)
        for (int l = 0; l < LANES; l++) x[j][l] = p->row[l] ? p->row[l][at + j] : 0;
}
/* row[lane][at + j] = x[j][lane] for j < n, but for idle lanes. */
static __attribute__((noinline, unused)) void store(const vec *restrict x, const rows *p,
                                                    int64_t at, int n) {
    int j = 0;
    for (; j + LANES <= n; j += LANES) {
        vec y[LANES];
        UNROLL for (int l = 0; l < LANES; l++) y[l] = x[j + l];
        transpose(y, LANES);
        UNROLL for (int l = 0; l < LANES; l++)
            if (p->row[l]) memcpy(p->row[l] + at + j, &y[l], sizeof(vec));
    }
    for (; j + LANES / 2 <= n; j += LANES / 2) {
        vec y[LANES / 2];
        UNROLL for (int l = 0; l < LANES / 2; l++) y[l] = x[j + l];
        transpose(y, LANES / 2);
        UNROLL for (int l = 0; l < LANES; l++)
            if (p->row[l])
                memcpy(p->row[l] + at + j,
                       (real *)&y[l % (LANES / 2)] + l / (LANES / 2) * (LANES / 2), sizeof(half));
    }
    for (; j < n; j++)
        for (int l = 0; l < LANES; l++)
            if (p->row[l]) p->row[l][at + j] = x[j][l];
}

/* The same for step t of a sequence. (Fetching later steps ahead of time was tried: no gain.) */
INLINE void load_step(vec *x, const rows *p, int64_t t, int n) { load(x, p, t * p->time, n); }
INLINE void store_step(const vec *x, const rows *p, int64_t t, int n) {
    store(x, p, t * p->time, n);
}

EXPORT int lanes_in_a_block(void) { return LANES; }
