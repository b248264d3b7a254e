/* Forward and backward of the self-referential weight matrix, LANES pairs of sequence and head at a
 * time. The four matrices stand side by side in one, W = [W^y W^q W^k W^β] of D rows.
 *
 * A step:
 *     [y a_q a_k a_β] = x W,   q = softmax(a_q),  k = softmax(a_k),  β = σ(a_β)
 *     e = m W with m = q − k,   W ← W + k ⊗ (β ∘ e)       (∘: every part of e times its own rate)
 * so the difference of the reads of q and k is one read, and x_{t+1} reads W while it is written.
 * β of a matrix that does not change (no bit in `updated`) is 0 instead.
 *
 * Back through it, with G the gradient of W after the step, and g that of x W of the *next* step:
 *     G  ← G + x_{t+1} ⊗ g                   dx_{t+1} = W g
 *     dd = k G,  dβ_i = Σ (dd ∘ e) over part i,  de = β ∘ dd
 *     dm = W' de                             W' = W − k ⊗ (β ∘ e), the state before the step
 *     dk = G (β ∘ e) − dm,  dq = dm
 *     G  ← G + m ⊗ de
 *     g of this step = [dy, da_q, da_k, da_β], by the softmax and the sigmoid
 *
 * As in ../recurrent_delta_rule/native.c, writes are undone instead of states kept, from a stored state
 * every `every` steps; kept are x, q, k, β and e of every step.
 */

#include "../../kernels/state.h"

#define COLUMNS(D) PADDED(3 * (D) + 4)
#define KEPT(D) (3 * (D) + 4 + COLUMNS(D)) /* x, q, k [D], β [4], e [COLUMNS] */
#define PART(j, D) ((j) / (D) < 3 ? (j) / (D) : 3)

INLINE void load_all(vec *W, const tensor from[4], const lanes *it, int D) {
    clear(W, D * COLUMNS(D));
    for (int i = 0; i < 4; i++)
        load_state(W + i * D, from[i], it, D, i < 3 ? D : 4, COLUMNS(D));
}
INLINE void store_all(const vec *W, const tensor to[4], const lanes *it, int D) {
    for (int i = 0; i < 4; i++)
        store_state(W + i * D, to[i], it, D, i < 3 ? D : 4, COLUMNS(D));
}
/* out = β ∘ x: each part of the columns times its rate. */
INLINE void scale_parts(vec *restrict out, const vec *restrict beta, const vec *restrict x, int D) {
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < D; j++) out[i * D + j] = beta[i] * x[i * D + j];
    for (int j = 3 * D; j < COLUMNS(D); j++) out[j] = beta[3] * x[j];
}

EXPORT int forward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t size,
                   int64_t every, int64_t updated, tensor x_, tensor y_0, tensor q_0, tensor k_0, tensor beta_0,
                   tensor y_, tensor y_T, tensor q_T, tensor k_T, tensor beta_T, vec *kept,
                   vec *states) {
    const int D = SIZE(size), P = COLUMNS(D);
    const int64_t stored = (T + every - 1) / every;
    const tensor first[4] = {y_0, q_0, k_0, beta_0}, last[4] = {y_T, q_T, k_T, beta_T};
    vec *memory = workspace(D * P + 2 * KEPT(D) + 2 * P + D);
    if (!memory) return 1;
    vec *W = memory, *scratch = W + D * P, *d = scratch + 2 * KEPT(D), *out = d + P, *m = out + P;
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const rows rows_x = rows_of(x_, &it), rows_y = rows_of(y_, &it);
        load_all(W, first, &it, D);
        clear(out, P);
        vec *x = kept ? kept + n * T * KEPT(D) : scratch;
        load(x, &rows_x, 0, D);
        add_read(out, x, W, D, P);

        for (int64_t t = 0; t < T; t++) {
            vec *q = x + D, *k = q + D, *beta = k + D, *e = beta + 4;
            store_step(out, &rows_y, t, D);
            memcpy(q, out + D, 2 * D * sizeof(vec));
            softmax(q, D);
            softmax(k, D);
            for (int i = 0; i < 4; i++)
                beta[i] = updated >> i & 1 ? vsigmoid(out[3 * D + i]) : (vec){0};
            for (int i = 0; i < D; i++) m[i] = q[i] - k[i];
            clear(e, P);
            add_read(e, m, W, D, P);
            scale_parts(d, beta, e, D);

            /* The next input reads while this step writes; after the last step, nobody does. */
            vec *next = kept && t + 1 < T ? x + KEPT(D) : scratch + (t + 1) % 2 * KEPT(D);
            if (t + 1 < T)
                load_step(next, &rows_x, t + 1, D);
            else
                clear(next, D);
            write_read(W, k, d, next, out, D, P);
            if (states && ((t + 1) % every == 0 || t + 1 == T))
                memcpy(states + (n * stored + t / every) * D * P, W, D * P * sizeof(vec));
            x = next;
        }
        store_all(W, last, &it, D);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}

