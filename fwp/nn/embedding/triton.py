"""Embedding on the GPU; the gradient for few symbols is a product with one-hot vectors.

Those vectors are made on the way. With more symbols each program would read all gradients for a few
of them: there PyTorch sorts the tokens first.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import contiguous_end

ROWS = 32  # tokens in a round
PROGRAMS = 264  # two for each multiprocessor of a large GPU
FEW = 64  # symbols


def embedding(tokens: Tensor, weight: Tensor) -> Tensor:
    """As the reference for R models: tokens [R·B, T], weight [R, V, D]."""
    return _Embedding.apply(weight, tokens.unflatten(0, (len(weight), -1))).flatten(0, 1)


class _Embedding(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight, tokens):
        weight, tokens = weight.contiguous(), contiguous_end(tokens, 2)
        (models, symbols, D), (_, B, T) = weight.shape, tokens.shape
        y = weight.new_empty(models, B, T, D)
        columns = triton.next_power_of_2(D)
        grid = (triton.cdiv(B * T, ROWS), models)
        _forward[grid](
            weight, tokens, y, B * T, symbols, D, tokens.stride(0), ROWS=ROWS, COLUMNS=columns
        )
        ctx.symbols = symbols
        ctx.save_for_backward(tokens)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        (tokens,) = ctx.saved_tensors
        models, B, T, D = dy.shape
        dy, symbols = dy.contiguous(), ctx.symbols
        if symbols > FEW:
            first = torch.arange(models, device=dy.device)[:, None, None] * symbols
            own = (tokens + first).flatten(), models * symbols, -1, False
            dw = torch.ops.aten.embedding_dense_backward(dy.view(-1, D), *own)
            return dw.view(models, symbols, D), None
        parts = max(1, min(PROGRAMS // models, B * T // ROWS))
        sums = dy.new_empty(models, parts, symbols, D)
        symbol_block = min(16, triton.next_power_of_2(symbols))
        column_block = min(64, triton.next_power_of_2(D))
        tiles = triton.cdiv(symbols, symbol_block) * triton.cdiv(D, column_block)
        blocks = {"ROWS": ROWS, "SYMBOLS": symbol_block, "COLUMNS": column_block}
        grid = (tiles, parts, models)
        _backward[grid](tokens, dy, sums, B * T, symbols, D, tokens.stride(0), **blocks)
        return sums.sum(1), None


@triton.jit
def _forward(
    weight, tokens, y, count, symbols, D, tokens_r, ROWS: tl.constexpr, COLUMNS: tl.constexpr
):
    r = tl.program_id(1).to(tl.int64)
    n = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    d = tl.arange(0, COLUMNS)
    inside = (n < count)[:, None] & (d < D)[None, :]
    token = tl.load(tokens + r * tokens_r + n, n < count, 0)
    x = tl.load(weight + (r * symbols + token)[:, None] * D + d[None, :], inside, 0.0)
    tl.store(y + (r * count + n)[:, None] * D + d[None, :], x, inside)


@triton.jit
def _backward(
    tokens, dy_, sums, count, symbols, D, tokens_r,
    ROWS: tl.constexpr, SYMBOLS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    part, parts = tl.program_id(1), tl.num_programs(1)
    r = tl.program_id(2).to(tl.int64)
    across = tl.cdiv(D, COLUMNS)
    v = (tl.program_id(0) // across) * SYMBOLS + tl.arange(0, SYMBOLS)
    d = (tl.program_id(0) % across) * COLUMNS + tl.arange(0, COLUMNS)
    total = tl.zeros([SYMBOLS, COLUMNS], dy_.dtype.element_ty)
    for start in range(part * ROWS, count, parts * ROWS):
        n = start + tl.arange(0, ROWS)
        inside = (n < count)[:, None] & (d < D)[None, :]
        token = tl.load(tokens + r * tokens_r + n, n < count, -1)
        dy = tl.load(dy_ + (r * count + n)[:, None] * D + d[None, :], inside, 0.0)
        chosen = token[:, None] == v[None, :]
        total += tl.sum(tl.where(chosen[:, :, None], dy[:, None, :], 0.0), 0)
    at = ((r * parts + part) * symbols + v)[:, None] * D + d[None, :]
    tl.store(sums + at, total, (v < symbols)[:, None] & (d < D)[None, :])
