/* Forward and backward of the element-wise LSTM.
 *
 * A step, unit by unit:   z = tanh(a_z + w_z c'),  f = σ(a_f + w_f c'),  c = f c' + (1 − f) z
 * Back through it, from the gradient dc of c:
 *     da_z = dc (1 − f) (1 − z²),   da_f = dc (c' − z) f (1 − f)
 *     dc'  = dc f + w_z da_z + w_f da_f,   dw_z += c' da_z,   dw_f += c' da_f
 *
 * Units never meet, so lanes are neighbouring units of one sequence and nothing is transposed. What
 * limits a chain of steps is the latency of two exponentials: CHAINS of them run side by side.
 * z and f are kept for the backward pass, which then needs neither inputs nor exponentials.
 */

#include "../../kernels/native.h"

#define CHAINS 4
#define EACH_CHAIN UNROLL for (int i = 0; i < CHAINS; i++)

/* A run of up to LANES neighbouring units of one sequence; none are left after the last run. */
typedef struct {
    int64_t batch, unit;
    int count;
} chain;

/* The chains of block n. Returns whether all are full, for which code without tails is made. */
INLINE int chains_of(chain *at, int64_t n, int64_t B, int64_t D) {
    const int64_t runs = (D + LANES - 1) / LANES;
    int full = 1;
    EACH_CHAIN {
        const int64_t run = n * CHAINS + i, unit = run % runs * LANES;
        at[i] = (chain){run / runs, unit, 0};
        if (run < B * runs) at[i].count = D - unit < LANES ? (int)(D - unit) : LANES;
        full &= at[i].count == LANES;
    }
    return full;
}
/* Where the units of a chain lie at time 0 in [B, T, D]. */
INLINE real *start(tensor x, chain c) {
    return x.data ? x.data + c.batch * x.batch + c.unit : NULL;
}
INLINE vec get(const real *p, const int full, int count) {
    vec x = {0};
    if (full)
        memcpy(&x, p, sizeof(vec));
    else
        for (int l = 0; l < count; l++) x[l] = p[l];
    return x;
}
INLINE void put(vec x, real *p, const int full, int count) {
    if (full)
        memcpy(p, &x, sizeof(vec));
    else
        for (int l = 0; l < count; l++) p[l] = x[l];
}

INLINE void forward_block(const chain *at, const int full, const int keep, int64_t T, tensor z_,
                          tensor f_, const real *w_z, const real *w_f, tensor c_0, tensor c_,
                          tensor kept_z, tensor kept_f) {
    const real *z_in[CHAINS], *f_in[CHAINS];
    real *out[CHAINS], *z_out[CHAINS], *f_out[CHAINS];
    vec c[CHAINS], wz[CHAINS], wf[CHAINS];
    EACH_CHAIN {
        const int n = at[i].count;
        z_in[i] = start(z_, at[i]), f_in[i] = start(f_, at[i]), out[i] = start(c_, at[i]);
        z_out[i] = start(kept_z, at[i]), f_out[i] = start(kept_f, at[i]);
        c[i] = get(start(c_0, at[i]), full, n);
        wz[i] = get(w_z + at[i].unit, full, n), wf[i] = get(w_f + at[i].unit, full, n);
    }
    for (int64_t t = 0; t < T; t++)
        EACH_CHAIN {
            const int n = at[i].count;
            vec z = vtanh(get(z_in[i] + t * z_.time, full, n) + wz[i] * c[i]);
            vec f = vsigmoid(get(f_in[i] + t * f_.time, full, n) + wf[i] * c[i]);
            c[i] = f * c[i] + (1 - f) * z;
            put(c[i], out[i] + t * c_.time, full, n);
            if (!keep) continue;
            put(z, z_out[i] + t * kept_z.time, full, n);
            put(f, f_out[i] + t * kept_f.time, full, n);
        }
}