EXPORT int backward(int64_t begin, int64_t end, int64_t B, int64_t H, int64_t T, int64_t size,
                    int64_t every, int64_t updated, const vec *kept, const vec *states, tensor dy_, tensor dy_T,
                    tensor dq_T, tensor dk_T, tensor dbeta_T, tensor dx_, tensor dy_0,
                    tensor dq_0, tensor dk_0, tensor dbeta_0) {
    const int D = SIZE(size), P = COLUMNS(D);
    const int64_t stored = (T + every - 1) / every;
    const tensor last[4] = {dy_T, dq_T, dk_T, dbeta_T}, first[4] = {dy_0, dq_0, dk_0, dbeta_0};
    const int vecs = 2 * D * P + 4 * P + 6 * D;
    (void)updated; /* β of the others was kept as 0 */
    vec *memory = workspace(vecs);
    if (!memory) return 1;
    vec *W = memory, *G = W + D * P, *g = G + D * P, *d = g + P, *dd = d + P, *de = dd + P;
    vec *dx = de + P, *dk = dx + D, *m = dk + D, *dm = m + D, *zero = dm + D;
    unsigned mode = flush_denormals();

    for (int64_t n = begin; n < end; n++) {
        const lanes it = lanes_of_pairs(n, B, H);
        const rows rows_dx = rows_of(dx_, &it), rows_dy = rows_of(dy_, &it);
        clear(memory, vecs);
        load_all(G, last, &it, D);
        const vec *next = zero; /* x of the step after this one; there is none after the last */

        for (int64_t t = T - 1; t >= 0; t--) {
            const vec *x = kept + (n * T + t) * KEPT(D);
            const vec *q = x + D, *k = q + D, *beta = k + D, *e = beta + 4;
            if ((t + 1) % every == 0 || t + 1 == T)
                memcpy(W, states + (n * stored + t / every) * D * P, D * P * sizeof(vec));
            clear(dx, 2 * D); /* and dk */
            clear(dm, D);
            scale_parts(d, beta, e, D);
            write_read_backward(G, next, g, k, d, dk, dd, D, P);
            scale_parts(de, beta, dd, D);
            for (int i = 0; i < D; i++) m[i] = q[i] - k[i];
            undo_write(W, G, g, k, d, m, de, dx, dm, D, P);
            if (t + 1 < T) store_step(dx, &rows_dx, t + 1, D);

            vec dbeta[4] = {{0}};
            for (int j = 0; j < 3 * D + 4; j++) dbeta[PART(j, D)] += dd[j] * e[j];
            load_step(g, &rows_dy, t, D);
            for (int i = 0; i < D; i++) g[D + i] = dm[i], g[2 * D + i] = dk[i] - dm[i];
            softmax_backward(q, g + D, D);
            softmax_backward(k, g + 2 * D, D);
            for (int i = 0; i < 4; i++) g[3 * D + i] = dbeta[i] * beta[i] * (1 - beta[i]);
            next = x;
        }
        /* The first input read the initial state: G += x ⊗ g, dx = W g. */
        clear(dx, D);
        clear(d, P);
        clear(de, P);
        write_read_backward(G, next, g, zero, d, dk, dd, D, P);
        undo_write(W, G, g, zero, d, zero, de, dx, dm, D, P);
        store(dx, &rows_dx, 0, D);
        store_all(G, first, &it, D);
    }
    restore_denormals(mode);
    free(memory);
    return 0;
}
