"""Batches of a pack on a GPU: one transfer and one kernel make the tensors of a step."""

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 128  # symbols in a round


def packed(
    rows: np.ndarray, weights: np.ndarray, labels: np.ndarray, rates: np.ndarray
) -> np.ndarray:
    """What a step is given, as one array of integers.

    Args:
        rows: strings of each model, int64 [R, strings].
        weights: how they count, float64 [R, strings].
        labels, rates: of each model, float64 [R].
    """
    numbers = np.concatenate((weights, labels[:, None], rates[:, None]), axis=1)
    return np.concatenate((rows, numbers.view(np.int64)), axis=1)


def unpacked(
    batch: Tensor, tokens: Tensor, targets: Tensor, length: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The strings of a step, cut off behind `length` symbols, and the numbers that go with them.

    Args:
        batch: what `packed` made.
        tokens, targets: of all strings, [strings, longest].
        length: symbols.
        dtype: of the weights.

    Returns:
        tokens and targets [R, B, length] (int64), weights [R, B], and labels and rates in float64,
        [2, R].
    """
    R, size = batch.shape
    B = (size - 2) // 2
    chosen, theirs = (tokens.new_empty(R, B, length, dtype=torch.int64) for _ in range(2))
    weights = batch.new_empty(R, B, dtype=dtype)
    numbers = batch.new_empty(2, R, dtype=torch.float64)
    _unpacked[B, R](
        batch, tokens, targets, chosen, theirs, weights, numbers, B, length,
        tokens.stride(0), targets.stride(0), BLOCK=BLOCK, num_warps=1,
    )  # fmt: skip
    return chosen, theirs, weights, numbers


@triton.jit(do_not_specialize=["T"])
def _unpacked(
    batch, tokens, targets, chosen, theirs, weights, numbers, B, T, token_stride, target_stride,
    BLOCK: tl.constexpr,
):  # fmt: skip
    b, r = tl.program_id(0), tl.program_id(1).to(tl.int64)
    batch += r * (2 * B + 2)
    row, at = tl.load(batch + b), (r * B + b) * T
    weight = tl.load(batch + B + b).to(tl.float64, bitcast=True)
    tl.store(weights + r * B + b, weight.to(weights.dtype.element_ty))
    if b == 0:
        for i in tl.static_range(2):
            number = tl.load(batch + 2 * B + i).to(tl.float64, bitcast=True)
            tl.store(numbers + i * tl.num_programs(1) + r, number)
    for start in range(0, T, BLOCK):
        t = start + tl.arange(0, BLOCK)
        token = tl.load(tokens + row * token_stride + t, t < T, 0)
        target = tl.load(targets + row * target_stride + t, t < T, 0)
        tl.store(chosen + at + t, token.to(tl.int64), t < T)
        tl.store(theirs + at + t, target.to(tl.int64), t < T)
