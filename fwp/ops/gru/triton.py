"""The GRU on the GPU: the input projections by a matrix product, the recurrence by a kernel.

How the kernel multiplies by the matrices R is said in `fwp.kernels.triton_recurrent`. Gradients of
the weights are matrix products over all steps. Kept are x, the previous outputs, r, z, n, and what
r lets through, q = R_n h + b_h.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.aside import aside, used
from fwp.kernels.tensors import contiguous_end, records
from fwp.kernels.triton_matmul import as_rows, product, two_weight_gradients
from fwp.kernels.triton_recurrent import is_wide, launch, part_of, tile_of, times
from fwp.kernels.triton_tiles import sigmoid, tanh


def gru(x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """As `fwp.ops.gru.gru` for R models: weights [R, 3, D, I], [R, 3, D, D], [R, 4, D]."""
    inputs = (x, w_x, w_h, b, h)
    y = _step_by_step(*inputs) if is_wide(w_h) else _GRU.apply(records(inputs), *inputs)
    return y, y[:, -1]


def _step_by_step(x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """A matrix product per step, for all gates of all models."""
    b_x, b_h = b[:, :3].flatten(1), torch.cat([torch.zeros_like(b[:, :2]), b[:, 3:]], 1).flatten(1)
    inputs = torch.baddbmm(b_x.unsqueeze(1), as_rows(x, w_x), w_x.flatten(1, 2).mT)
    h, outputs = h.unflatten(0, (len(b), -1)), []
    for x_t in inputs.unflatten(1, (-1, x.shape[1])).unbind(2):
        x_r, x_z, x_n = x_t.chunk(3, -1)
        h_r, h_z, q = torch.baddbmm(b_h.unsqueeze(1), h, w_h.flatten(1, 2).mT).chunk(3, -1)
        n = torch.tanh(x_n + torch.sigmoid(x_r + h_r) * q)
        h = torch.lerp(n, h, torch.sigmoid(x_z + h_z))
        outputs.append(h)
    return torch.stack(outputs, 2).flatten(0, 1)


class _GRU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, x, w_x, w_h, b, h_0):
        (N, T, _), (R, _, D) = x.shape, b.shape
        rows, weights = as_rows(x, b), (w_x, w_h, b)
        projected = product(rows, w_x.flatten(1, 2).mT, bias=b[:, :3].reshape(R, 3 * D))
        y = x.new_empty(N, T, D)
        before, gates = (x.new_empty(N, T, k * D) if record else None for k in (1, 4))
        grid, blocks = launch(R, N // R, D, 3, x.dtype)
        w_h = w_h.contiguous()
        matrices = w_h.mT if blocks["RESIDENT"] else w_h.mT.contiguous()
        _forward[grid](
            projected, matrices, b[:, 3].contiguous(), h_0.contiguous(), y, before, gates,
            N // R, T, 0, *matrices.stride()[2:],
            **blocks,
        )  # fmt: skip
        if record:
            ctx.leaves = used(*weights)
            ctx.save_for_backward(rows, w_x, w_h, before, gates)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        x, w_x, w_h, before, gates = ctx.saved_tensors
        (N, T, D), R = before.shape, len(w_x)
        dy, dh_0 = contiguous_end(dy), x.new_empty(N, D)
        by_x, by_h = x.new_empty(2, N, T, 3 * D)
        grid, blocks = launch(R, N // R, D, 3, x.dtype)
        _backward[grid](
            w_h, before, gates, dy, by_x, by_h, dh_0,
            N // R, T, 0, *dy.stride()[:2], *w_h.stride()[2:],
            **blocks,
        )  # fmt: skip
        by_x, by_h = by_x.view(R, -1, 3 * D), by_h.view(R, -1, 3 * D)
        dx = product(by_x, w_x.flatten(1, 2)).view(N, T, -1)
        before = before.view(R, -1, D)
        with aside(ctx.leaves, by_x, by_h, x, before):
            (dw_x, db), (dw_h, db_h), _ = two_weight_gradients(
                (by_x, x, True), (by_h, before, True)
            )
            db = torch.cat([db, db_h[:, 2 * D :]], 1).view(R, 4, D)
        return None, dx, dw_x.view_as(w_x), dw_h.view_as(w_h), db, dh_0


@triton.jit
def _three(w, tile, valid, D: tl.constexpr):
    """Tiles of the matrices of r, z and n."""
    return (
        tl.load(w + tile, valid, 0.0),
        tl.load(w + D * D + tile, valid, 0.0),
        tl.load(w + 2 * D * D + tile, valid, 0.0),
    )


@triton.jit(do_not_specialize=["B", "T", "zero"])
def _forward(
    projected, w_h, b_h, h_0, y_, before_, gates_,
    B, T, zero, w_row: tl.constexpr, w_unit: tl.constexpr,
    D: tl.constexpr, BATCH: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr,
    SPLIT: tl.constexpr, RESIDENT: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Rows of the matrices are previous outputs, their units those that they drive."""
    model = tl.program_id(1).to(tl.int64)
    i = tl.program_id(0) * BATCH + tl.arange(0, BATCH)[:, None]
    d = tl.arange(0, UNITS)[None, :]
    some, inside = i < B, (i < B) & (d < D)
    i += model * B
    w_h += model * 3 * D * D
    h = tl.load(h_0 + i * D + d, inside, 0.0)
    b = tl.load(b_h + model * D + d, d < D, 0.0)
    if RESIDENT:
        tile, valid = tile_of(zero, w_row, w_unit, D, ROWS, UNITS, SPLIT)
        matrix_r, matrix_z, matrix_n = _three(w_h, tile, valid, D)
    for t in tl.range(0, T, num_stages=STAGES):
        step = i * T + t
        x = projected + step * 3 * D + d
        r = tl.load(x, inside, 0.0)
        z = tl.load(x + D, inside, 0.0)
        n = tl.load(x + 2 * D, inside, 0.0)
        if before_ is not None:
            tl.store(before_ + step * D + d, h, inside)
        if RESIDENT:
            r += times(h, matrix_r)
            z += times(h, matrix_z)
            q = times(h, matrix_n)
        else:
            given = tl.where(t > 0, y_ + (step - 1) * D, h_0 + i * D)[:, :, None]
            w_z, w_n, there = w_h + D * D, w_h + 2 * D * D, some[:, :, None]
            h_r = part_of(given, w_h, 0, there, D, ROWS, UNITS)
            h_z = part_of(given, w_z, 0, there, D, ROWS, UNITS)
            h_n = part_of(given, w_n, 0, there, D, ROWS, UNITS)
            for start in range(ROWS, D, ROWS):
                h_r += part_of(given, w_h, start, there, D, ROWS, UNITS)
                h_z += part_of(given, w_z, start, there, D, ROWS, UNITS)
                h_n += part_of(given, w_n, start, there, D, ROWS, UNITS)
            r += tl.sum(h_r, 1)
            z += tl.sum(h_z, 1)
            q = tl.sum(h_n, 1)
        q += b
        r, z = sigmoid(r), sigmoid(z)
        n = tanh(n + r * q)
        h = n + z * (h - n)
        tl.store(y_ + step * D + d, h, inside)
        if gates_ is not None:
            gates = gates_ + step * 4 * D + d
            tl.store(gates, r, inside)
            tl.store(gates + D, z, inside)
            tl.store(gates + 2 * D, n, inside)
            tl.store(gates + 3 * D, q, inside)
        if not RESIDENT:
            tl.debug_barrier()  # all of h is there before a thread reads of it


