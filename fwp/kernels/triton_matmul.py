"""Matrix products of a pack on the GPU, with what stands around them.

Models are narrow: a product with a matrix of 64 columns costs as much memory traffic as arithmetic,
and a bias, a ReLU or its gradient in a pass of its own costs as much again. Here they are part of
the product. Factors are float32 and split into two TF32 numbers each, a = a₁ + a₂ (22 bits of 24),
so that tensor cores can compute a₁b₁ + a₁b₂ + a₂b₁. What is dropped is below the rounding of sums:
results are as close to exact ones as those of cuBLAS in float32, and take 2/3 of the time.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import contiguous_end

FEW = 4  # models for which PyTorch's products, whose tiles are smaller, take less time
BLOCKS = {"ROWS": 64, "COLUMNS": 64, "DEPTH": 32, "num_warps": 4, "num_stages": 3}
GRADIENT_BLOCKS = BLOCKS | {"ROWS": 128}
PROGRAMS = 264  # two for each multiprocessor of a large GPU


def as_rows(x: Tensor, weight: Tensor) -> Tensor:
    """Sequences [R·B, T, D] as rows [R, B·T, D]."""
    return contiguous_end(x, 3).view(len(weight), -1, x.shape[-1])


def product(
    a: Tensor,
    b: Tensor,
    *,
    bias: Tensor | None = None,
    relu: bool = False,
    where: Tensor | None = None,
) -> Tensor:
    """a b + bias for each of R models [R, M, N].

    Args:
        a: [R, M, K], contiguous.
        b: [R, K, N].
        bias: [R, N].
        relu: whether negative results become 0.
        where: [R, M, N], contiguous; where it is not positive the result is 0.
    """
    if _in_torch(a):
        return _product_in_torch(a, b, bias, relu, where)
    (R, M, K), N = a.shape, b.shape[-1]
    if b.stride(1) != 1:
        b = b.mT.contiguous().mT  # tensor cores take TF32 along the sum only
    y = a.new_empty(R, M, N)
    if bias is not None:
        bias = bias.contiguous()
    blocks = BLOCKS | {"COLUMNS": _at_most(BLOCKS["COLUMNS"], N)}
    grid = (triton.cdiv(M, blocks["ROWS"]) * triton.cdiv(N, blocks["COLUMNS"]), R)
    strides = (b.stride(0), b.stride(2))
    _product[grid](a, b, bias, where, y, M, N, K, *strides, RELU=relu, **blocks)
    return y


def _in_torch(x: Tensor) -> bool:
    return x.dtype != torch.float32 or len(x) < FEW


def _at_most(block: int, size: int) -> int:
    """A block no larger than needed for so many numbers; a product takes at least 16."""
    return min(block, max(16, triton.next_power_of_2(size)))


def _product_in_torch(a, b, bias, relu, where) -> Tensor:
    y = a @ b if bias is None else torch.baddbmm(bias.unsqueeze(1), a, b)
    if relu:
        y = y.relu_()
    return y if where is None else y * (where > 0)


def weight_gradients(dy: Tensor, x: Tensor, biased: bool) -> tuple[Tensor, Tensor | None]:
    """dyᵀ x [R, O, I], and the sum of dy [R, O] if there is a bias.

    Args:
        dy: [R, M, O], contiguous.
        x: [R, M, I], contiguous.
        biased: whether to add up dy.
    """
    if _in_torch(x):
        return dy.mT @ x, dy.sum(1) if biased else None
    # The wider factor on the left, where tiles are larger.
    if x.shape[-1] > dy.shape[-1]:
        dw, db = _sums_of_products(x, dy, "right" if biased else None)
        return dw.mT, db
    return _sums_of_products(dy, x, "left" if biased else None)


def _sums_of_products(a: Tensor, b: Tensor, added: str | None) -> tuple[Tensor, Tensor | None]:
    """aᵀ b [R, K, N] of a [R, M, K] and b [R, M, N], and the sum over M of one of them."""
    (R, M, K), N = a.shape, b.shape[-1]
    rows, columns = _at_most(GRADIENT_BLOCKS["ROWS"], K), _at_most(GRADIENT_BLOCKS["COLUMNS"], N)
    blocks = GRADIENT_BLOCKS | {"ROWS": rows, "COLUMNS": columns}
    tiles = triton.cdiv(K, rows) * triton.cdiv(N, columns)
    # Each program leaves the sum over a part of M; PyTorch adds the parts up.
    parts = max(1, min(PROGRAMS // (R * tiles), M // (4 * blocks["DEPTH"])))
    products = a.new_empty(R, parts, K, N)
    sums = a.new_empty(R, parts, K if added == "left" else N) if added else None
    _products[(tiles, parts, R)](a, b, products, sums, M, K, N, LEFT=added == "left", **blocks)
    if parts == 1:
        return products.squeeze(1), None if sums is None else sums.squeeze(1)
    return products.sum(1), None if sums is None else sums.sum(1)


@triton.jit
def _product(
    a_, b_, bias, where, y, M, N: tl.constexpr, K: tl.constexpr, b_r, b_n: tl.constexpr,
    RELU: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    r = tl.program_id(1).to(tl.int64)
    across = tl.cdiv(N, COLUMNS)
    m = (tl.program_id(0) // across) * ROWS + tl.arange(0, ROWS)
    n = (tl.program_id(0) % across) * COLUMNS + tl.arange(0, COLUMNS)
    k = tl.arange(0, DEPTH)
    a_ += r * M * K + m.to(tl.int64)[:, None] * K + k[None, :]
    b_ += r * b_r + k[:, None] + n[None, :] * b_n
    total = tl.zeros([ROWS, COLUMNS], tl.float32)
    for start in range(0, K, DEPTH):
        a = tl.load(a_ + start, (m < M)[:, None] & (start + k < K)[None, :], 0.0)
        b = tl.load(b_ + start, (start + k < K)[:, None] & (n < N)[None, :], 0.0)
        total = tl.dot(a, b, total, input_precision="tf32x3")
    if bias is not None:
        total += tl.load(bias + r * N + n, n < N, 0.0)[None, :]
    if RELU:
        total = tl.maximum(total, 0.0)
    at = r * M * N + m.to(tl.int64)[:, None] * N + n[None, :]
    inside = (m < M)[:, None] & (n < N)[None, :]
    if where is not None:
        total = tl.where(tl.load(where + at, inside, 0.0) > 0, total, 0.0)
    tl.store(y + at, total, inside)


@triton.jit
def _products(
    a_, b_, products, sums, M, K: tl.constexpr, N: tl.constexpr, LEFT: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    part, parts = tl.program_id(1), tl.num_programs(1)
    r = tl.program_id(2).to(tl.int64)
    across = tl.cdiv(N, COLUMNS)
    row, column = tl.program_id(0) // across, tl.program_id(0) % across
    k = row * ROWS + tl.arange(0, ROWS)
    n = column * COLUMNS + tl.arange(0, COLUMNS)
    a_ += r * M * K + k[:, None]
    b_ += r * M * N + n[None, :]
    total = tl.zeros([ROWS, COLUMNS], tl.float32)
    added = tl.zeros([ROWS if LEFT else COLUMNS], tl.float32)
    for start in range(part * DEPTH, M, parts * DEPTH):
        m = start + tl.arange(0, DEPTH)
        a = tl.load(a_ + m[None, :] * K, (k < K)[:, None] & (m < M)[None, :], 0.0)
        b = tl.load(b_ + m[:, None] * N, (m < M)[:, None] & (n < N)[None, :], 0.0)
        total = tl.dot(a, b, total, input_precision="tf32x3")
        if sums is not None:
            added += tl.sum(a, 1) if LEFT else tl.sum(b, 0)
    own = r * parts + part
    inside = (k < K)[:, None] & (n < N)[None, :]
    tl.store(products + (own * K + k[:, None]) * N + n[None, :], total, inside)
    if sums is not None:
        if LEFT:
            tl.store(sums + own * K + k, added, (k < K) & (column == 0))
        else:
            tl.store(sums + own * N + n, added, (n < N) & (row == 0))
