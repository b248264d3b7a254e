"""What the kernels share: how the state is dealt to programs and threads."""

import triton
import triton.language as tl

LANES = 32  # threads of a warp; a program is one warp
REGISTERS = 64  # numbers of the state in a thread, at most
PROGRAMS = 512  # keep every warp scheduler of a large GPU busy; with fewer, slices are narrower
WHOLE = 1  # as few slices as possible, where they would have to be added up
# Of the loop over time: steps in one round, and rounds whose inputs are on their way, the one that
# is computed included.
LOOP = {"UNROLL": 2, "STAGES": 3}


def slices(
    rows: int, columns: int, count: int, programs: int | None = None
) -> tuple[int, dict[str, int]]:
    """How to cut `count` states [rows, columns] over which a kernel sums by rows.

    Slices are as wide as a program can take if there are `programs` then, by default PROGRAMS, and
    narrower otherwise.

    A program holds all rows of a slice of columns as a tile [LOW, HIGH, COLUMNS], row = high · LOW
    + low. Lanes hold COLUMNS × HIGH; LOW neighbouring rows lie in the registers of a thread, so
    that most of a sum needs no exchange and a step's keys are read 16 bytes at a time.

    Returns:
        Number of slices, and the block sizes of a program.
    """
    whole = triton.next_power_of_2(rows)
    width = min(triton.next_power_of_2(columns), LANES, REGISTERS * LANES // whole)
    while width > 8 and count * triton.cdiv(columns, width) < (programs or PROGRAMS):
        width //= 2
    high = min(LANES // width, whole)
    blocks = {"LOW": whole // high, "HIGH": high, "COLUMNS": width, **LOOP, "num_warps": 1}
    return triton.cdiv(columns, width), blocks


@triton.jit
def rows_of(LOW: tl.constexpr, HIGH: tl.constexpr):
    """Numbers of a tile's rows, [LOW, HIGH]."""
    return tl.arange(0, LOW)[:, None] + tl.arange(0, HIGH)[None, :] * LOW


@triton.jit
def offsets_of(i, j, row_stride, column_stride):
    """Offsets of a tile [LOW, HIGH, COLUMNS] of the state with rows `i` and columns `j`.

    Triton deals a tile to lanes in the order of how contiguous it takes each dimension to be. What
    it is told here only sets that order, the one it has by default for tensors that are not loaded:
    as kernels keep it from learning the strides (`do_not_specialize`), no access becomes wider than
    one number.
    """
    offsets = i[:, :, None] * row_stride + j * column_stride
    return tl.max_contiguous(offsets, [1, i.shape[1], j.shape[0]])


@triton.jit
def as_rows(x, LOW: tl.constexpr, HIGH: tl.constexpr):
    """A vector [LOW · HIGH] as [LOW, HIGH], an entry for each row of a tile."""
    return tl.permute(tl.reshape(x, [HIGH, LOW]), [1, 0])


@triton.jit
def read(row, tile):
    """The product of a vector [LOW, HIGH] and a tile [LOW, HIGH, COLUMNS], [COLUMNS]."""
    return tl.sum(tl.sum(row[:, :, None] * tile, 0), 0)


@triton.jit
def start_of(state, tile, inside, dtype: tl.constexpr):
    """The tile of the state before the first step, or of its gradient: zeros if there is none."""
    start = tl.zeros(tile.shape, dtype) if state is None else tl.load(state + tile, inside, 0.0)
    return start  # noqa: RET504 - a return may hold no choice


@triton.jit
def sigmoid(x):
    """The logistic function; where every nanosecond of it counts, see `triton_math`."""
    return 1 / (1 + tl.exp(-x))


@triton.jit
def tanh(x):
    """The hyperbolic tangent, up to rounding of numbers near 1."""
    magnitude = 1 - 2 / (tl.exp(2 * tl.abs(x)) + 1)
    return tl.where(x < 0, -magnitude, magnitude)