@triton.jit(do_not_specialize=["B", "T", "zero"])
def _backward(
    w_h, before_, gates_, dy_, by_x, by_h, dh_0,
    B, T, zero, dy_n, dy_t, w_row: tl.constexpr, w_unit: tl.constexpr,
    D: tl.constexpr, BATCH: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr,
    SPLIT: tl.constexpr, RESIDENT: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Rows of the matrices are units that changed, their units the outputs that drove them."""
    model = tl.program_id(1).to(tl.int64)
    i = tl.program_id(0) * BATCH + tl.arange(0, BATCH)[:, None]
    d = tl.arange(0, UNITS)[None, :]
    some, inside = i < B, (i < B) & (d < D)
    i += model * B
    w_h += model * 3 * D * D
    dh = tl.zeros([BATCH, UNITS], gates_.dtype.element_ty)
    if RESIDENT:
        tile, valid = tile_of(zero, w_row, w_unit, D, ROWS, UNITS, SPLIT)
        matrix_r, matrix_z, matrix_n = _three(w_h, tile, valid, D)
    for back in tl.range(0, T, num_stages=STAGES):
        t = T - 1 - back
        step = i * T + t
        gates = gates_ + step * 4 * D + d
        r = tl.load(gates, inside, 0.0)
        z = tl.load(gates + D, inside, 0.0)
        n = tl.load(gates + 2 * D, inside, 0.0)
        q = tl.load(gates + 3 * D, inside, 0.0)
        h = tl.load(before_ + step * D + d, inside, 0.0)
        dh += tl.load(dy_ + i * dy_n + t * dy_t + d, inside, 0.0)
        d_n = dh * (1 - z) * (1 - n * n)
        d_r = d_n * q * r * (1 - r)
        d_z = dh * (h - n) * z * (1 - z)
        d_q = d_n * r
        changed = step * 3 * D + d
        tl.store(by_x + changed, d_r, inside)
        tl.store(by_x + changed + D, d_z, inside)
        tl.store(by_x + changed + 2 * D, d_n, inside)
        tl.store(by_h + changed, d_r, inside)
        tl.store(by_h + changed + D, d_z, inside)
        tl.store(by_h + changed + 2 * D, d_q, inside)
        dh *= z
        if RESIDENT:
            dh += times(d_r, matrix_r) + times(d_z, matrix_z) + times(d_q, matrix_n)
        else:
            tl.debug_barrier()  # all of it is there before a thread reads of it
            given, there = (by_h + step * 3 * D)[:, :, None], some[:, :, None]
            total = part_of(given, w_h, 0, there, D, ROWS, UNITS)
            total += part_of(given + D, w_h + D * D, 0, there, D, ROWS, UNITS)
            total += part_of(given + 2 * D, w_h + 2 * D * D, 0, there, D, ROWS, UNITS)
            for start in range(ROWS, D, ROWS):
                total += part_of(given, w_h, start, there, D, ROWS, UNITS)
                total += part_of(given + D, w_h + D * D, start, there, D, ROWS, UNITS)
                total += part_of(given + 2 * D, w_h + 2 * D * D, start, there, D, ROWS, UNITS)
            dh += tl.sum(total, 1)
    tl.store(dh_0 + i * D + d, dh, inside)
