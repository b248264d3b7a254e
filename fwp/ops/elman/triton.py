"""Elman's net on the GPU: the input projection by a matrix product, the recurrence by a kernel.

How the kernel multiplies by R is said in `fwp.kernels.triton_recurrent`. Gradients of the weights
are matrix products over all steps. Kept are x, the outputs and the previous outputs.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.aside import aside, used
from fwp.kernels.tensors import contiguous_end, records
from fwp.kernels.triton_matmul import as_rows, product, two_weight_gradients
from fwp.kernels.triton_recurrent import is_wide, launch, part_of, tile_of, times
from fwp.kernels.triton_tiles import tanh


def elman(x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """As `fwp.ops.elman.elman` for R models: weights [R, D, I], [R, D, D], [R, D]."""
    inputs = (x, w_x, w_h, b, h)
    wide = is_wide(w_h)
    y = _step_by_step(*inputs) if wide else _Elman.apply(records(inputs), *inputs)
    return y, y[:, -1]


def _step_by_step(x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """A matrix product per step, for all models."""
    inputs = torch.baddbmm(b.unsqueeze(1), as_rows(x, w_x), w_x.mT)
    h, outputs = h.unflatten(0, (len(b), -1)), []
    for x_t in inputs.unflatten(1, (-1, x.shape[1])).unbind(2):
        h = torch.tanh(torch.baddbmm(x_t, h, w_h.mT))
        outputs.append(h)
    return torch.stack(outputs, 2).flatten(0, 1)


class _Elman(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, x, w_x, w_h, b, h_0):
        (N, T, _), (R, D) = x.shape, b.shape
        rows, weights = as_rows(x, b), (w_x, w_h, b)
        projected = product(rows, w_x.mT, bias=b)
        y = x.new_empty(N, T, D)
        before = x.new_empty(N, T, D) if record else None
        grid, blocks = launch(R, N // R, D, 1, x.dtype)
        w_h = w_h.contiguous()
        matrix = w_h.mT if blocks["RESIDENT"] else w_h.mT.contiguous()
        _forward[grid](
            projected, matrix, h_0.contiguous(), y, before,
            N // R, T, 0, *matrix.stride()[1:],
            **blocks,
        )  # fmt: skip
        if record:
            ctx.leaves = used(*weights)
            ctx.save_for_backward(rows, w_x, w_h, y, before)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        x, w_x, w_h, y, before = ctx.saved_tensors
        (N, T, D), R = y.shape, len(w_x)
        dy, changed, dh_0 = contiguous_end(dy), torch.empty_like(y), y.new_empty(N, D)
        grid, blocks = launch(R, N // R, D, 1, y.dtype)
        _backward[grid](
            w_h, y, dy, changed, dh_0,
            N // R, T, 0, *dy.stride()[:2], *w_h.stride()[1:],
            **blocks,
        )  # fmt: skip
        changed, before = changed.view(R, -1, D), before.view(R, -1, D)
        dx = product(changed, w_x).view(N, T, -1)
        with aside(ctx.leaves, changed, x, before):
            (dw_x, db), (dw_h, _), _ = two_weight_gradients(
                (changed, x, True), (changed, before, False)
            )
        return None, dx, dw_x, dw_h, db, dh_0


@triton.jit
def _driven(x, w, some, D: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr):
    """x, where [BATCH, 1, 1] say, times a matrix in memory: see `part_of`."""
    total = part_of(x, w, 0, some, D, ROWS, UNITS)
    for start in range(ROWS, D, ROWS):
        total += part_of(x, w, start, some, D, ROWS, UNITS)
    return tl.sum(total, 1)


@triton.jit(do_not_specialize=["B", "T", "zero"])
def _forward(
    projected, w_h, h_0, y_, before_,
    B, T, zero, w_row: tl.constexpr, w_unit: tl.constexpr,
    D: tl.constexpr, BATCH: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr,
    SPLIT: tl.constexpr, RESIDENT: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Rows of the matrix are previous outputs, its units those that they drive."""
    r = tl.program_id(1).to(tl.int64)
    n = tl.program_id(0) * BATCH + tl.arange(0, BATCH)[:, None]
    d = tl.arange(0, UNITS)[None, :]
    some, inside = n < B, (n < B) & (d < D)
    n += r * B
    w_h += r * D * D
    h = tl.load(h_0 + n * D + d, inside, 0.0)
    if RESIDENT:
        tile, valid = tile_of(zero, w_row, w_unit, D, ROWS, UNITS, SPLIT)
        matrix = tl.load(w_h + tile, valid, 0.0)
    for t in tl.range(0, T, num_stages=STAGES):
        step = (n * T + t) * D
        a = tl.load(projected + step + d, inside, 0.0)
        if before_ is not None:
            tl.store(before_ + step + d, h, inside)
        if RESIDENT:
            a += times(h, matrix)
        else:
            given = tl.where(t > 0, y_ + step - D, h_0 + n * D)
            a += _driven(given[:, :, None], w_h, some[:, :, None], D, ROWS, UNITS)
        h = tanh(a)
        tl.store(y_ + step + d, h, inside)
        if not RESIDENT:
            tl.debug_barrier()  # all of h is there before a thread reads of it


@triton.jit(do_not_specialize=["B", "T", "zero"])
def _backward(
    w_h, y_, dy_, changed_, dh_0,
    B, T, zero, dy_n, dy_t, w_row: tl.constexpr, w_unit: tl.constexpr,
    D: tl.constexpr, BATCH: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr,
    SPLIT: tl.constexpr, RESIDENT: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Rows of the matrix are units that changed, its units the outputs that drove them."""
    r = tl.program_id(1).to(tl.int64)
    n = tl.program_id(0) * BATCH + tl.arange(0, BATCH)[:, None]
    d = tl.arange(0, UNITS)[None, :]
    some, inside = n < B, (n < B) & (d < D)
    n += r * B
    w_h += r * D * D
    dh = tl.zeros([BATCH, UNITS], y_.dtype.element_ty)
    if RESIDENT:
        tile, valid = tile_of(zero, w_row, w_unit, D, ROWS, UNITS, SPLIT)
        matrix = tl.load(w_h + tile, valid, 0.0)
    for back in tl.range(0, T, num_stages=STAGES):
        t = T - 1 - back
        step = (n * T + t) * D
        h = tl.load(y_ + step + d, inside, 0.0)
        dh += tl.load(dy_ + n * dy_n + t * dy_t + d, inside, 0.0)
        changed = dh * (1 - h * h)
        tl.store(changed_ + step + d, changed, inside)
        if RESIDENT:
            dh = times(changed, matrix)
        else:
            tl.debug_barrier()  # all of it is there before a thread reads of it
            given = changed_ + step
            dh = _driven(given[:, :, None], w_h, some[:, :, None], D, ROWS, UNITS)
    tl.store(dh_0 + n * D + d, dh, inside)
