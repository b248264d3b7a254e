"""The generalised delta rule on the GPU: a loop over time per sequence, head and slice of state.

A step:   r = a S,   S ← w ∘ S + b ⊗ r + k ⊗ v,   y = q S

Back through it, with G the gradient of S after the step and S' the state before it:
    G  ← G + q ⊗ dy,   dq = S dy
    dv = k G,   dk = G v,   dr = b G,   db = G r,   da = S' dr,   dw = row sums of G ∘ S'
    G  ← w ∘ G + a ⊗ dr

The columns of the state (values) do not meet in y, r, dv and dr; once r and dr are known, its rows
(keys) do not meet in the other gradients. So each kernel cuts the state along the dimension that it
does not sum over. dw needs G and S' of the same step, and S' cannot be had from S where w is small:
the forward pass keeps the state before every EVERY steps, and the backward pass recomputes those
between, a segment at a time, into memory of its own.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import records
from fwp.kernels.triton_tiles import offsets_of, read, rows_of, slices, start_of


def generalised_delta_rule(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, a: Tensor, b: Tensor, S: Tensor
) -> tuple[Tensor, Tensor]:
    """As `fwp.ops.generalised_delta_rule`; there are no weights, so a pack is a batch."""
    inputs = (q, k, v, w, a, b, S)
    return _GeneralisedDeltaRule.apply(records(inputs), *inputs)


class _GeneralisedDeltaRule(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, *inputs):
        *sequences, S_0 = inputs
        sequences, S_0 = [x.contiguous() for x in sequences], S_0.contiguous()
        q, _, v, *_ = sequences
        (B, T, H, K), V = q.shape, v.shape[-1]
        y, S_T = torch.empty_like(v), torch.empty_like(S_0)
        every = max(8, K // 2)
        r = torch.empty_like(v) if record else None
        states = q.new_empty(triton.cdiv(T, every), *S_0.shape) if record else None
        parts, blocks = slices(K, V, B * H)
        _forward[B * H, parts](
            *sequences, S_0, y, r, states, S_T,
            T, H, K, V, B * H * K * V, every, V, 1,
            **blocks,
        )  # fmt: skip
        if record:
            ctx.every = every
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(*sequences, r, states)
        return y, S_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dS_T):
        *sequences, r, states = ctx.saved_tensors
        q, k, v, w, a, b = sequences
        (B, T, H, K), V = q.shape, v.shape[-1]
        dy = torch.zeros_like(v) if dy is None else dy.contiguous()
        dS_T = None if dS_T is None else dS_T.contiguous()
        dq, dk, dw, da, db = (torch.empty_like(q) for _ in range(5))
        dv, dr = torch.empty_like(v), torch.empty_like(v)
        dS_0 = torch.empty_like(states[0]) if ctx.needs_input_grad[-1] else None
        parts, blocks = slices(K, V, B * H)
        _backward_values[B * H, parts](
            q, k, w, a, b, dy, dS_T, dv, dr, dS_0,
            T, H, K, V, V, 1,
            **blocks,
        )  # fmt: skip
        every, size = min(ctx.every, T), B * H * K * V
        between = q.new_empty(every, B, H, K, V)
        parts, blocks = slices(V, K, B * H)
        _backward_keys[B * H, parts](
            q, k, v, w, a, b, r, dy, dr, dS_T, states, between, dq, dk, dw, da, db,
            T, H, K, V, size, len(states), ctx.every, 1, V,
            **blocks,
        )  # fmt: skip
        return None, dq, dk, dv, dw, da, db, dS_0


@triton.jit(do_not_specialize=["row_stride", "column_stride"])
def _forward(
    q_, k_, v_, w_, a_, b_, S_0, y_, r_, states_, S_T,
    T, H, K, V, size, every, row_stride, column_stride,
    LOW: tl.constexpr, HIGH: tl.constexpr, COLUMNS: tl.constexpr,
    UNROLL: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    n = tl.program_id(0).to(tl.int64)
    i, j = rows_of(LOW, HIGH), tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    tile = n * K * V + offsets_of(i, j, row_stride, column_stride)
    inside = (i < K)[:, :, None] & (j < V)
    first = n // H * T * H + n % H

    S = start_of(S_0, tile, inside, k_.dtype.element_ty)
    for t in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        key, value = (first + t * H) * K + i, (first + t * H) * V + j
        q = tl.load(q_ + key, i < K, 0.0)
        k = tl.load(k_ + key, i < K, 0.0)
        w = tl.load(w_ + key, i < K, 0.0)
        a = tl.load(a_ + key, i < K, 0.0)
        b = tl.load(b_ + key, i < K, 0.0)
        v = tl.load(v_ + value, j < V, 0.0)
        if states_ is not None:
            kept = tl.cast(t // every, tl.int64) * size + tile
            tl.store(states_ + kept, S, inside & (t % every == 0))
        r = read(a, S)
        S = w[:, :, None] * S + b[:, :, None] * r + k[:, :, None] * v
        tl.store(y_ + value, read(q, S), j < V)
        if r_ is not None:
            tl.store(r_ + value, r, j < V)
    tl.store(S_T + tile, S, inside)


@triton.jit(do_not_specialize=["row_stride", "column_stride"])
def _backward_values(
    q_, k_, w_, a_, b_, dy_, dS_T, dv_, dr_, dS_0,
    T, H, K, V, row_stride, column_stride,
    LOW: tl.constexpr, HIGH: tl.constexpr, COLUMNS: tl.constexpr,
    UNROLL: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    n = tl.program_id(0).to(tl.int64)
    i, j = rows_of(LOW, HIGH), tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    tile = n * K * V + offsets_of(i, j, row_stride, column_stride)
    inside = (i < K)[:, :, None] & (j < V)
    first = n // H * T * H + n % H

    G = start_of(dS_T, tile, inside, q_.dtype.element_ty)
    for back in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        t = T - 1 - back
        key, value = (first + t * H) * K + i, (first + t * H) * V + j
        q = tl.load(q_ + key, i < K, 0.0)
        k = tl.load(k_ + key, i < K, 0.0)
        w = tl.load(w_ + key, i < K, 0.0)
        a = tl.load(a_ + key, i < K, 0.0)
        b = tl.load(b_ + key, i < K, 0.0)
        dy = tl.load(dy_ + value, j < V, 0.0)
        G += q[:, :, None] * dy
        dr = read(b, G)
        tl.store(dv_ + value, read(k, G), j < V)
        tl.store(dr_ + value, dr, j < V)
        G = w[:, :, None] * G + a[:, :, None] * dr
    if dS_0 is not None:
        tl.store(dS_0 + tile, G, inside)


@triton.jit(do_not_specialize=["row_stride", "column_stride"])
def _backward_keys(
    q_, k_, v_, w_, a_, b_, r_, dy_, dr_, dS_T, states_, between_, dq_, dk_, dw_, da_, db_,
    T, H, K, V, size, segments, every, row_stride, column_stride,
    LOW: tl.constexpr, HIGH: tl.constexpr, COLUMNS: tl.constexpr,
    UNROLL: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """The state transposed: its rows are values, its columns keys."""
    n = tl.program_id(0).to(tl.int64)
    i, j = rows_of(LOW, HIGH), tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    tile = n * K * V + offsets_of(i, j, row_stride, column_stride)
    inside = (i < V)[:, :, None] & (j < K)
    first = n // H * T * H + n % H

    G = start_of(dS_T, tile, inside, q_.dtype.element_ty)
    for segment in range(segments):
        left = segments - 1 - segment
        start = left * every
        steps = tl.minimum(every, T - start)
        S = tl.load(states_ + tl.cast(left, tl.int64) * size + tile, inside, 0.0)
        for s in tl.range(0, steps, num_stages=STAGES, loop_unroll_factor=UNROLL):
            key, value = (first + (start + s) * H) * K + j, (first + (start + s) * H) * V + i
            tl.store(between_ + tl.cast(s, tl.int64) * size + tile, S, inside)
            k = tl.load(k_ + key, j < K, 0.0)
            w = tl.load(w_ + key, j < K, 0.0)
            b = tl.load(b_ + key, j < K, 0.0)
            v = tl.load(v_ + value, i < V, 0.0)
            r = tl.load(r_ + value, i < V, 0.0)
            dy = tl.load(dy_ + value, i < V, 0.0)
            S = S * w + r[:, :, None] * b + v[:, :, None] * k
            tl.store(dq_ + key, read(dy, S), j < K)
        tl.debug_barrier()  # what is kept for a moment may be read by other threads
        for back in tl.range(0, steps, num_stages=STAGES, loop_unroll_factor=UNROLL):
            s = steps - 1 - back
            key, value = (first + (start + s) * H) * K + j, (first + (start + s) * H) * V + i
            S = tl.load(between_ + tl.cast(s, tl.int64) * size + tile, inside, 0.0)
            q = tl.load(q_ + key, j < K, 0.0)
            w = tl.load(w_ + key, j < K, 0.0)
            a = tl.load(a_ + key, j < K, 0.0)
            v = tl.load(v_ + value, i < V, 0.0)
            r = tl.load(r_ + value, i < V, 0.0)
            dy = tl.load(dy_ + value, i < V, 0.0)
            dr = tl.load(dr_ + value, i < V, 0.0)
            G += dy[:, :, None] * q
            tl.store(dk_ + key, read(v, G), j < K)
            tl.store(db_ + key, read(r, G), j < K)
            tl.store(da_ + key, read(dr, S), j < K)
            tl.store(dw_ + key, tl.sum(tl.sum(G * S, 0), 0), j < K)
            G = G * w + dr[:, :, None] * a
        tl.debug_barrier()
