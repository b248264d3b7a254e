"""The LSTM on the GPU: the input projections by a matrix product, the recurrence by a kernel.

A program computes a few sequences of one model. It holds the recurrent matrix in registers, dealt
to its threads as two tiles [ROWS, 2, UNITS, SPLIT], for the gates i, f and g, o, with the last two
dimensions over threads. A matrix larger than `RESIDENT` fits into no multiprocessor: then several
share it (`triton_wide.py`). If there are too many models or sequences for that, PyTorch computes
the product step by step, and the kernel computes one step. Sums over time and batch
(the gradients of the weights) are matrix products over all steps. Kept are x, the gates, cells and
previous outputs.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.aside import aside, used
from fwp.kernels.tensors import contiguous_end, records
from fwp.kernels.triton_matmul import product, two_weight_gradients
from fwp.kernels.triton_tiles import sigmoid, tanh
from fwp.ops.lstm import triton_wide as wide
from fwp.ops.lstm.triton_weights import gates_of, previous_of, tile_of

RESIDENT = 64 * 1024  # bytes of a recurrent matrix that registers take, half a multiprocessor's
PROGRAMS = 264  # run at a time on a large GPU; beyond, programs take more sequences instead
STAGES = 4  # steps of time whose inputs are on their way, the one that is computed included


def lstm(
    x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor, state: tuple[Tensor, Tensor]
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """As `fwp.ops.lstm.lstm` for R models: weights [R, 4, D, I], [R, 4, D, D], [R, 4, D]."""
    inputs = (x, w_x, w_h, b, *state)
    y, c = _LSTM.apply(records(inputs), *inputs)
    return y, (y[:, -1], c)


class _LSTM(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, x, w_x, w_h, b, h_0, c_0):
        (N, T, I), (R, _, D) = x.shape, b.shape  # noqa: E741
        rows, weights = contiguous_end(x, 3).view(R, -1, I), (w_x, w_h, b)
        projected = product(rows, w_x.flatten(1, 2).mT, bias=b.reshape(R, 4 * D))
        w_h, h_0, c_0 = w_h.contiguous(), contiguous_end(h_0), contiguous_end(c_0)
        y, c_T = x.new_empty(N, T, D), x.new_empty(N, D)
        before, cells, gates = (
            x.new_empty(N, T, size) if record else None for size in (D, D, 4 * D)
        )
        grid, blocks = _launch(R, N // R, D, 4, x.dtype)
        kept = (before, cells, gates)
        if blocks["RESIDENT"]:
            start, strides = (h_0, c_0), (h_0.stride(0), c_0.stride(0))
            _forward[grid](
                projected, None, w_h, *start, y, c_T, *kept,
                N // R, T, 0, T, 0, *strides,
                **blocks,
            )  # fmt: skip
        elif (shared := wide.launch(R, N // R, D, x)) is not None:
            grid, blocks = shared
            y, c = wide.awaited(y), c_0
            for begin, end in wide.spans(0, T):
                wide.forward[grid](
                    projected, w_h, h_0, c, y, c_T, *kept,
                    N // R, T, begin, end, 0, h_0.stride(0), c.stride(0),
                    **blocks,
                )  # fmt: skip
                c = c_T
        else:
            h, c = h_0, c_0
            for t in range(T):
                driven = h.unflatten(0, (R, -1)) @ w_h.flatten(1, 2).mT
                _forward[grid](
                    projected, driven, None, h, c, y, c_T, *kept,
                    N // R, T, t, t + 1, 0, h.stride(0), c.stride(0),
                    **blocks,
                )  # fmt: skip
                h, c = y[:, t], c_T
        if record:
            ctx.leaves = used(*weights)
            ctx.save_for_backward(rows, w_x, w_h, c_0, before, cells, gates)
        return y, c_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dc_T):
        x, w_x, w_h, c_0, before, cells, gates = ctx.saved_tensors
        (N, T, _), (R, _, D, I) = before.shape, w_x.shape  # noqa: E741
        dy, dc_T = contiguous_end(dy), contiguous_end(dc_T)
        d_gates = torch.empty_like(gates)
        dh_0, dc_0 = x.new_empty(N, D), x.new_empty(N, D)
        grid, blocks = _launch(R, N // R, D, 8, x.dtype)
        given, found = (c_0, cells, gates, dy), (d_gates, dc_0)
        if blocks["RESIDENT"]:
            _backward[grid](
                w_h, *given, dh_0, dc_T, *found,
                N // R, T, 0, T, 0, c_0.stride(0), *dy.stride()[:2], dc_T.stride(0),
                **blocks,
            )  # fmt: skip
        elif (shared := wide.launch(R, N // R, D, x)) is not None:
            grid, blocks = shared
            d_gates, dc = wide.awaited(d_gates), dc_T
            for begin, end in reversed(wide.spans(-1, T)):
                wide.backward[grid](
                    w_h, c_0, cells, gates, dy, dh_0, dc, d_gates, dc_0,
                    N // R, T, begin, end, 0, c_0.stride(0), *dy.stride()[:2], dc.stride(0),
                    **blocks,
                )  # fmt: skip
                dc = dc_0
        else:
            dc = dc_T
            dh_0.zero_()
            for t in reversed(range(T)):
                _backward[grid](
                    None, *given, dh_0, dc, *found,
                    N // R, T, t, t + 1, 0, c_0.stride(0), *dy.stride()[:2], dc.stride(0),
                    **blocks,
                )  # fmt: skip
                dc = dc_0
                changed = d_gates[:, t].unflatten(0, (R, -1))
                torch.bmm(changed, w_h.flatten(1, 2), out=dh_0.view(R, -1, D))
        changed = d_gates.view(R, -1, 4 * D)
        dx = product(changed, w_x.flatten(1, 2)).view(N, T, I)
        before = before.view(R, -1, D)
        with aside(ctx.leaves, changed, x, before):
            (dw_x, db), (dw_h, _), _ = two_weight_gradients(
                (changed, x, True), (changed, before, False)
            )
        return None, dx, dw_x.view_as(w_x), dw_h.view_as(w_h), db.view(R, 4, D), dh_0, dc_0


def _launch(
    R: int, B: int, D: int, split: int, dtype: torch.dtype
) -> tuple[tuple[int, int], dict[str, int]]:
    """Grid, block sizes and warps for R models, each with B sequences of D units.

    `split` neighbouring threads share a sum: the more, the fewer numbers each reads per step, and
    the more it exchanges.
    """
    units = triton.next_power_of_2(D)
    split, resident = min(split, units), 4 * units * units * dtype.itemsize <= RESIDENT
    blocks = {
        "D": D,
        "BATCH": min(triton.next_power_of_2(triton.cdiv(R * B, PROGRAMS)), 4),
        "ROWS": units // split,
        "UNITS": units,
        "SPLIT": split,
        "RESIDENT": resident,
        "STAGES": STAGES if resident else 1,
        "num_warps": min(max(units // 16, 1), 8),
    }
    return (triton.cdiv(B, blocks["BATCH"]), R), blocks


@triton.jit(do_not_specialize=["begin", "end", "zero"])
def _forward(
    projected, driven, w_h, h_0, c_0, y_, c_T, before_, cells_, gates_,
    B, T, begin, end, zero, h_n, c_n,
    D: tl.constexpr, BATCH: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr,
    SPLIT: tl.constexpr, RESIDENT: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Rows of the matrix are previous outputs, its units those whose gates they drive."""
    r = tl.program_id(1).to(tl.int64)
    n = tl.program_id(0) * BATCH + tl.arange(0, BATCH)[:, None]
    d = tl.arange(0, UNITS)[None, :]
    inside = (n < B) & (d < D)
    n += r * B
    h = tl.load(h_0 + n * h_n + d, inside, 0.0)
    c = tl.load(c_0 + n * c_n + d, inside, 0.0)
    if RESIDENT:
        tile, valid = tile_of(zero, 1, D, D, ROWS, UNITS, SPLIT)
        w_h += r * 4 * D * D
        matrix_if = tl.load(w_h + tile, valid, 0.0)
        matrix_go = tl.load(w_h + 2 * D * D + tile, valid, 0.0)
    else:
        tl.debug_barrier()  # c_T may be c_0
    for t in tl.range(begin, end, num_stages=STAGES):
        step = n * T + t
        gates = step * 4 * D + d
        i = tl.load(projected + gates, inside, 0.0)
        f = tl.load(projected + gates + D, inside, 0.0)
        g = tl.load(projected + gates + 2 * D, inside, 0.0)
        o = tl.load(projected + gates + 3 * D, inside, 0.0)
        if RESIDENT:
            h_i, h_f = gates_of(h, matrix_if)
            h_g, h_o = gates_of(h, matrix_go)
        else:
            h_i = tl.load(driven + n * 4 * D + d, inside, 0.0)
            h_f = tl.load(driven + n * 4 * D + D + d, inside, 0.0)
            h_g = tl.load(driven + n * 4 * D + 2 * D + d, inside, 0.0)
            h_o = tl.load(driven + n * 4 * D + 3 * D + d, inside, 0.0)
        i, f, g, o = sigmoid(i + h_i), sigmoid(f + h_f), tanh(g + h_g), sigmoid(o + h_o)
        if before_ is not None:
            tl.store(before_ + step * D + d, h, inside)
        c = f * c + i * g
        h = o * tanh(c)
        tl.store(y_ + step * D + d, h, inside)
        if gates_ is not None:
            tl.store(cells_ + step * D + d, c, inside)
            tl.store(gates_ + gates, i, inside)
            tl.store(gates_ + gates + D, f, inside)
            tl.store(gates_ + gates + 2 * D, g, inside)
            tl.store(gates_ + gates + 3 * D, o, inside)
    tl.store(c_T + n * D + d, c, inside)