/* z_ and f_ hold the pre-activations, kept_z and kept_f (null if not wanted) take the gates. */
EXPORT int forward(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t D, tensor z_,
                   tensor f_, const real *w_z, const real *w_f, tensor c_0, tensor c_,
                   tensor kept_z, tensor kept_f) {
    unsigned mode = flush_denormals();
    for (int64_t n = begin; n < end; n++) {
        chain at[CHAINS];
#define FORWARD(full, keep) \
    forward_block(at, full, keep, T, z_, f_, w_z, w_f, c_0, c_, kept_z, kept_f)
        if (!chains_of(at, n, B, D))
            FORWARD(0, kept_z.data != NULL);
        else if (kept_z.data)
            FORWARD(1, 1);
        else
            FORWARD(1, 0);
    }
    restore_denormals(mode);
    return 0;
}

INLINE void backward_block(const chain *at, const int full, int64_t T, const real *w_z,
                           const real *w_f, tensor c_0, tensor c_, tensor z_, tensor f_,
                           tensor dc_, tensor dz_, tensor df_, tensor dw_z, tensor dw_f,
                           tensor dc_0) {
    const real *c_in[CHAINS], *z_in[CHAINS], *f_in[CHAINS], *dc_in[CHAINS];
    real *dz_out[CHAINS], *df_out[CHAINS];
    vec dc[CHAINS], wz[CHAINS], wf[CHAINS], sum_z[CHAINS], sum_f[CHAINS];
    EACH_CHAIN {
        const int n = at[i].count;
        c_in[i] = start(c_, at[i]), z_in[i] = start(z_, at[i]), f_in[i] = start(f_, at[i]);
        dc_in[i] = start(dc_, at[i]);
        dz_out[i] = start(dz_, at[i]), df_out[i] = start(df_, at[i]);
        wz[i] = get(w_z + at[i].unit, full, n), wf[i] = get(w_f + at[i].unit, full, n);
        dc[i] = sum_z[i] = sum_f[i] = (vec){0};
    }
    for (int64_t t = T - 1; t >= 0; t--)
        EACH_CHAIN {
            const int n = at[i].count;
            const real *before = t > 0 ? c_in[i] + (t - 1) * c_.time : start(c_0, at[i]);
            vec c = get(before, full, n);
            vec z = get(z_in[i] + t * z_.time, full, n);
            vec f = get(f_in[i] + t * f_.time, full, n);
            dc[i] += get(dc_in[i] + t * dc_.time, full, n);
            vec dz = dc[i] * ((1 - f) * (1 - z * z));
            vec df = dc[i] * ((c - z) * f * (1 - f));
            dc[i] = dc[i] * f + wz[i] * dz + wf[i] * df;
            sum_z[i] += c * dz;
            sum_f[i] += c * df;
            put(dz, dz_out[i] + t * dz_.time, full, n);
            put(df, df_out[i] + t * df_.time, full, n);
        }
    EACH_CHAIN {
        const int n = at[i].count;
        put(sum_z[i], start(dw_z, at[i]), full, n);
        put(sum_f[i], start(dw_f, at[i]), full, n);
        put(dc[i], start(dc_0, at[i]), full, n);
    }
}

/* dw_z and dw_f are [B, D]: one sum over time per sequence. */
EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t D, const real *w_z,
                    const real *w_f, tensor c_0, tensor c_, tensor z_, tensor f_, tensor dc_,
                    tensor dz_, tensor df_, tensor dw_z, tensor dw_f, tensor dc_0) {
    unsigned mode = flush_denormals();
    for (int64_t n = begin; n < end; n++) {
        chain at[CHAINS];
#define BACKWARD(full)                                                                        \
    backward_block(at, full, T, w_z, w_f, c_0, c_, z_, f_, dc_, dz_, df_, dw_z, dw_f, dc_0)
        if (chains_of(at, n, B, D))
            BACKWARD(1);
        else
            BACKWARD(0);
    }
    restore_denormals(mode);
    return 0;
}
