/* Where a model is wrong: 1 at a position with a target (>= 0) whose logit is not the largest, or
 * whose logits are not all finite. Of equal logits, the first counts as the largest. */

#include "../../kernels/native.h"

/* Logits x are [models, B, T, C]. Targets are [B, T], row by row `stride` numbers apart, wrong is
 * [models, B, T]. A block is a string of a model. */
EXPORT int errors(int64_t begin, int64_t end, int64_t B, int64_t T, int64_t C, int64_t stride,
                  const real *x, const int16_t *targets, uint8_t *wrong) {
    for (int64_t n = begin; n < end; n++) {
        const int16_t *target = targets + n % B * stride;
        for (int64_t t = 0; t < T; t++) {
            const real *logit = x + (n * T + t) * C;
            int64_t top = 0;
            real zero = 0; /* or NaN, once a logit is not finite */
            for (int64_t c = 0; c < C; c++) {
                zero += logit[c] - logit[c];
                if (logit[c] > logit[top]) top = c;
            }
            wrong[n * T + t] = target[t] >= 0 && (zero != 0 || top != target[t]);
        }
    }
    return 0;
}
