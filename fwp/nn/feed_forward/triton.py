"""The feed-forward part on the GPU, with norm and skip connection.

The part of a single narrow model is one kernel forward. A program takes a block of positions and
goes through the inner units chunk by chunk: one product's result enters the next from the
registers. So does the way back. In packs and of wide models, the products by themselves are faster,
as their tiles are larger: there bias, ReLU and skip connection are part of them.

Inner units are kept for the backward pass. To compute them again instead takes longer: products of
narrow matrices in three parts do not reach the tensor cores' full rate.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.aside import aside, used
from fwp.kernels.precision import in_bfloat16
from fwp.kernels.tensors import records
from fwp.kernels.triton_matmul import FEW, as_rows, product, two_weight_gradients
from fwp.nn.layer_norm.triton import gradients, normalised

EPS = 1e-5  # of the norm, as in the reference
WIDEST = 64  # input, for which all is one kernel if there are few models
BLOCKS = {"ROWS": 16, "INNER": 128, "num_warps": 4, "num_stages": 2}


def feed_forward(
    x: Tensor,
    w_1: Tensor,
    b_1: Tensor,
    w_2: Tensor,
    b_2: Tensor,
    norm_weight: Tensor | None = None,
    norm_bias: Tensor | None = None,
    *,
    skip: bool,
) -> Tensor:
    """As the reference for R models."""
    weights = (w_1, b_1, w_2, b_2)
    if norm_weight is not None and norm_bias is not None:
        weights += (norm_weight, norm_bias)
    narrow = x.dtype == torch.float32 and x.shape[-1] <= WIDEST and not in_bfloat16()
    way = _Fused if narrow and len(w_1) < FEW else _Products
    return way.apply(records((x, *weights)), skip, x, *weights)


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, skip, x, *weights):
        w_1, b_1, w_2, b_2, *norm = map(torch.Tensor.contiguous, weights)
        rows = as_rows(x, w_1)
        (R, M, D), N = rows.shape, w_1.shape[1]
        y, n = torch.empty_like(rows), rows
        inner = x.new_empty(R, M, N) if record else None
        if norm and record:
            n = torch.empty_like(rows)
        sizes, grid = _launch(R, M, D)
        _forward[grid](
            rows, w_1, b_1, w_2, b_2, *(norm or (None, None)), y, n if norm and record else None,
            inner, M, D, N, EPS=EPS, SKIP=skip, **sizes,
        )  # fmt: skip
        if record:
            ctx.skip, ctx.leaves = skip, used(*weights)
            ctx.save_for_backward(rows, w_1, w_2, n, inner, *norm)
        return y.view(x.shape)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        x, w_1, w_2, n, inner, *norm = ctx.saved_tensors
        shape, dy = dy.shape, as_rows(dy, x)
        (R, M, D), N = x.shape, w_1.shape[1]
        sizes, grid = _launch(R, M, D)
        dx, d_inner = torch.empty_like(x), torch.empty_like(inner)
        sums = x.new_empty(R, grid[0], 2 * D) if norm else None
        _backward[grid](
            x, w_1, w_2, norm[0] if norm else None, inner, dy, dx, d_inner, sums,
            M, D, N, EPS=EPS, SKIP=ctx.skip, **sizes,
        )  # fmt: skip
        with aside(ctx.leaves, d_inner, n, dy, inner, sums):
            of_1, of_2, of_norm = two_weight_gradients((d_inner, n, True), (dy, inner, True), sums)
        of_norm = () if of_norm is None else of_norm.split((D, D), 1)
        return None, None, dx.view(shape), *of_1, *of_2, *of_norm


def _launch(R: int, M: int, D: int) -> tuple[dict[str, int], tuple[int, int]]:
    """Sizes of a kernel's blocks, and its grid."""
    width = max(16, triton.next_power_of_2(D))
    return BLOCKS | {"WIDTH": width}, (triton.cdiv(M, BLOCKS["ROWS"]), R)


@triton.jit
def _normed(x, inside, D, EPS: tl.constexpr):
    """x less its mean, divided by its deviation, and one over the deviation."""
    centred = tl.where(inside, x - (tl.sum(x, 1) / D)[:, None], 0.0)
    scale = 1 / tl.sqrt(tl.sum(centred * centred, 1) / D + EPS)
    return centred * scale[:, None], scale


