/* Cross-entropy of strings, LANES positions of a string at a time, and its gradient at once.
 *
 *     loss = Σ_t log Σ_c e^(x_tc) − x_ty,   dx_tc = weight (softmax(x_t)_c − [c = y])
 *
 * where position t has the target y; one with a negative target counts nothing.
 */

#include "../../kernels/native.h"

/* Logits x and dx (null if not wanted) are [strings, T, classes], targets [strings, T], the others
 * [strings]; a block is a string. */
EXPORT int forward(int64_t begin, int64_t end, int64_t T, int64_t classes, const real *x,
                   const int64_t *targets, const real *weights, real *losses, real *dx) {
    const int C = (int)classes;
    vec *p = workspace(C);
    if (!p) return 1;
    unsigned mode = flush_denormals();
    for (int64_t n = begin; n < end; n++) {
        double loss = 0; /* a long string has many terms */
        for (int64_t t = 0; t < T; t += LANES) {
            const int count = T - t < LANES ? (int)(T - t) : LANES;
            const int64_t first = n * T + t;
            rows in = {.time = 0}, out = {.time = 0};
            vec top, sum = {0}, weight = {0};
            for (int l = 0; l < count; l++) {
                in.row[l] = (real *)x + (first + l) * C;
                out.row[l] = dx ? dx + (first + l) * C : NULL;
            }
            load(p, &in, 0, C);
            top = p[0];
            for (int c = 1; c < C; c++) top = choose(p[c] > top, p[c], top);
            for (int c = 0; c < C; c++) sum += p[c] = vexp(p[c] - top);
            for (int l = 0; l < count; l++) {
                const int64_t y = targets[first + l];
                if (y < 0) continue;
                const real log_sum = REAL_IS_DOUBLE ? __builtin_log(sum[l]) : __builtin_logf(sum[l]);
                loss += log_sum + (top[l] - in.row[l][y]);
                weight[l] = weights[n];
            }
            if (!dx) continue;
            const vec scale = weight / sum;
            for (int c = 0; c < C; c++) p[c] = choose(weight != 0, p[c] * scale, (vec){0});
            for (int l = 0; l < count; l++)
                if (targets[first + l] >= 0) p[targets[first + l]][l] -= weight[l];
            store(p, &out, 0, C);
        }
        losses[n] = (real)loss;
    }
    restore_denormals(mode);
    free(p);
    return 0;
}
