"""The feed-forward part on the GPU: norm, both products and the skip connection in one kernel.

The inner activations, four times as wide as input and output, stay on the chip: a program takes a
block of positions and goes through the inner units chunk by chunk. The backward pass computes them
again, twice: programs that end the gradient of the input have all inner units of some positions,
those that add up the gradients of the weights have some inner units of many positions.

Wider parts are near the speed of their products anyway, and those are kernels of their own there.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import records
from fwp.kernels.triton_matmul import as_rows, gradients, product, weight_gradients
from fwp.nn.layer_norm.triton import layer_norm

EPS = 1e-5  # of the norm, as in the reference
WIDEST = 64  # input for which all is one kernel
FORWARD = {"ROWS": 64, "INNER": 32, "num_warps": 4, "num_stages": 2}
BACKWARD = {
    "INPUT_ROWS": 64,
    "INPUT_INNER": 32,
    "ROWS": 32,
    "INNER": 64,
    "num_warps": 4,
    "num_stages": 1,
}
PROGRAMS = 264  # two for each multiprocessor of a large GPU; as many add up gradients of weights


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
    if x.dtype == torch.float32 and x.shape[-1] <= WIDEST:
        inputs = (x, *weights) if norm_weight is None else (x, *weights, norm_weight, norm_bias)
        return _Fused.apply(records(inputs), skip, *inputs)
    normed = x
    if norm_weight is not None and norm_bias is not None:
        normed = layer_norm(x, norm_weight, norm_bias, eps=EPS)
    y = _Products.apply(records((normed, *weights)), normed, *weights)
    return x + y if skip else y


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, skip, x, *weights):
        weights = tuple(map(torch.Tensor.contiguous, weights))
        rows = as_rows(x, weights[0])
        (R, M, D), N = rows.shape, weights[0].shape[1]
        y = torch.empty_like(rows)
        ctx.skip, ctx.normed = skip, len(weights) == 6
        given = weights if ctx.normed else (*weights, None, None)
        width = max(16, triton.next_power_of_2(D))
        grid = (triton.cdiv(M, FORWARD["ROWS"]), R)
        _forward[grid](rows, *given, y, M, D, N, EPS=EPS, SKIP=skip, WIDTH=width, **FORWARD)
        if record:
            ctx.save_for_backward(rows, *weights)
        return y.view(x.shape)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        x, *weights = ctx.saved_tensors
        shape, dy = dy.shape, as_rows(dy, x)
        (R, M, D), N = x.shape, weights[0].shape[1]
        given = weights[:3] + (weights[4:] if ctx.normed else [None, None])
        chunks, blocks = triton.cdiv(N, BACKWARD["INNER"]), triton.cdiv(M, BACKWARD["INPUT_ROWS"])
        parts = max(1, min(PROGRAMS // (R * chunks), triton.cdiv(M, BACKWARD["ROWS"])))
        dx, sums = torch.empty_like(x), x.new_empty(R, parts, 2 * D * N + N + D)
        norms = x.new_empty(R, blocks, 2 * D) if ctx.normed else None
        _backward[parts * chunks + blocks, R](
            x, *given, dy, dx, sums, norms, M, D, N, parts, blocks,
            EPS=EPS, SKIP=ctx.skip, WIDTH=max(16, triton.next_power_of_2(D)), **BACKWARD,
        )  # fmt: skip
        dw_1, dw_2, db_1, db_2 = sums.sum(1).split((D * N, D * N, N, D), 1)
        gradients = (dw_1.view(R, N, D), db_1, dw_2.view(R, D, N), db_2)
        of_norm = () if norms is None else norms.sum(1).split((D, D), 1)
        return None, None, dx.view(shape), *gradients, *of_norm


@triton.jit
def _normed(x, inside, D, EPS: tl.constexpr):
    """x less its mean, divided by its deviation, and one over the deviation."""
    centred = tl.where(inside, x - (tl.sum(x, 1) / D)[:, None], 0.0)
    scale = 1 / tl.sqrt(tl.sum(centred * centred, 1) / D + EPS)
    return centred * scale[:, None], scale


@triton.jit(do_not_specialize=["M"])
def _forward(
    x_, w_1, b_1, w_2, b_2, norm_weight, norm_bias, y_, M, D, N,
    EPS: tl.constexpr, SKIP: tl.constexpr,
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
    y = tl.zeros([ROWS, WIDTH], tl.float32)
    for start in range(0, N, INNER):
        i = start + tl.arange(0, INNER)
        valid = (d < D)[:, None] & (i < N)[None, :]
        w = tl.load(w_1 + r * D * N + i[None, :] * D + d[:, None], valid, 0.0)
        inner = tl.dot(n, w, input_precision="tf32x3")
        inner += tl.load(b_1 + r * N + i, i < N, 0.0)[None, :]
        valid = (i < N)[:, None] & (d < D)[None, :]
        w = tl.load(w_2 + r * D * N + d[None, :] * N + i[:, None], valid, 0.0)
        y = tl.dot(tl.maximum(inner, 0.0), w, y, input_precision="tf32x3")
    y += tl.load(b_2 + r * D + d, d < D, 0.0)[None, :]
    if SKIP:
        y += tl.load(x_ + at, inside, 0.0)
    tl.store(y_ + at, y, inside)


@triton.jit
def _read(x_, m, d, M, D, norm_weight, norm_bias, EPS: tl.constexpr):
    """Positions m: what the products are given, and before that, normalised and the scale."""
    inside = (m < M)[:, None] & (d < D)[None, :]
    x = tl.load(x_ + m[:, None] * D + d[None, :], inside, 0.0)
    n, scale = x, x
    if norm_weight is not None:
        x, scale = _normed(x, inside, D, EPS)
        n = x * tl.load(norm_weight + d, d < D, 0.0)[None, :]
        n += tl.load(norm_bias + d, d < D, 0.0)[None, :]
    return n, x, scale


@triton.jit
def _backward_input(
    block, x_, w_1, b_1, w_2, norm_weight, norm_bias, dy_, dx_, norms, M, D, N,
    EPS: tl.constexpr, SKIP: tl.constexpr,
    ROWS: tl.constexpr, INNER: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """The gradient of the input at a block of positions."""
    m, d = block * ROWS + tl.arange(0, ROWS), tl.arange(0, WIDTH)
    inside = (m < M)[:, None] & (d < D)[None, :]
    at = m[:, None] * D + d[None, :]
    n, _, _ = _read(x_, m, d, M, D, norm_weight, norm_bias, EPS)
    dy = tl.load(dy_ + at, inside, 0.0)
    dx = tl.zeros([ROWS, WIDTH], tl.float32)
    for start in range(0, N, INNER):
        i = start + tl.arange(0, INNER)
        valid = (d < D)[:, None] & (i < N)[None, :]
        w = tl.load(w_1 + i[None, :] * D + d[:, None], valid, 0.0)
        inner = tl.dot(n, w, input_precision="tf32x3")
        inner += tl.load(b_1 + i, i < N, 0.0)[None, :]
        w = tl.load(w_2 + d[:, None] * N + i[None, :], valid, 0.0)
        d_inner = tl.dot(dy, w, input_precision="tf32x3")
        d_inner = tl.where(inner > 0, d_inner, 0.0)
        valid = (i < N)[:, None] & (d < D)[None, :]
        w = tl.load(w_1 + i[:, None] * D + d[None, :], valid, 0.0)
        dx = tl.dot(d_inner, w, dx, input_precision="tf32x3")
    if norm_weight is not None:
        _, x, scale = _read(x_, m, d, M, D, norm_weight, norm_bias, EPS)
        norms += block * 2 * D
        tl.store(norms + d, tl.sum(dx * x, 0), d < D)
        tl.store(norms + D + d, tl.sum(dx, 0), d < D)
        dx *= tl.load(norm_weight + d, d < D, 0.0)[None, :]
        along, level = tl.sum(dx * x, 1) / D, tl.sum(dx, 1) / D
        dx = (dx - level[:, None] - x * along[:, None]) * scale[:, None]
    if SKIP:
        dx += tl.load(dy_ + at, inside, 0.0)
    tl.store(dx_ + at, dx, inside)


@triton.jit
def _backward_weights(
    part, chunk, x_, w_1, b_1, w_2, norm_weight, norm_bias, dy_, sums, M, D, N, parts,
    EPS: tl.constexpr, ROWS: tl.constexpr, INNER: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """What a part of the positions gives to the gradients of a chunk's weights.

    Inner activations stand as columns here, [INNER, ROWS]: so they enter the products with their
    inputs from the registers in which they were computed.
    """
    d, i = tl.arange(0, WIDTH), chunk * INNER + tl.arange(0, INNER)
    valid = (i < N)[:, None] & (d < D)[None, :]
    w1 = tl.load(w_1 + i[:, None] * D + d[None, :], valid, 0.0)
    w2 = tl.load(w_2 + d[None, :] * N + i[:, None], valid, 0.0)
    b1 = tl.load(b_1 + i, i < N, 0.0)[:, None]
    dw_1 = tl.zeros([INNER, WIDTH], tl.float32)
    dw_2 = tl.zeros([INNER, WIDTH], tl.float32)
    db_1 = tl.zeros([INNER], tl.float32)
    db_2 = tl.zeros([WIDTH], tl.float32)
    for start in range(part * ROWS, M, parts * ROWS):
        m = start + tl.arange(0, ROWS)
        n, _, _ = _read(x_, m, d, M, D, norm_weight, norm_bias, EPS)
        inside = (m < M)[:, None] & (d < D)[None, :]
        dy = tl.load(dy_ + m[:, None] * D + d[None, :], inside, 0.0)
        inner = tl.dot(w1, tl.trans(n), input_precision="tf32x3") + b1
        d_inner = tl.dot(w2, tl.trans(dy), input_precision="tf32x3")
        d_inner = tl.where(inner > 0, d_inner, 0.0)
        dw_1 = tl.dot(d_inner, n, dw_1, input_precision="tf32x3")
        dw_2 = tl.dot(tl.maximum(inner, 0.0), dy, dw_2, input_precision="tf32x3")
        db_1 += tl.sum(d_inner, 1)
        db_2 += tl.sum(dy, 0)
    tl.store(sums + i[:, None] * D + d[None, :], dw_1, valid)
    tl.store(sums + D * N + d[None, :] * N + i[:, None], dw_2, valid)
    tl.store(sums + 2 * D * N + i, db_1, i < N)
    tl.store(sums + 2 * D * N + N + d, db_2, (d < D) & (chunk == 0))


@triton.jit(do_not_specialize=["M", "parts", "blocks"])
def _backward(
    x_, w_1, b_1, w_2, norm_weight, norm_bias, dy_, dx_, sums, norms, M, D, N, parts, blocks,
    EPS: tl.constexpr, SKIP: tl.constexpr, WIDTH: tl.constexpr,
    INPUT_ROWS: tl.constexpr, INPUT_INNER: tl.constexpr,
    ROWS: tl.constexpr, INNER: tl.constexpr,
):  # fmt: skip
    """The first programs compute gradients of weights, the others that of the input."""
    program, r = tl.program_id(0), tl.program_id(1).to(tl.int64)
    x_ += r * M * D
    dy_ += r * M * D
    w_1 += r * D * N
    w_2 += r * D * N
    b_1 += r * N
    if norm_weight is not None:
        norm_weight += r * D
        norm_bias += r * D
    chunks = tl.cdiv(N, INNER)
    if program < parts * chunks:
        part, chunk = program // chunks, program % chunks
        sums += (r * parts + part) * (2 * D * N + N + D)
        _backward_weights(
            part, chunk, x_, w_1, b_1, w_2, norm_weight, norm_bias, dy_, sums, M, D, N, parts,
            EPS, ROWS, INNER, WIDTH,
        )  # fmt: skip
    else:
        dx_ += r * M * D
        if norm_weight is not None:
            norms += r * blocks * 2 * D
        _backward_input(
            program - parts * chunks, x_, w_1, b_1, w_2, norm_weight, norm_bias, dy_, dx_, norms,
            M, D, N, EPS, SKIP, INPUT_ROWS, INPUT_INNER, WIDTH,
        )  # fmt: skip


class _Products(torch.autograd.Function):
    """Without norm and skip connection, product by product."""

    @staticmethod
    def forward(ctx, record, x, w_1, b_1, w_2, b_2):
        rows = as_rows(x, w_1)
        inner = product(rows, w_1.mT, bias=b_1, relu=True)
        if record:
            ctx.save_for_backward(rows, w_1, w_2, inner)
        return product(inner, w_2.mT, bias=b_2).view_as(x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        x, w_1, w_2, inner = ctx.saved_tensors
        shape, dy = dy.shape, as_rows(dy, w_2)
        dw_2, db_2 = weight_gradients(dy, inner, True)
        d_inner = product(dy, w_2, where=inner)
        dx, dw_1, db_1 = gradients(d_inner, x, w_1, True)
        return None, dx.view(shape), dw_1, db_1, dw_2, db_2
