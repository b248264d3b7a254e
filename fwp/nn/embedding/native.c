/* The gradient of an embedding: dW[s] = Σ dy_n over the n whose symbol is s. */

#include "../../kernels/native.h"

#define TABLES 4 /* sums of each row, so that equal symbols in a row need not wait for each other */

/* Gradients dy are [N, D], symbols [N], dW [V, D]; a block is LANES columns. */
EXPORT int backward(int64_t begin, int64_t end, int64_t N, int64_t V, int64_t D,
                    const int64_t *symbols, const real *dy, real *dW) {
    vec *sums = workspace(TABLES * V);
    if (!sums) return 1;
    unsigned mode = flush_denormals();
    for (int64_t block = begin; block < end; block++) {
        const int64_t at = block * LANES, columns = D - at;
        clear(sums, (int)(TABLES * V));
        for (int64_t n = 0; n < N; n++)
            sums[n % TABLES * V + symbols[n]] += load_some(dy + n * D + at, columns);
        for (int64_t s = 0; s < V; s++) {
            const vec sum = (sums[s] + sums[V + s]) + (sums[2 * V + s] + sums[3 * V + s]);
            store_some(sum, dW + s * D + at, columns);
        }
    }
    restore_denormals(mode);
    free(sums);
    return 0;
}
