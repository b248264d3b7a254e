"""How kernels of plain recurrent nets multiply a state by a square matrix at every step.

A program computes a few sequences of one model, for all steps. It holds small matrices in
registers, dealt to its threads as tiles [ROWS, UNITS, SPLIT], with the last two dimensions over
threads. It reads larger ones at every step, from the multiprocessor's cache if they fit, and the
state from memory, where the step before left it. Beyond `LARGEST` units that is slower than a
matrix product per step.
"""

import math

import torch
import triton
import triton.language as tl

LARGEST = 256  # units
RESIDENT = 64 * 1024  # bytes of matrices that registers take, a quarter of a multiprocessor's
PROGRAMS = 264  # run at a time on a large GPU; beyond, programs take more sequences instead
SEQUENCES = 4  # of a program, at most
SPLIT = 4  # neighbouring threads that share a sum
STAGES = 4  # steps of time whose inputs are on their way, the one that is computed included
READ = 3 * 1024  # numbers of matrices that are read at a time


def is_wide(w_h: torch.Tensor) -> bool:
    """Whether a matrix product per step is faster, for matrices [..., D, D]."""
    return w_h.shape[-1] > LARGEST


def launch(
    R: int, B: int, D: int, matrices: int, dtype: torch.dtype
) -> tuple[tuple[int, int], dict[str, int]]:
    """Grid, block sizes and warps for R models, each with B sequences of D units.

    Args:
        R, B, D: sizes.
        matrices: square ones that a model has.
        dtype: theirs.
    """
    units = int(triton.next_power_of_2(D))
    read = 2 ** int(math.log2(READ // (matrices * units)))
    split, resident = min(SPLIT, units), matrices * units * units * dtype.itemsize <= RESIDENT
    blocks = {
        "D": D,
        "BATCH": min(int(triton.next_power_of_2(-(-R * B // PROGRAMS))), SEQUENCES),
        "ROWS": units // split if resident else read,
        "UNITS": units,
        "SPLIT": split if resident else 1,
        "RESIDENT": resident,
        "STAGES": STAGES if resident else 1,
        "num_warps": min(max(units // 16, 1), 8 if resident else 16),
    }
    return (-(-B // blocks["BATCH"]), R), blocks


@triton.jit
def tile_of(
    zero, row_stride: tl.constexpr, unit_stride: tl.constexpr, D: tl.constexpr,
    ROWS: tl.constexpr, UNITS: tl.constexpr, SPLIT: tl.constexpr,
):  # fmt: skip
    """Offsets of a matrix [D, D] as a tile [ROWS, UNITS, SPLIT], and which of them exist.

    What Triton is told of their order only decides which dimensions are dealt to threads: through
    `zero`, whose value it does not know, it cannot rely on any alignment.
    """
    row = (tl.arange(0, SPLIT)[None, :] * ROWS + tl.arange(0, ROWS)[:, None])[:, None, :]
    unit = tl.arange(0, UNITS)[:, None]
    offsets = zero + row * row_stride + unit * unit_stride
    return tl.max_contiguous(offsets, [1, 2, 4]), (row < D) & (unit < D)


@triton.jit
def times(x, matrix):
    """x [BATCH, rows] times a tile of a matrix, [BATCH, UNITS]."""
    ROWS: tl.constexpr = matrix.shape[0]
    SPLIT: tl.constexpr = matrix.shape[2]
    rows = tl.permute(tl.reshape(x, [x.shape[0], SPLIT, ROWS]), [0, 2, 1])
    return tl.sum(tl.sum(rows[:, :, None, :] * matrix, 1), 2)


@triton.jit
def part_of(x, w, start, some, D: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr):
    """Products of some numbers of x with their rows of a matrix [D, D], [BATCH, ROWS, UNITS].

    Args:
        x: where the numbers of each sequence begin, [BATCH, 1, 1].
        w: where the matrix begins; its units are side by side.
        start: the first of the rows.
        some: which sequences exist, [BATCH, 1, 1].
        D, ROWS, UNITS: sizes.
    """
    row, unit = start + tl.arange(0, ROWS)[None, :, None], tl.arange(0, UNITS)[None, None, :]
    numbers = tl.load(x + row, some & (row < D), 0.0)
    return numbers * tl.load(w + row * D + unit, (row < D) & (unit < D), 0.0)
