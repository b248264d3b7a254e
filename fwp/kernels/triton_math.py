"""What the kernels of nonlinear recurrences share: functions on the chain from step to step.

A single warp waits for every result of that chain. Triton's `exp` and `/` first scale arguments of
extreme size, which takes longer than the function itself; no argument here is in need of it.
"""

import triton
import triton.language as tl


def of_warps(number: int) -> dict[str, int]:
    """Options of a program of so many warps; a thread may take its share of all registers."""
    return {"num_warps": number, "maxnreg": min(255, 2048 // number)}


@triton.jit
def exp(x):
    """The exponential function; results below 1e-38 may be rounded to zero."""
    return tl.math.exp2(x * 1.4426950408889634)


@triton.jit
def reciprocal(x):
    """1 / x for x >= 1, infinity too."""
    root = tl.math.rsqrt(x)
    return root * root


@triton.jit
def sigmoid(x):
    """The logistic function."""
    return reciprocal(1 + exp(-x))


@triton.jit
def tanh(x):
    """The hyperbolic tangent; near zero, where 1 − 2 / (1 + exp(2x)) cancels, a series."""
    square = x * x
    series = x + x * square * (-1 / 3 + square * (2 / 15 - 17 / 315 * square))
    limit: tl.constexpr = 0.1 if x.dtype == tl.float32 else 0.01
    return tl.where(tl.abs(x) < limit, series, 1 - 2 * reciprocal(1 + exp(2 * x)))


@triton.jit
def total(x):
    """Sum of a tile or vector, a number."""
    return tl.sum(tl.sum(x, 0), 0)


@triton.jit
def turn(x, i, j, axis: tl.constexpr):
    """A vector [1, P] as [P, 1] (axis 1), or back (axis 0), with the numbers of rows and columns.

    Like a product with the identity matrix. A transposition would do, but tempts Triton into
    computing the whole step twice, once in the layout of rows and once in that of columns.
    """
    return tl.sum(tl.where(i == j, x, 0.0), axis, keep_dims=True)
