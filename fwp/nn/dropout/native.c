/* Dropout by a hash of each number's place; see __init__.py. The gradient is the same function. */

#include "../../kernels/native.h"

#define ROWS 256 /* of a block */

INLINE uint32_t mix(uint32_t x) {
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

/* x [B·T][D], its rows `x_row` numbers apart, and y [B·T][D]. */
EXPORT int forward(int64_t begin, int64_t end, int64_t rows, int64_t T, int64_t D, const real *x,
                   int64_t x_row, const int64_t *seed, int64_t place, int64_t threshold,
                   double scale_, real *restrict y) {
    const real scale = (real)scale_;
    const uint32_t least = (uint32_t)threshold;
    const uint32_t start = mix(mix(mix((uint32_t)seed[0]) ^ (uint32_t)seed[1]) ^ (uint32_t)place);
    const int64_t last = end * ROWS < rows ? end * ROWS : rows;
    for (int64_t row = begin * ROWS; row < last; row++) {
        const uint32_t h = mix(mix(start ^ (uint32_t)(row / T)) ^ (uint32_t)(row % T));
        const real *restrict from = x + row * x_row;
        real *restrict to = y + row * D;
        for (int64_t d = 0; d < D; d++) {
            const real kept = mix(h + (uint32_t)d * 0x9e3779b9u) >= least ? scale : 0;
            to[d] = kept == 0 ? 0 : from[d] * kept;
        }
    }
    return 0;
}
