/* Feedback through a head's trained matrices: h R forward, the gradient of R back. */

#include "state.h"

/* A matrix [D][D] into [P][P] with zeros around it, if wanted transposed. */
INLINE void load_weights(real *R, const real *from, int D, int P, int transposed) {
    for (int i = 0; i < D; i++)
        for (int j = 0; j < P; j++)
            R[transposed ? j * P + i : i * P + j] = j < D ? from[i * D + j] : 0;
}

/* Steps whose da are gathered before dR is updated, so that it is not moved at every step. */
#define GATHERED 16

/* sum[i][j] += Σ_t h_t[i] a_t[j]; h_t lies `h_stride` vecs after h_{t+1}, a_t `a_stride` vecs
 * before a_{t+1}. */
INLINE void add_outer(vec *restrict sum, const vec *restrict h, int64_t h_stride,
                      const vec *restrict a, int64_t a_stride, int steps, int D, int P) {
    for (int i = 0; i < D; i += 4)
        for (int j = 0; j < P; j += 4) {
            vec tile[4][4];
            UNROLL for (int x = 0; x < 16; x++) tile[x / 4][x % 4] = (vec){0};
            for (int t = 0; t < steps; t++) {
                const vec *ht = h + t * h_stride + i, *at = a + t * a_stride + j;
                UNROLL for (int x = 0; x < 16; x++) tile[x / 4][x % 4] += ht[x / 4] * at[x % 4];
            }
            UNROLL for (int x = 0; x < 16; x++)
                sum[(i + x / 4) * P + j + x % 4] += tile[x / 4][x % 4];
        }
}
