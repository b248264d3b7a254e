"""Batches of a pack on a GPU: one transfer and one kernel make the tensors of a step."""

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 128  # symbols in a round


def packed(rows: np.ndarray, weights: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """A step's rows [R, strings], weights [R, strings] and labels [R] as one array of integers."""
    parts = (rows, weights.view(np.int64), labels[:, None].view(np.int64))
    return np.concatenate(parts, axis=1)


def unpacked(
    batch: Tensor, tokens: Tensor, targets: Tensor, length: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The strings of a step, cut off behind `length` symbols, and how they count.

    Args:
        batch: what `packed` made.
        tokens, targets: of all strings, [strings, longest].
        length: symbols.
        dtype: of the weights.

    Returns:
        tokens and targets [R, B, length] (int64), weights [R, B] and labels [R].
    """
    R, size = batch.shape
    B = (size - 1) // 2
    chosen, theirs = (tokens.new_empty(R, B, length, dtype=torch.int64) for _ in range(2))
    weights, labels = (batch.new_empty(*shape, dtype=dtype) for shape in ((R, B), (R,)))
    _unpacked[B, R](
        batch, tokens, targets, chosen, theirs, weights, labels, B, length,
        tokens.stride(0), targets.stride(0), BLOCK=BLOCK, num_warps=1,
    )  # fmt: skip
    return chosen, theirs, weights, labels


@triton.jit(do_not_specialize=["T"])
def _unpacked(
    batch, tokens, targets, chosen, theirs, weights, labels, B, T, token_stride, target_stride,
    BLOCK: tl.constexpr,
):  # fmt: skip
    b, r = tl.program_id(0), tl.program_id(1).to(tl.int64)
    batch += r * (2 * B + 1)
    row, at = tl.load(batch + b), (r * B + b) * T
    weight = tl.load(batch + B + b).to(tl.float64, bitcast=True)
    tl.store(weights + r * B + b, weight.to(weights.dtype.element_ty))
    if b == 0:
        label = tl.load(batch + 2 * B).to(tl.float64, bitcast=True)
        tl.store(labels + r, label.to(labels.dtype.element_ty))
    for start in range(0, T, BLOCK):
        t = start + tl.arange(0, BLOCK)
        token = tl.load(tokens + row * token_stride + t, t < T, 0)
        target = tl.load(targets + row * target_stride + t, t < T, 0)
        tl.store(chosen + at + t, token.to(tl.int64), t < T)
        tl.store(theirs + at + t, target.to(tl.int64), t < T)
