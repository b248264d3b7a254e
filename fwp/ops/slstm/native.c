/* Forward and backward of sLSTM, LANES sequences of one head at a time.
 *
 * A step, unit by unit but for h R, with h the previous output and a = its pre-activations:
 *     a ← a + h R,   z = tanh(a_z),   o = σ(a_o),   L = log σ(a_f) + l'
 *     α = σ(a_i − L),   l = a_i + log(1 + e^(L − a_i)),   c = c' + α (z − c'),   y = o c
 *
 * Back through it, from the gradients dy (of the loss and of the next step's h), dc and dl:
 *     da_o = dy c o (1 − o),     dc += dy o,     da_z = dc α (1 − z²)
 *     dL = dl (1 − α) − dc (z − c') α (1 − α),   da_i = dl − dL,   da_f = dL (1 − σ(a_f))
 *     dc' = dc (1 − α),   dl' = dL,   dh = R da (all four),   dR += h ⊗ da
 *
 * Kept are α, z, o, 1 − σ(a_f), c' and h of every step.
 */

#include "../../kernels/feedback.h"

#define GATES 4 /* i, f, z, o */
#define KEPT(P) (6 * (P))

/* log(1 + e^x) = max(x, 0) + log(1 + e^−|x|), by log(1 + e) = 2 artanh(e / (2 + e)). */
INLINE vec vsoftplus(vec x) {
    ivec sign = (ivec)fill(-0.0);
    vec e = vexp((vec)((ivec)x | sign)), s = e / (2 + e), square = s * s, sum = {0};
    UNROLL for (int i = REAL_IS_DOUBLE ? 15 : 7; i >= 0; i--)
        sum = sum * square + (real)2 / (2 * i + 1);
    return choose(x > 0, x, (vec){0}) + s * sum;
}

