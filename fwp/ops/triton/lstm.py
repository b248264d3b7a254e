"""The LSTM on the GPU: the input projections by a matrix product, the recurrence by a kernel.

A program computes a few sequences of one model. It holds the recurrent matrix in registers, dealt
to its threads as [ROWS, 4, UNITS, SPLIT] with the last two over threads; a matrix larger than
`RESIDENT` is read anew at every step, in chunks of rows, from the second-level cache. Sums over
time and batch, dW_h and what autograd adds for the projections, are matrix products over all steps.
Kept are the gates, cells and outputs.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.ops.triton._common import LANES, contiguous_end, records, sigmoid, tanh

RESIDENT = 64 * 1024  # bytes of a recurrent matrix that registers take
PROGRAMS = 264  # run at a time on a large GPU; beyond, programs take more sequences instead
SPLIT = 4  # neighbouring threads that share a sum


def lstm(
    x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor, state: tuple[Tensor, Tensor]
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """As `fwp.ops.lstm.lstm` for a pack: weights [R, 4, D, I], [R, 4, D, D], [R, 4, D]."""
    (N, T, I), (R, _, D) = x.shape, b.shape  # noqa: E741
    steps, matrix = x.reshape(R, -1, I), w_x.flatten(1, 2).mT
    projected = torch.baddbmm(b.reshape(R, 1, 4 * D), steps, matrix).view(N, T, 4, D)
    inputs = (projected, w_h, *state)
    y, c = _LSTM.apply(records(inputs), *inputs)
    return y, (y[:, -1], c)


class _LSTM(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, projected, w_h, h_0, c_0):
        N, T, _, D = projected.shape
        R = len(w_h)
        h_0, c_0 = contiguous_end(h_0), contiguous_end(c_0)
        y, c_T = projected.new_empty(N, T, D), projected.new_empty(N, D)
        gates = torch.empty_like(projected) if record else None
        cells = torch.empty_like(y) if record else None
        grid, blocks, warps = _launch(R, N // R, D, projected.dtype)
        transposed = w_h if blocks["RESIDENT"] else w_h.mT.contiguous().mT
        _forward[grid](
            *(projected, transposed, h_0, c_0, y, c_T, gates, cells),
            *(N // R, T, D, *transposed.stride(), h_0.stride(0), c_0.stride(0)),
            **blocks,
            num_warps=warps,
        )
        if record:
            ctx.save_for_backward(w_h, h_0, c_0, y, gates, cells)
        return y, c_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dc_T):
        w_h, h_0, c_0, y, gates, cells = ctx.saved_tensors
        N, T, _, D = gates.shape
        R = len(w_h)
        dy, dc_T, w_h = contiguous_end(dy), contiguous_end(dc_T), contiguous_end(w_h)
        d_gates = torch.empty_like(gates)
        dh_0, dc_0 = h_0.new_empty(N, D), c_0.new_empty(N, D)
        grid, blocks, warps = _launch(R, N // R, D, gates.dtype)
        _backward[grid](
            *(w_h, c_0, gates, cells, dy, dc_T, d_gates, dh_0, dc_0),
            *(N // R, T, D, *w_h.stride(), c_0.stride(0), *dy.stride()[:2], dc_T.stride(0)),
            **blocks,
            num_warps=warps,
        )
        before = torch.cat([h_0.unsqueeze(1), y[:, :-1]], dim=1)
        dw_h = d_gates.view(R, -1, 4 * D).mT @ before.view(R, -1, D)
        return None, d_gates, dw_h.view_as(w_h), dh_0, dc_0


def _launch(R: int, B: int, D: int, dtype: torch.dtype) -> tuple[tuple[int, int], dict, int]:
    """Grid, block sizes and number of warps for R models of B sequences and D units."""
    units = triton.next_power_of_2(D)
    resident = 4 * units * units * dtype.itemsize <= RESIDENT
    batch = triton.next_power_of_2(triton.cdiv(R * B, PROGRAMS))
    batch = min(batch, 4) if resident else 4
    split = min(SPLIT, units)
    blocks = {
        "BATCH": batch,
        "ROWS": (units if resident else 16) // split,
        "UNITS": units,
        "SPLIT": split,
        "RESIDENT": resident,
    }
    return (triton.cdiv(B, batch), R), blocks, min(max(units * split // LANES, 1), 8)


@triton.jit
def _tile(
    first,
    row_stride,
    gate_stride,
    unit_stride,
    D,
    ROWS: tl.constexpr,
    UNITS: tl.constexpr,
    SPLIT: tl.constexpr,
):
    """Offsets of rows `first`, ... of the matrix, [ROWS, 4, UNITS, SPLIT], and which exist.

    As in `offsets_of`, what Triton is told of their order only decides which dimensions are dealt
    to threads.
    """
    row = first + tl.arange(0, SPLIT)[None, :] * ROWS + tl.arange(0, ROWS)[:, None]
    unit, gate = tl.arange(0, UNITS)[:, None], tl.arange(0, 4)[:, None, None]
    row = row[:, None, None, :]
    offsets = row * row_stride + gate * gate_stride + unit * unit_stride
    return tl.max_contiguous(offsets, [1, 1, 2, 4]), (row < D) & (unit < D)


@triton.jit(do_not_specialize=["w_out", "w_in"])
def _forward(
    projected, w_h, h_0, c_0, y_, c_T, gates_, cells_,
    B, T, D,
    w_r, w_gate, w_out, w_in, h_n, c_n,
    BATCH: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr, SPLIT: tl.constexpr,
    RESIDENT: tl.constexpr,
):  # fmt: skip
    """Rows of the matrix are previous outputs."""
    r = tl.program_id(1).to(tl.int64)
    n = tl.program_id(0) * BATCH + tl.arange(0, BATCH)[:, None]
    d = tl.arange(0, UNITS)[None, :]
    inside = (n < B) & (d < D)
    n += r * B
    w_h += r * w_r
    gate = tl.arange(0, 4)[None, :, None]
    out = n * T * D + d

    h = tl.load(h_0 + n * h_n + d, inside, 0.0)
    c = tl.load(c_0 + n * c_n + d, inside, 0.0)
    if RESIDENT:
        tile, valid = _tile(0, w_in, w_gate, w_out, D, ROWS, UNITS, SPLIT)
        matrix = tl.load(w_h + tile, valid, 0.0)
    for t in tl.range(0, T, num_stages=2 if RESIDENT else 1):
        step = (n * T + t) * 4 * D + d
        gates = tl.load(projected + step[:, None, :] + gate * D, inside[:, None, :], 0.0)
        if RESIDENT:
            previous = tl.permute(tl.reshape(h, [BATCH, SPLIT, ROWS]), [0, 2, 1])
            gates += _gates(previous, matrix)
        else:
            for first in range(0, D, ROWS * SPLIT):
                tile, valid = _tile(first, w_in, w_gate, w_out, D, ROWS, UNITS, SPLIT)
                matrix = tl.load(w_h + tile, valid, 0.0)
                row = first + tl.arange(0, SPLIT)[None, :] * ROWS + tl.arange(0, ROWS)[:, None]
                m = n[:, :, None]
                where = tl.where(t > 0, y_ + (m * T + t - 1) * D, h_0 + m * h_n) + row
                previous = tl.load(where, (m < (r + 1) * B) & (row < D), 0.0)
                gates += _gates(previous, matrix)
        first_gates, second = tl.split(
            tl.reshape(tl.permute(gates, [0, 2, 1]), [BATCH, UNITS, 2, 2])
        )
        i, g = tl.split(first_gates)
        f, o = tl.split(second)
        i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * tanh(c)
        tl.store(y_ + out + t * D, h, inside)
        if gates_ is not None:
            tl.store(cells_ + out + t * D, c, inside)
            tl.store(gates_ + step, i, inside)
            tl.store(gates_ + step + D, f, inside)
            tl.store(gates_ + step + 2 * D, g, inside)
            tl.store(gates_ + step + 3 * D, o, inside)
        if not RESIDENT:
            tl.debug_barrier()  # other threads read this output
    tl.store(c_T + n * D + d, c, inside)


@triton.jit
def _gates(previous, matrix):
    """[BATCH, ROWS, SPLIT] times [ROWS, 4, UNITS, SPLIT]: [BATCH, 4, UNITS]."""
    return tl.sum(tl.sum(previous[:, :, None, None, :] * matrix, 1), 3)


@triton.jit(do_not_specialize=["w_out", "w_in"])
def _backward(
    w_h, c_0, gates_, cells_, dy_, dc_T, d_gates, dh_0, dc_0,
    B, T, D,
    w_r, w_gate, w_out, w_in, c_n, dy_n, dy_t, dc_n,
    BATCH: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr, SPLIT: tl.constexpr,
    RESIDENT: tl.constexpr,
):  # fmt: skip
    """Rows of the matrix are units whose gates changed, and its units previous outputs."""
    r = tl.program_id(1).to(tl.int64)
    n = tl.program_id(0) * BATCH + tl.arange(0, BATCH)[:, None]
    d = tl.arange(0, UNITS)[None, :]
    inside = (n < B) & (d < D)
    n += r * B
    w_h += r * w_r
    out = n * T * D + d

    dh = tl.zeros([BATCH, UNITS], w_h.dtype.element_ty)
    dc = tl.load(dc_T + n * dc_n + d, inside, 0.0)
    if RESIDENT:
        tile, valid = _tile(0, w_out, w_gate, w_in, D, ROWS, UNITS, SPLIT)
        matrix = tl.load(w_h + tile, valid, 0.0)
    for back in tl.range(0, T, num_stages=2 if RESIDENT else 1):
        t = T - 1 - back
        step = (n * T + t) * 4 * D + d
        i = tl.load(gates_ + step, inside, 0.0)
        f = tl.load(gates_ + step + D, inside, 0.0)
        g = tl.load(gates_ + step + 2 * D, inside, 0.0)
        o = tl.load(gates_ + step + 3 * D, inside, 0.0)
        before = tl.where(t > 0, cells_ + out + (t - 1) * D, c_0 + n * c_n + d)
        c_before = tl.load(before, inside, 0.0)
        squashed = tanh(tl.load(cells_ + out + t * D, inside, 0.0))
        dh += tl.load(dy_ + n * dy_n + t * dy_t + d, inside, 0.0)
        dc += dh * o * (1 - squashed * squashed)
        di = dc * g * i * (1 - i)
        df = dc * c_before * f * (1 - f)
        dg = dc * i * (1 - g * g)
        do = dh * squashed * o * (1 - o)
        dc *= f
        tl.store(d_gates + step, di, inside)
        tl.store(d_gates + step + D, df, inside)
        tl.store(d_gates + step + 2 * D, dg, inside)
        tl.store(d_gates + step + 3 * D, do, inside)
        if RESIDENT:
            change = tl.reshape(tl.join(tl.join(di, dg), tl.join(df, do)), [BATCH, SPLIT, ROWS, 4])
            dh = _previous(tl.permute(change, [0, 2, 3, 1]), matrix)
        else:
            tl.debug_barrier()  # other threads read these gradients
            dh = tl.zeros([BATCH, UNITS], w_h.dtype.element_ty)
            for first in range(0, D, ROWS * SPLIT):
                tile, valid = _tile(first, w_out, w_gate, w_in, D, ROWS, UNITS, SPLIT)
                matrix = tl.load(w_h + tile, valid, 0.0)
                row = first + tl.arange(0, SPLIT)[None, :] * ROWS + tl.arange(0, ROWS)[:, None]
                row = row[:, None, :]
                m = n[:, :, None, None]
                where = d_gates + (m * T + t) * 4 * D + tl.arange(0, 4)[:, None] * D + row
                dh += _previous(tl.load(where, (m < (r + 1) * B) & (row < D), 0.0), matrix)
    tl.store(dh_0 + n * D + d, dh, inside)
    tl.store(dc_0 + n * D + d, dc, inside)


@triton.jit
def _previous(change, matrix):
    """[BATCH, ROWS, 4, SPLIT] times [ROWS, 4, UNITS, SPLIT]: [BATCH, UNITS]."""
    return tl.sum(tl.sum(tl.sum(change[:, :, :, None, :] * matrix, 1), 1), 2)
