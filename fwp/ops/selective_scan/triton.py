"""The selective scan on the GPU: a loop over time per sequence and block of units.

The equations are those of native.c. A program holds a tile [UNITS, K] of the state. Kept
are the inputs and every `EVERY`-th state; from there the backward pass computes the states of a
chunk again, into memory of its own. Gradients of b and c, which all units share, are summed over
programs afterwards.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import contiguous_end, records

EVERY = 16
NUMBERS = 128  # of a tile, for the threads of a warp
STAGES = 3  # steps whose inputs are on their way, the one that is computed included


def selective_scan(
    x: Tensor, delta: Tensor, A: Tensor, b: Tensor, c: Tensor, h: Tensor, *, allow_neg_eigval: bool
) -> tuple[Tensor, Tensor]:
    """As `fwp.ops.selective_scan.selective_scan`, for packs: A [R, D, K]."""
    inputs = (x, delta, A, b, c, h)
    return _SelectiveScan.apply(allow_neg_eigval, records(inputs), *inputs)


class _SelectiveScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, allow_neg_eigval, record, x, delta, A, b, c, h_0):
        (N, T, D), K, R = x.shape, b.shape[-1], len(A)
        x, delta, b, c = (contiguous_end(part) for part in (x, delta, b, c))
        A, h_0 = A.contiguous(), h_0.contiguous()
        y, h_T = x.new_empty(N, T, D), torch.empty_like(h_0)
        states = x.new_empty(N, -(-T // EVERY), D, K) if record else y  # else not written to
        grid, blocks = _grid(N, D, K)
        _forward[grid](
            x, delta, A, b, c, h_0, y, h_T, states,
            N // R, T, D, K,
            *x.stride()[:2], *delta.stride()[:2], *b.stride()[:2], *c.stride()[:2],
            **blocks, NEGATIVE=bool(allow_neg_eigval), RECORD=record, STAGES=STAGES, num_warps=1,
        )  # fmt: skip
        if record:
            ctx.save_for_backward(x, delta, A, b, c, states)
        ctx.set_materialize_grads(False)
        ctx.allow_neg_eigval = allow_neg_eigval
        return y, h_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dh_T):
        x, delta, A, b, c, states = ctx.saved_tensors
        (N, T, D), K, R = x.shape, b.shape[-1], len(A)
        grid, blocks = _grid(N, D, K)
        dy = torch.zeros_like(x) if dy is None else contiguous_end(dy)
        dh = x.new_zeros(N, D, K) if dh_T is None else dh_T.contiguous().clone()
        dx, d_delta, dA = x.new_empty(N, T, D), x.new_empty(N, T, D), torch.empty_like(dh)
        db, dc = (x.new_empty(grid[1], N, T, K) for _ in range(2))
        scratch = x.new_empty(*grid, EVERY, blocks["UNITS"], blocks["NUMBERS"])
        _backward[grid](
            x, delta, A, b, c, states, dy, dx, d_delta, dA, db, dc, dh, scratch,
            N // R, T, D, K,
            *x.stride()[:2], *delta.stride()[:2], *b.stride()[:2], *c.stride()[:2],
            *dy.stride()[:2],
            **blocks, NEGATIVE=bool(ctx.allow_neg_eigval), num_warps=1,
        )  # fmt: skip
        return None, None, dx, d_delta, dA.view(R, -1, D, K).sum(1), db.sum(0), dc.sum(0), dh


def _grid(N: int, D: int, K: int) -> tuple[tuple[int, int], dict[str, int]]:
    """Programs, and the tile of each."""
    numbers = triton.next_power_of_2(K)
    units = min(triton.next_power_of_2(D), max(1, NUMBERS // numbers))
    blocks = {"UNITS": units, "NUMBERS": numbers, "EVERY": EVERY}
    return (N, triton.cdiv(D, units)), blocks


@triton.jit
def _decay(power, NEGATIVE: tl.constexpr):
    return 2 * power - 1 if NEGATIVE else power


@triton.jit(do_not_specialize=["B", "T"])
def _forward(
    x_, delta_, A_, b_, c_, h_0, y_, h_T, states_,
    B, T, D, K,
    x_n, x_t, d_n, d_t, b_n, b_t, c_n, c_t,
    UNITS: tl.constexpr, NUMBERS: tl.constexpr, EVERY: tl.constexpr, NEGATIVE: tl.constexpr,
    RECORD: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    n = tl.program_id(0).to(tl.int64)
    d = tl.program_id(1) * UNITS + tl.arange(0, UNITS)[:, None]
    k = tl.arange(0, NUMBERS)[None, :]
    tile, inside = d * K + k, (d < D) & (k < K)
    A = tl.load(A_ + n // B * D * K + tile, inside, 0.0)
    h = tl.load(h_0 + n * D * K + tile, inside, 0.0)
    x_ += n * x_n + d
    delta_ += n * d_n + d
    b_ += n * b_n + k
    c_ += n * c_n + k
    y_ += n * T * D + d
    states_ += n * tl.cdiv(T, EVERY) * D * K + tile
    for t in tl.range(0, T, num_stages=STAGES):
        if RECORD:  # noqa: SIM102 - the one is known when compiled, the other is not
            if t % EVERY == 0:
                tl.store(states_ + t // EVERY * D * K, h, inside)
        x = tl.load(x_ + t * x_t, d < D, 0.0)
        delta = tl.load(delta_ + t * d_t, d < D, 0.0)
        b = tl.load(b_ + t * b_t, k < K, 0.0)
        c = tl.load(c_ + t * c_t, k < K, 0.0)
        h = _decay(tl.exp(delta * A), NEGATIVE) * h + delta * x * b
        tl.store(y_ + t * D, tl.sum(h * c, 1, keep_dims=True), d < D)
    tl.store(h_T + n * D * K + tile, h, inside)


@triton.jit(do_not_specialize=["B", "T"])
def _backward(
    x_, delta_, A_, b_, c_, states_, dy_, dx_, d_delta_, dA_, db_, dc_, dh_, scratch_,
    B, T, D, K,
    x_n, x_t, d_n, d_t, b_n, b_t, c_n, c_t, dy_n, dy_t,
    UNITS: tl.constexpr, NUMBERS: tl.constexpr, EVERY: tl.constexpr, NEGATIVE: tl.constexpr,
):  # fmt: skip
    """dh_ holds the gradient of the final state, then that of the initial one."""
    n, part = tl.program_id(0).to(tl.int64), tl.program_id(1)
    d = part * UNITS + tl.arange(0, UNITS)[:, None]
    k = tl.arange(0, NUMBERS)[None, :]
    tile, inside = d * K + k, (d < D) & (k < K)
    SIZE: tl.constexpr = UNITS * NUMBERS
    scratch_ += (n * tl.num_programs(1) + part) * EVERY * SIZE
    scratch_ += (d - part * UNITS) * NUMBERS + k
    shared = (part * tl.num_programs(0) + n) * T * K + k  # of db and dc
    A = tl.load(A_ + n // B * D * K + tile, inside, 0.0)
    g = tl.load(dh_ + n * D * K + tile, inside, 0.0)
    dA = tl.zeros_like(A)
    x_ += n * x_n + d
    delta_ += n * d_n + d
    b_ += n * b_n + k
    c_ += n * c_n + k
    dy_ += n * dy_n + d
    dx_ += n * T * D + d
    d_delta_ += n * T * D + d
    states_ += n * tl.cdiv(T, EVERY) * D * K + tile

    chunks = tl.cdiv(T, EVERY)
    for back in range(chunks):
        first = (chunks - 1 - back) * EVERY
        steps = tl.minimum(T - first, EVERY)
        h = tl.load(states_ + first // EVERY * D * K, inside, 0.0)
        for step in range(steps):
            t = first + step
            x = tl.load(x_ + t * x_t, d < D, 0.0)
            delta = tl.load(delta_ + t * d_t, d < D, 0.0)
            b = tl.load(b_ + t * b_t, k < K, 0.0)
            tl.store(scratch_ + step * SIZE, h)
            h = _decay(tl.exp(delta * A), NEGATIVE) * h + delta * x * b
        tl.debug_barrier()
        for after in range(steps):
            step = steps - 1 - after
            t = first + step
            x = tl.load(x_ + t * x_t, d < D, 0.0)
            delta = tl.load(delta_ + t * d_t, d < D, 0.0)
            b = tl.load(b_ + t * b_t, k < K, 0.0)
            c = tl.load(c_ + t * c_t, k < K, 0.0)
            dy = tl.load(dy_ + t * dy_t, d < D, 0.0)
            before = tl.load(scratch_ + step * SIZE)
            power = tl.exp(delta * A)
            decay = _decay(power, NEGATIVE)
            h = decay * before + delta * x * b
            g += dy * c
            tl.store(dc_ + shared + t * K, tl.sum(dy * h, 0, keep_dims=True), k < K)
            tl.store(db_ + shared + t * K, tl.sum(g * delta * x, 0, keep_dims=True), k < K)
            both = tl.sum(g * b, 1, keep_dims=True)
            change = g * before * power
            if NEGATIVE:
                change *= 2
            tl.store(dx_ + t * D, delta * both, d < D)
            tl.store(d_delta_ + t * D, x * both + tl.sum(change * A, 1, keep_dims=True), d < D)
            dA += change * delta
            g *= decay
        tl.debug_barrier()  # the next chunk writes where this one has read
    tl.store(dA_ + n * D * K + tile, dA, inside)
    tl.store(dh_ + n * D * K + tile, g, inside)