EXPORT int forward(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t size, tensor a_,
                   const real *r, tensor h_0, tensor c_0, tensor l_0, tensor y_, tensor c_T,
                   tensor l_T, vec *kept) {
    const int D = SIZE(size), P = PADDED(D);
    vec *memory = workspace(KEPT(P) + (GATES + 3) * P + (GATES * P * P + LANES - 1) / LANES);
    if (!memory) return 1;
    vec *scratch = memory, *a = scratch + KEPT(P), *y = a + GATES * P, *c = y + P, *l = c + P;
    real *R = (real *)(l + P);
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_head(n, B);
        const rows rows_a = rows_of(a_, &it), rows_y = rows_of(y_, &it),
                   rows_h = rows_of(h_0, &it), rows_c = rows_of(c_0, &it),
                   rows_l = rows_of(l_0, &it), rows_cT = rows_of(c_T, &it),
                   rows_lT = rows_of(l_T, &it);
        clear(memory, KEPT(P) + (GATES + 3) * P);
        memset(R, 0, GATES * P * P * sizeof(real));
        for (int g = 0; g < GATES; g++)
            load_weights(R + g * P * P, r + (it.head[0] * GATES + g) * D * D, D, P, 0);
        load(y, &rows_h, 0, D);
        load(c, &rows_c, 0, D);
        load(l, &rows_l, 0, D);

        for (int64_t t = 0; t < T; t++) {
            vec *alpha = kept ? kept + (n * T + t) * KEPT(P) : scratch;
            vec *z = alpha + P, *o = z + P, *gone = o + P, *before = gone + P, *h = before + P;
            for (int g = 0; g < GATES; g++) load(a + g * P, &rows_a, t * rows_a.time + g * D, D);
            memcpy(h, y, P * sizeof(vec));
            memcpy(before, c, P * sizeof(vec));
            for (int g = 0; g < GATES; g++) add_product(a + g * P, h, R + g * P * P, D, P);
            for (int j = 0; j < P; j++) {
                const vec i = a[j], f = a[P + j], L = l[j] - vsoftplus(-f);
                alpha[j] = vsigmoid(i - L);
                gone[j] = vsigmoid(-f);
                z[j] = vtanh(a[2 * P + j]);
                o[j] = vsigmoid(a[3 * P + j]);
                l[j] = i + vsoftplus(L - i);
                c[j] += alpha[j] * (z[j] - c[j]);
                y[j] = o[j] * c[j];
            }
            store_step(y, &rows_y, t, D);
        }
        store(c, &rows_cT, 0, D);
        store(l, &rows_lT, 0, D);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t size, const real *r,
                    const vec *kept, tensor dy_, tensor dc_T, tensor dl_T, tensor da_, tensor dh_0,
                    tensor dc_0, tensor dl_0, real *dR_) {
    const int D = SIZE(size), P = PADDED(D), A = GATES * P;
    const int vecs = GATES * P * P + GATHERED * A + 4 * P;
    vec *memory = workspace(vecs + (GATES * P * P + LANES - 1) / LANES);
    if (!memory) return 1;
    vec *dR = memory, *gathered = dR + GATES * P * P, *dy = gathered + GATHERED * A;
    vec *dc = dy + P, *dl = dc + P, *dh = dl + P;
    real *R = (real *)(memory + vecs); /* transposed */
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_head(n, B);
        const rows rows_dy = rows_of(dy_, &it), rows_cT = rows_of(dc_T, &it),
                   rows_lT = rows_of(dl_T, &it), rows_a = rows_of(da_, &it),
                   rows_h = rows_of(dh_0, &it), rows_c = rows_of(dc_0, &it),
                   rows_l = rows_of(dl_0, &it);
        memset(R, 0, GATES * P * P * sizeof(real));
        for (int g = 0; g < GATES; g++)
            load_weights(R + g * P * P, r + (it.head[0] * GATES + g) * D * D, D, P, 1);
        clear(memory, vecs);
        load(dc, &rows_cT, 0, D);
        load(dl, &rows_lT, 0, D);

        int slot = 0;
        for (int64_t t = T - 1; t >= 0; t--) {
            const vec *alpha = kept + (n * T + t) * KEPT(P), *z = alpha + P, *o = z + P;
            const vec *gone = o + P, *before = gone + P, *h = before + P;
            vec *da = gathered + slot * A;
            load_step(dy, &rows_dy, t, D);
            for (int j = 0; j < D; j++) {
                const vec d = dy[j] + dh[j], change = z[j] - before[j];
                const vec c = before[j] + alpha[j] * change;
                dc[j] += d * o[j];
                const vec dL = (1 - alpha[j]) * (dl[j] - dc[j] * change * alpha[j]);
                da[j] = dl[j] - dL;
                da[P + j] = dL * gone[j];
                da[2 * P + j] = dc[j] * alpha[j] * (1 - z[j] * z[j]);
                da[3 * P + j] = d * c * o[j] * (1 - o[j]);
                dc[j] *= 1 - alpha[j];
                dl[j] = dL;
            }
            clear(dh, P);
            add_product(dh, da, R, A, P);
            for (int g = 0; g < GATES; g++) store(da + g * P, &rows_a, t * rows_a.time + g * D, D);
            if (++slot == GATHERED || t == 0) {
                /* The latest gathered step is t, the others follow it in time. */
                for (int g = 0; g < GATES; g++)
                    add_outer(dR + g * P * P, h + (slot - 1) * KEPT(P), -KEPT(P), gathered + g * P,
                              A, slot, D, P);
                slot = 0;
            }
        }
        store(dh, &rows_h, 0, D);
        store(dc, &rows_c, 0, D);
        store(dl, &rows_l, 0, D);
        real *out = dR_ + n * GATES * D * D;
        for (int g = 0; g < GATES; g++)
            for (int i = 0; i < D; i++)
                for (int j = 0; j < D; j++) *out++ = lane_sum(dR[g * P * P + i * P + j]);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
