"""How kernels of the LSTM hold a recurrent matrix in registers, and multiply by it."""

import triton
import triton.language as tl


@triton.jit
def tile_of(
    zero, row_stride: tl.constexpr, unit_stride: tl.constexpr, D: tl.constexpr,
    ROWS: tl.constexpr, UNITS: tl.constexpr, SPLIT: tl.constexpr,
):  # fmt: skip
    """Offsets of the gates i, f of the matrix, [ROWS, 2, UNITS, SPLIT], and which of them exist.

    As in `offsets_of`, what Triton is told of their order only decides which dimensions are dealt
    to threads: through `zero`, whose value it does not know, it cannot rely on any alignment.
    """
    row = (tl.arange(0, SPLIT)[None, :] * ROWS + tl.arange(0, ROWS)[:, None])[:, None, None, :]
    gate, unit = tl.arange(0, 2)[:, None, None], tl.arange(0, UNITS)[:, None]
    offsets = zero + row * row_stride + gate * D * D + unit * unit_stride
    return tl.max_contiguous(offsets, [1, 1, 2, 4]), (row < D) & (gate < 2) & (unit < D)


@triton.jit
def gates_of(h, matrix):
    """Previous outputs [BATCH, UNITS] times a tile: a pair of gates, each [BATCH, UNITS]."""
    ROWS: tl.constexpr = matrix.shape[0]
    SPLIT: tl.constexpr = matrix.shape[3]
    rows = tl.permute(tl.reshape(h, [h.shape[0], SPLIT, ROWS]), [0, 2, 1])
    pair = tl.sum(tl.sum(rows[:, :, None, None, :] * matrix, 1), 3)
    return tl.split(tl.permute(pair, [0, 2, 1]))


@triton.jit
def previous_of(first, second, matrix):
    """Gradients of a pair of gates, each [BATCH, UNITS], times a tile, [BATCH, UNITS]."""
    ROWS: tl.constexpr = matrix.shape[0]
    SPLIT: tl.constexpr = matrix.shape[3]
    pair = tl.reshape(tl.join(first, second), [first.shape[0], SPLIT, ROWS, 2])
    rows = tl.permute(pair, [0, 2, 3, 1])
    return tl.sum(tl.sum(tl.sum(rows[:, :, :, None, :] * matrix, 1), 1), 2)
