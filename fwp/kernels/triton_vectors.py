"""What kernels that take vectors one by one share: which a program has, and where they lie."""

import triton
import triton.language as tl
from torch import Tensor


def rows(x: Tensor) -> tuple[Tensor, int, int]:
    """x [B, T, ..., D] as rows of several vectors side by side, with gaps between the rows.

    What a kernel is given is often a part of something: keys and queries of one projection, or
    what a memory was asked at some of the steps.

    Returns:
        The rows [B·T, vectors · D], copied only where a row is not in one piece, the number of
        vectors in each, and the distance from row to row.
    """
    lines = x.flatten(2).flatten(0, 1)
    if lines.stride(-1) != 1:
        lines = lines.contiguous()
    return lines, lines.shape[1] // x.shape[-1], lines.stride(0)


def blocks(D: int, numbers: int) -> dict[str, int]:
    """Block sizes of a program that takes vectors of D at a time, `numbers` numbers together."""
    columns = triton.next_power_of_2(D)
    return {"ROWS": max(1, numbers // columns), "COLUMNS": columns, "num_warps": 4}


@triton.jit
def read(x, n, d, inside, D, vectors, stride):
    """Numbers d of vectors n, counted through the `rows` at x; zeros where not `inside`."""
    begin = n // vectors * stride + n % vectors * D
    return tl.load(x + begin[:, None] + d[None, :], inside, 0.0)