@triton.jit(do_not_specialize=["M"])
def _forward(
    x_, w_1, b_1, w_2, b_2, norm_weight, norm_bias, y_, n_, inner_,
    M, D: tl.constexpr, N: tl.constexpr, EPS: tl.constexpr, SKIP: tl.constexpr,
    ROWS: tl.constexpr, INNER: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    r = tl.program_id(1).to(tl.int64)
    m, d = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, WIDTH)
    inside = (m < M)[:, None] & (d < D)[None, :]
    at = (r * M + m)[:, None] * D + d[None, :]
    n = tl.load(x_ + at, inside, 0.0)
    if norm_weight is not None:
        n, _ = _normed(n, inside, D, EPS)
        n *= tl.load(norm_weight + r * D + d, d < D, 0.0)[None, :]
        n += tl.load(norm_bias + r * D + d, d < D, 0.0)[None, :]
        if n_ is not None:
            tl.store(n_ + at, n, inside)
    y = tl.zeros([ROWS, WIDTH], tl.float32)
    for start in range(0, N, INNER):
        i = start + tl.arange(0, INNER)
        valid = (d < D)[:, None] & (i < N)[None, :]
        w = tl.load(w_1 + r * D * N + i[None, :] * D + d[:, None], valid, 0.0)
        inner = tl.dot(n, w, input_precision="tf32x3")
        inner = tl.maximum(inner + tl.load(b_1 + r * N + i, i < N, 0.0)[None, :], 0.0)
        if inner_ is not None:
            valid = (m < M)[:, None] & (i < N)[None, :]
            tl.store(inner_ + (r * M + m)[:, None] * N + i[None, :], inner, valid)
        valid = (i < N)[:, None] & (d < D)[None, :]
        w = tl.load(w_2 + r * D * N + d[None, :] * N + i[:, None], valid, 0.0)
        y = tl.dot(inner, w, y, input_precision="tf32x3")
    y += tl.load(b_2 + r * D + d, d < D, 0.0)[None, :]
    if SKIP:
        y += tl.load(x_ + at, inside, 0.0)
    tl.store(y_ + at, y, inside)


@triton.jit(do_not_specialize=["M"])
def _backward(
    x_, w_1, w_2, norm_weight, inner_, dy_, dx_, d_inner_, sums,
    M, D: tl.constexpr, N: tl.constexpr,
    EPS: tl.constexpr, SKIP: tl.constexpr,
    ROWS: tl.constexpr, INNER: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    r = tl.program_id(1).to(tl.int64)
    m, d = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, WIDTH)
    inside = (m < M)[:, None] & (d < D)[None, :]
    at = (r * M + m)[:, None] * D + d[None, :]
    dy = tl.load(dy_ + at, inside, 0.0)
    dx = tl.zeros([ROWS, WIDTH], tl.float32)
    for start in range(0, N, INNER):
        i = start + tl.arange(0, INNER)
        valid = (d < D)[:, None] & (i < N)[None, :]
        w = tl.load(w_2 + r * D * N + d[:, None] * N + i[None, :], valid, 0.0)
        d_inner = tl.dot(dy, w, input_precision="tf32x3")
        valid = (m < M)[:, None] & (i < N)[None, :]
        own = (r * M + m)[:, None] * N + i[None, :]
        d_inner = tl.where(tl.load(inner_ + own, valid, 0.0) > 0, d_inner, 0.0)
        tl.store(d_inner_ + own, d_inner, valid)
        valid = (i < N)[:, None] & (d < D)[None, :]
        w = tl.load(w_1 + r * D * N + i[:, None] * D + d[None, :], valid, 0.0)
        dx = tl.dot(d_inner, w, dx, input_precision="tf32x3")
    if norm_weight is not None:
        x, scale = _normed(tl.load(x_ + at, inside, 0.0), inside, D, EPS)
        sums += (r * tl.num_programs(0) + tl.program_id(0)) * 2 * D
        tl.store(sums + d, tl.sum(dx * x, 0), d < D)
        tl.store(sums + D + d, tl.sum(dx, 0), d < D)
        dx *= tl.load(norm_weight + r * D + d, d < D, 0.0)[None, :]
        along, level = tl.sum(dx * x, 1) / D, tl.sum(dx, 1) / D
        dx = (dx - level[:, None] - x * along[:, None]) * scale[:, None]
    if SKIP:
        dx += tl.load(dy_ + at, inside, 0.0)
    tl.store(dx_ + at, dx, inside)


class _Products(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, skip, x, *weights):
        w_1, b_1, w_2, b_2, *norm = weights
        rows, kept, dtype = as_rows(x, w_1), (), x.dtype
        if in_bfloat16() and dtype == torch.float32:
            dtype = torch.bfloat16
            w_1, w_2 = w_1.to(dtype), w_2.to(dtype)
        if norm:
            norm = [weight.contiguous() for weight in norm]
            n, kept = normalised(rows, *norm, EPS, dtype)
        else:
            n = rows.to(dtype)
        inner = product(n, w_1.mT, bias=b_1, relu=True, dtype=dtype)
        if record:
            ctx.skip, ctx.leaves = skip, used(*weights)
            ctx.save_for_backward(rows, n, inner, w_1, w_2, *norm[:1], *kept)
        return product(inner, w_2.mT, bias=b_2, added=rows if skip else None).view_as(x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        x, n, inner, w_1, w_2, *of_norm = ctx.saved_tensors
        shape, dy = dy.shape, as_rows(dy, w_2)
        skipped, sums, norm_weight = dy if ctx.skip else None, None, of_norm[:1]
        dy = dy.to(inner.dtype)
        d_inner = product(dy, w_2, where=inner, dtype=inner.dtype)
        if norm_weight:
            dn = product(d_inner, w_1)
            dx, sums = gradients(x, *norm_weight, tuple(of_norm[1:]), dn, skipped)
            sums = sums.flatten(2)
        else:
            dx = product(d_inner, w_1, added=skipped)
        with aside(ctx.leaves, d_inner, n, dy, inner, sums):
            of_1, of_2, total = two_weight_gradients((d_inner, n, True), (dy, inner, True), sums)
        of_norm = () if total is None else total.chunk(2, 1)
        return None, None, dx.view(shape), *of_1, *of_2, *of_norm