@triton.jit(do_not_specialize=["begin", "end", "zero"])
def _backward(
    w_h, c_0, cells_, gates_, dy_, dh_, dc_T, d_gates, dc_0,
    B, T, begin, end, zero, c_n, dy_n, dy_t, dc_n,
    D: tl.constexpr, BATCH: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr,
    SPLIT: tl.constexpr, RESIDENT: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Rows of the matrix are units whose gates changed, its units the outputs that drove them."""
    r = tl.program_id(1).to(tl.int64)
    n = tl.program_id(0) * BATCH + tl.arange(0, BATCH)[:, None]
    d = tl.arange(0, UNITS)[None, :]
    inside = (n < B) & (d < D)
    n += r * B
    dc = tl.load(dc_T + n * dc_n + d, inside, 0.0)
    if RESIDENT:
        dh = tl.zeros([BATCH, UNITS], dc.dtype)
        tile, valid = tile_of(zero, D, 1, D, ROWS, UNITS, SPLIT)
        w_h += r * 4 * D * D
        matrix_if = tl.load(w_h + tile, valid, 0.0)
        matrix_go = tl.load(w_h + 2 * D * D + tile, valid, 0.0)
    else:
        dh = tl.load(dh_ + n * D + d, inside, 0.0)
        tl.debug_barrier()  # dc_T may be dc_0
    for back in tl.range(begin, end, num_stages=STAGES):
        t = begin + end - 1 - back
        step = n * T + t
        gates = step * 4 * D + d
        i = tl.load(gates_ + gates, inside, 0.0)
        f = tl.load(gates_ + gates + D, inside, 0.0)
        g = tl.load(gates_ + gates + 2 * D, inside, 0.0)
        o = tl.load(gates_ + gates + 3 * D, inside, 0.0)
        before = tl.where(t > 0, cells_ + (step - 1) * D + d, c_0 + n * c_n + d)
        c_before = tl.load(before, inside, 0.0)
        squashed = tanh(tl.load(cells_ + step * D + d, inside, 0.0))
        dh += tl.load(dy_ + n * dy_n + t * dy_t + d, inside, 0.0)
        dc += dh * o * (1 - squashed * squashed)
        di = dc * g * i * (1 - i)
        df = dc * c_before * f * (1 - f)
        dg = dc * i * (1 - g * g)
        do = dh * squashed * o * (1 - o)
        dc *= f
        tl.store(d_gates + gates, di, inside)
        tl.store(d_gates + gates + D, df, inside)
        tl.store(d_gates + gates + 2 * D, dg, inside)
        tl.store(d_gates + gates + 3 * D, do, inside)
        if RESIDENT:
            dh = previous_of(di, df, matrix_if) + previous_of(dg, do, matrix_go)
    if RESIDENT:
        tl.store(dh_ + n * D + d, dh, inside)
    tl.store(dc_0 + n * D + d, dc, inside)
