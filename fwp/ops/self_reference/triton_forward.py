"""The forward pass of the self-referential weight matrix on the GPU; `triton.py` has the other.

A step is a chain of dependent reductions,

    max of the softmax -> its sum -> e = (q − k) W

and the rest is kept off the chain: x_{t+1} reads W before it is written (x W + (x · k) d), and
inputs are loaded a step ahead. Each sum is one over the rows of a tile [LOW, HIGH, P], row = high ·
LOW + low, of which LOW lie in one thread.
"""

import triton
import triton.language as tl

from fwp.kernels.triton_math import exp, of_warps, reciprocal, sigmoid
from fwp.kernels.triton_tiles import as_rows, offsets_of, rows_of

WARPS = {4: 1, 8: 1, 16: 1, 32: 2, 64: 4, 128: 16}  # by padded head size


def blocks(D: int) -> dict[str, int]:
    """Block sizes and warps for heads of size D."""
    P = max(4, triton.next_power_of_2(D))
    high = min(P, 32 * WARPS[P] // P)
    return {"D": D, "P": P, "LOW": P // high, "HIGH": high} | of_warps(WARPS[P])


@triton.jit
def _sums(x, W):
    """Sums over the rows of x W, each part of W a tile and so is x."""
    return (
        tl.sum(tl.sum(x * W[0], 0), 0),
        tl.sum(tl.sum(x * W[1], 0), 0),
        tl.sum(tl.sum(x * W[2], 0), 0),
        tl.sum(tl.sum(x * W[3], 0), 0),
    )


@triton.jit
def _exp(x, inside):
    """What a softmax divides by its sum."""
    x = tl.where(inside, x, float("-inf"))
    return exp(x - tl.max(x, 0))


@triton.jit
def _store(y, q, k, b, W, tile, narrow, inside, b_inside):
    tl.store(y + tile, W[0], inside)
    tl.store(q + tile, W[1], inside)
    tl.store(k + tile, W[2], inside)
    tl.store(b + narrow, W[3], b_inside)


@triton.jit(do_not_specialize=["T", "H", "row_stride", "b_stride", "column_stride"])
def forward(
    x_, y_0, q_0, k_0, b_0, y_, y_T, q_T, k_T, b_T, vectors_, rates_, states_,
    T, H, row_stride, b_stride, column_stride,
    x_n, x_t, x_h, y_n, y_h, q_n, q_h, k_n, k_h, b_n, b_h,
    D: tl.constexpr, P: tl.constexpr, LOW: tl.constexpr, HIGH: tl.constexpr,
    EVERY: tl.constexpr, UPDATED: tl.constexpr, RECORD: tl.constexpr,
):  # fmt: skip
    """All steps of a sequence and head; kept are what the backward pass needs and some states."""
    program = tl.program_id(0).to(tl.int64)
    n, head = program // H, program % H
    i, j = rows_of(LOW, HIGH), tl.arange(0, P)
    row, inside, b_inside = i < D, (i < D)[:, :, None] & (j < D), (i < D)[:, :, None] & (j < 4)
    tile = offsets_of(i, j, row_stride, column_stride)
    narrow = offsets_of(i, j, b_stride, column_stride)
    x_ += n * x_n + head * x_h + i
    y_ += (n * T * H + head) * D + j
    vectors_ += program * T * 5 * D + j
    rates_ += program * T * 8 + j
    states_ += program * tl.cdiv(T, EVERY) * (3 * D + 4) * D

    W = (
        tl.load(y_0 + n * y_n + head * y_h + tile, inside, 0.0),
        tl.load(q_0 + n * q_n + head * q_h + tile, inside, 0.0),
        tl.load(k_0 + n * k_n + head * k_h + tile, inside, 0.0),
        tl.load(b_0 + n * b_n + head * b_h + narrow, b_inside, 0.0),
    )
    a = _sums(tl.load(x_, row, 0.0)[:, :, None], W)
    next_x = tl.load(x_ + x_t, row & (T > 1), 0.0)
    for t in range(T):
        x = next_x[:, :, None]
        x_ += x_t
        next_x = tl.load(x_ + x_t, row & (t + 2 < T), 0.0)
        tl.store(y_, a[0], j < D)
        y_ += H * D

        q, k = _exp(a[1], j < D), _exp(a[2], j < D)
        q_tile, k_tile = as_rows(q, LOW, HIGH)[:, :, None], as_rows(k, LOW, HIGH)[:, :, None]
        rates = sigmoid(a[3])
        if UPDATED != 15:
            rates = tl.where((UPDATED >> j) % 2 == 1, rates, 0.0)
        scale_q = reciprocal(tl.sum(tl.sum(tl.broadcast_to(q_tile, [LOW, HIGH, P]), 0), 0))
        scale_k = reciprocal(tl.sum(tl.sum(tl.broadcast_to(k_tile, [LOW, HIGH, P]), 0), 0))
        k_tile = k_tile * scale_k
        e = _sums(q_tile * scale_q - k_tile, W)
        d = (
            tl.sum(tl.where(j == 0, rates, 0.0), 0) * e[0],
            tl.sum(tl.where(j == 1, rates, 0.0), 0) * e[1],
            tl.sum(tl.where(j == 2, rates, 0.0), 0) * e[2],
            tl.sum(tl.where(j == 3, rates, 0.0), 0) * e[3],
        )
        x_W, x_k = _sums(x, W), tl.sum(tl.sum(x * k_tile, 0), 0)
        a = x_W[0] + x_k * d[0], x_W[1] + x_k * d[1], x_W[2] + x_k * d[2], x_W[3] + x_k * d[3]
        W = (
            W[0] + k_tile * d[0],
            W[1] + k_tile * d[1],
            W[2] + k_tile * d[2],
            W[3] + k_tile * d[3],
        )

        if RECORD:
            tl.store(vectors_, q * scale_q, j < D)
            tl.store(vectors_ + D, k * scale_k, j < D)
            tl.store(vectors_ + 2 * D, e[0], j < D)
            tl.store(vectors_ + 3 * D, e[1], j < D)
            tl.store(vectors_ + 4 * D, e[2], j < D)
            tl.store(rates_, e[3], j < 4)
            tl.store(rates_ + 4, rates, j < 4)
            vectors_ += 5 * D
            rates_ += 8
            if ((t + 1) % EVERY == 0) | (t + 1 == T):
                s = states_ + t // EVERY * (3 * D + 4) * D
                at_b = s + 3 * D * D
                _store(s, s + D * D, s + 2 * D * D, at_b, W, tile, narrow, inside, b_inside)
    y_T, q_T, k_T = y_T + program * D * D, q_T + program * D * D, k_T + program * D * D
    _store(y_T, q_T, k_T, b_T + program * D * 4, W, tile, narrow, inside, b_inside)
