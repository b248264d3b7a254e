"""The recurrence of an LSTM that is too wide for one multiprocessor, on several of them.

A program holds the weights of some units in registers, and computes them for a few sequences. Every
step it needs the outputs of the other units (backward, the gradients of their gates), which other
programs compute at the same time. They are exchanged through memory: what is awaited is filled with
a number that no arithmetic yields, and read until none is left. So all programs must run at a time:
there is a multiprocessor for each, and the launch is a cooperative one, which starts all or none.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.triton_support import interpreted
from fwp.kernels.triton_tiles import sigmoid, tanh
from fwp.ops.lstm.triton_weights import gates_of, previous_of, tile_of

WEIGHTS = 16 * 1024  # numbers that the registers of a program take
WARPS = 8
SEQUENCES = 8  # of a program, at most
PATIENCE = tl.constexpr(1 << 24)  # reads, some seconds; then the result is NaN instead of a hang
# Of a program. If it exchanges fewer numbers, several threads read the same one, and only one of
# them is asked whether it was there. So all read again.
THREADS = tl.constexpr(32 * WARPS)
WAITING = tl.constexpr(-559038737)  # the bits of a NaN other than that of arithmetic


def launch(R: int, B: int, D: int, like: Tensor) -> tuple[tuple[int, ...], dict[str, int]] | None:
    """Grid and block sizes for R models, each with B sequences of D units; None if it is too much.

    One step at a time, as in Triton's interpreter, where programs run one after another, any number
    of programs will do.
    """
    P = int(triton.next_power_of_2(D))
    units = min(WEIGHTS // (4 * P), P)
    if units < 1 or not (like.dtype == torch.float32 or interpreted()):
        return None
    slices, places = -(-D // units), 1
    if like.is_cuda:
        places = torch.cuda.get_device_properties(like.device).multi_processor_count
    groups = places // (R * slices)
    if like.is_cuda and groups == 0:
        return None
    batch = int(triton.next_power_of_2(-(-B // max(1, groups))))
    if batch > SEQUENCES:
        return None
    split = min(P, 32 * WARPS // units)
    blocks = {
        "D": D, "BATCH": batch, "ROWS": P // split, "UNITS": units, "SPLIT": split, "P": P,
        "TOGETHER": not interpreted(), "num_warps": WARPS,
    }  # fmt: skip
    if not interpreted():
        blocks["launch_cooperative_grid"] = True
    return (slices, -(-B // batch), R), blocks


def spans(first: int, T: int) -> list[tuple[int, int]]:
    """The steps of each launch, from `first` to T: all of one, except in the interpreter."""
    return [(t, t + 1) for t in range(first, T)] if interpreted() else [(first, T)]


def awaited(x: Tensor) -> Tensor:
    """Memory for what programs exchange, filled with what says that it is not there yet."""
    if not interpreted():
        x.view(torch.int32).fill_(WAITING.value)
    return x


@triton.jit
def _waits(x):
    """Where what is exchanged is not there yet, 1."""
    return (x.to(tl.int32, bitcast=True) == WAITING).to(tl.int32)


@triton.jit
def _read(pointers, inside):
    return tl.load(pointers, inside, 0.0, volatile=True)


@triton.jit(do_not_specialize=["B", "T", "begin", "end", "zero"])
def forward(
    projected, w_h, h_0, c_0, y_, c_T, before_, cells_, gates_,
    B, T, begin, end, zero, h_n, c_n,
    D: tl.constexpr, BATCH: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr,
    SPLIT: tl.constexpr, P: tl.constexpr, TOGETHER: tl.constexpr,
):  # fmt: skip
    """Steps begin to end; y is `awaited`. Rows of the matrix are previous outputs."""
    r = tl.program_id(2).to(tl.int64)
    first = tl.program_id(0) * UNITS
    n = tl.program_id(1) * BATCH + tl.arange(0, BATCH)[:, None]
    d, every = first + tl.arange(0, UNITS)[None, :], tl.arange(0, P)[None, :]
    inside, all_inside = (n < B) & (d < D), (n < B) & (every < D)
    n += r * B
    tile, valid = tile_of(zero, 1, D, D, ROWS, UNITS, SPLIT)  # pyright: ignore
    valid &= first + tl.arange(0, UNITS)[:, None] < D
    w_h += r * 4 * D * D + first * D
    matrix_if = tl.load(w_h + tile, valid, 0.0)
    matrix_go = tl.load(w_h + 2 * D * D + tile, valid, 0.0)
    start = tl.where(begin > 0, y_ + (n * T + begin - 1) * D + d, h_0 + n * h_n + d)
    own = tl.load(start, inside, 0.0)
    c = tl.load(c_0 + n * c_n + d, inside, 0.0)
    tl.debug_barrier()  # c_T may be c_0
    for t in range(begin, end):
        step = n * T + t
        gates = step * 4 * D + d
        i = tl.load(projected + gates, inside, 0.0)
        f = tl.load(projected + gates + D, inside, 0.0)
        g = tl.load(projected + gates + 2 * D, inside, 0.0)
        o = tl.load(projected + gates + 3 * D, inside, 0.0)
        given = tl.where(t > 0, y_ + (step - 1) * D + every, h_0 + n * h_n + every)
        h = _read(given, all_inside)
        if TOGETHER:
            missing, tries = tl.sum(_waits(h)), 0
            while (missing > 0) & (tries < PATIENCE):
                h = _read(given, all_inside)
                missing, tries = tl.sum(_waits(h)), tries + 1
            if BATCH * P < THREADS:
                tl.debug_barrier()
                h = _read(given, all_inside)
        h_i, h_f = gates_of(h, matrix_if)
        h_g, h_o = gates_of(h, matrix_go)
        i, f, g, o = sigmoid(i + h_i), sigmoid(f + h_f), tanh(g + h_g), sigmoid(o + h_o)
        c = f * c + i * g
        tl.store(y_ + step * D + d, o * tanh(c), inside)
        if gates_ is not None:
            tl.store(before_ + step * D + d, own, inside)
            tl.store(cells_ + step * D + d, c, inside)
            tl.store(gates_ + gates, i, inside)
            tl.store(gates_ + gates + D, f, inside)
            tl.store(gates_ + gates + 2 * D, g, inside)
            tl.store(gates_ + gates + 3 * D, o, inside)
        own = o * tanh(c)
    tl.store(c_T + n * D + d, c, inside)


@triton.jit(do_not_specialize=["B", "T", "begin", "end", "zero"])
def backward(
    w_h, c_0, cells_, gates_, dy_, dh_0, dc_T, d_gates, dc_0,
    B, T, begin, end, zero, c_n, dy_n, dy_t, dc_n,
    D: tl.constexpr, BATCH: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr,
    SPLIT: tl.constexpr, P: tl.constexpr, TOGETHER: tl.constexpr,
):  # fmt: skip
    """Steps end to begin, where step -1 yields dh_0; d_gates is `awaited`.

    Rows of the matrix are units whose gates changed.
    """
    r = tl.program_id(2).to(tl.int64)
    first = tl.program_id(0) * UNITS
    n = tl.program_id(1) * BATCH + tl.arange(0, BATCH)[:, None]
    d, every = first + tl.arange(0, UNITS)[None, :], tl.arange(0, P)[None, :]
    inside, all_inside = (n < B) & (d < D), (n < B) & (every < D)
    n += r * B
    tile, valid = tile_of(zero, D, 1, D, ROWS, UNITS, SPLIT)  # pyright: ignore
    valid &= first + tl.arange(0, UNITS)[:, None] < D
    w_h += r * 4 * D * D + first
    matrix_if = tl.load(w_h + tile, valid, 0.0)
    matrix_go = tl.load(w_h + 2 * D * D + tile, valid, 0.0)
    dc = tl.load(dc_T + n * dc_n + d, inside, 0.0)
    tl.debug_barrier()  # dc_T may be dc_0
    for back in range(begin, end):
        t = begin + end - 1 - back
        step = n * T + t
        gates = step * 4 * D + d
        now = inside & (t >= 0)
        i = tl.load(gates_ + gates, now, 0.0)
        f = tl.load(gates_ + gates + D, now, 0.0)
        g = tl.load(gates_ + gates + 2 * D, now, 0.0)
        o = tl.load(gates_ + gates + 3 * D, now, 0.0)
        before = tl.where(t > 0, cells_ + (step - 1) * D + d, c_0 + n * c_n + d)
        c_before = tl.load(before, now, 0.0)
        squashed = tanh(tl.load(cells_ + step * D + d, now, 0.0))
        dh = tl.load(dy_ + n * dy_n + t * dy_t + d, now, 0.0)

        changed = d_gates + (step + 1) * 4 * D + every
        there = all_inside & (t + 1 < T)
        di, df = _read(changed, there), _read(changed + D, there)
        dg, do = _read(changed + 2 * D, there), _read(changed + 3 * D, there)
        if TOGETHER:
            missing, tries = tl.sum(_waits(di) + _waits(df) + _waits(dg) + _waits(do)), 0
            while (missing > 0) & (tries < PATIENCE):
                di, df = _read(changed, there), _read(changed + D, there)
                dg, do = _read(changed + 2 * D, there), _read(changed + 3 * D, there)
                missing = tl.sum(_waits(di) + _waits(df) + _waits(dg) + _waits(do))
                tries += 1
            if BATCH * P < THREADS:
                tl.debug_barrier()
                di, df = _read(changed, there), _read(changed + D, there)
                dg, do = _read(changed + 2 * D, there), _read(changed + 3 * D, there)
        dh += previous_of(di, df, matrix_if) + previous_of(dg, do, matrix_go)

        if t >= 0:
            dc += dh * o * (1 - squashed * squashed)
            tl.store(d_gates + gates, dc * g * i * (1 - i), inside)
            tl.store(d_gates + gates + D, dc * c_before * f * (1 - f), inside)
            tl.store(d_gates + gates + 2 * D, dc * i * (1 - g * g), inside)
            tl.store(d_gates + gates + 3 * D, dh * squashed * o * (1 - o), inside)
            dc *= f
        else:
            tl.store(dh_0 + n * D + d, dh, inside)
    tl.store(dc_0 + n * D + d, dc, inside)
