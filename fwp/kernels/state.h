/* Passes over a fast-weight state S [rows][columns] of LANES sequences, columns padded to 4.
 *
 * Each pass runs down the rows with a tile of columns held in registers, 8 wide or 4 for what is
 * left. The passes do all that they can while an entry of S is in a register: moving states between
 * cache and registers, not arithmetic, limits the kernels.
 */

#pragma once
#include "native.h"

/* Calls f(j, 8, ...) for tiles of eight columns, then f(j, 4, ...) if four are left. */
#define BY_TILES(f, columns, ...)                                   \
    do {                                                            \
        int j = 0;                                                  \
        for (; j + 8 <= (columns); j += 8) f(j, 8, __VA_ARGS__);    \
        if (j < (columns)) f(j, 4, __VA_ARGS__);                    \
    } while (0)
#define TILE INLINE void
#define EACH(w) UNROLL for (int w = 0; w < width; w++)

/* out += x S */
TILE read_tile(int j, const int width, vec *restrict out, const vec *restrict x,
               const vec *restrict S, int rows, int columns) {
    vec sum[8];
    EACH(w) sum[w] = out[j + w];
    for (int i = 0; i < rows; i++) {
        vec xi = x[i];
        EACH(w) sum[w] += xi * S[i * columns + j + w];
    }
    EACH(w) out[j + w] = sum[w];
}
INLINE void add_read(vec *out, const vec *x, const vec *S, int rows, int columns) {
    BY_TILES(read_tile, columns, out, x, S, rows, columns);
}

/* out += x M for a matrix of plain numbers that all sequences share. */
TILE product_tile(int j, const int width, vec *restrict out, const vec *restrict x,
                  const real *restrict M, int rows, int columns) {
    vec sum[8];
    EACH(w) sum[w] = out[j + w];
    for (int i = 0; i < rows; i++) {
        vec xi = x[i];
        EACH(w) sum[w] += xi * M[i * columns + j + w];
    }
    EACH(w) out[j + w] = sum[w];
}
INLINE void add_product(vec *out, const vec *x, const real *M, int rows, int columns) {
    BY_TILES(product_tile, columns, out, x, M, rows, columns);
}

/* S += k ⊗ d, then y = q S */
TILE write_read_tile(int j, const int width, vec *restrict S, const vec *restrict k,
                     const vec *restrict d, const vec *restrict q, vec *restrict y, int rows,
                     int columns) {
    vec change[8], sum[8];
    EACH(w) change[w] = d[j + w], sum[w] = (vec){0};
    for (int i = 0; i < rows; i++) {
        vec ki = k[i], qi = q[i], *row = S + i * columns + j;
        EACH(w) {
            vec s = row[w] + ki * change[w];
            row[w] = s;
            sum[w] += qi * s;
        }
    }
    EACH(w) y[j + w] = sum[w];
}
INLINE void write_read(vec *S, const vec *k, const vec *d, const vec *q, vec *y, int rows,
                       int columns) {
    BY_TILES(write_read_tile, columns, S, k, d, q, y, rows, columns);
}

/* Gradient of y = q S and of S += k ⊗ d, but for what needs S itself. G is the gradient of S:
 * G += q ⊗ dy;  dk += G d;  dd = k G */
TILE gradient_tile(int j, const int width, vec *restrict G, const vec *restrict q,
                   const vec *restrict dy, const vec *restrict k, const vec *restrict d,
                   vec *restrict dk, vec *restrict dd, int rows, int columns) {
    vec y[8], change[8], sum[8];
    EACH(w) y[w] = dy[j + w], change[w] = d[j + w], sum[w] = (vec){0};
    for (int i = 0; i < rows; i++) {
        vec qi = q[i], ki = k[i], dot = dk[i], *row = G + i * columns + j;
        EACH(w) {
            vec g = row[w] + qi * y[w];
            row[w] = g;
            dot += g * change[w];
            sum[w] += ki * g;
        }
        dk[i] = dot;
    }
    EACH(w) dd[j + w] = sum[w];
}
INLINE void write_read_backward(vec *G, const vec *q, const vec *dy, const vec *k, const vec *d,
                                vec *dk, vec *dd, int rows, int columns) {
    BY_TILES(gradient_tile, columns, G, q, dy, k, d, dk, dd, rows, columns);
}

/* Back over S += k ⊗ d, and through what reads S: y = q S after the write, r = m S before it.
 * dq += S dy;  S -= k ⊗ d;  dm += S dr;  G += m ⊗ dr */
TILE undo_tile(int j, const int width, vec *restrict S, vec *restrict G, const vec *restrict dy,
               const vec *restrict k, const vec *restrict d, const vec *restrict m,
               const vec *restrict dr, vec *restrict dq, vec *restrict dm, int rows, int columns) {
    vec y[8], change[8], read[8];
    EACH(w) y[w] = dy[j + w], change[w] = d[j + w], read[w] = dr[j + w];
    for (int i = 0; i < rows; i++) {
        vec ki = k[i], mi = m[i], query = dq[i], reader = dm[i];
        vec *s = S + i * columns + j, *g = G + i * columns + j;
        EACH(w) {
            vec after = s[w], before = after - ki * change[w];
            s[w] = before;
            query += after * y[w];
            reader += before * read[w];
            g[w] += mi * read[w];
        }
        dq[i] = query;
        dm[i] = reader;
    }
}
INLINE void undo_write(vec *S, vec *G, const vec *dy, const vec *k, const vec *d, const vec *m,
                       const vec *dr, vec *dq, vec *dm, int rows, int columns) {
    BY_TILES(undo_tile, columns, S, G, dy, k, d, m, dr, dq, dm, rows, columns);
}

/* Between a tensor [B, H, rows, columns] and the first `columns` of every `stride` in S. */
INLINE void load_state(vec *S, tensor x, const lanes *it, int height, int columns, int stride) {
    rows p = rows_of(x, it);
    for (int i = 0; i < height; i++) load(S + i * stride, &p, i * columns, columns);
}
INLINE void store_state(const vec *S, tensor x, const lanes *it, int height, int columns,
                        int stride) {
    rows p = rows_of(x, it);
    for (int i = 0; i < height; i++) store(S + i * stride, &p, i * columns, columns);
}
