"""The delta rule on the GPU: a loop over time per sequence, head and slice of the state.

A step:   e = v − k S,   S ← S + k ⊗ β e,   y = q S

Back through it, with G the gradient of S after the step:
    G ← G + q ⊗ dy
    dv = β (k G),   dβ = (k G) · e,   dk = G (β e) − S' dv,   dq = S dy    (S' before the step)
    G ← G − k ⊗ dv

The columns of the state (values) do not meet in the forward pass, nor in the sweep that yields dv;
its rows (keys) do not meet in the sweeps that yield dk and dq once dv is known. So each kernel
cuts the state along the dimension that it does not sum over. Kept are q, k, β and e, no state: the
backward pass replays it from S_0.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import contiguous_end, records
from fwp.kernels.triton_tiles import offsets_of, read, rows_of, slices, start_of
from fwp.nn.elu_plus_one import mapped
from fwp.ops.delta_rule import gated


def delta_rule(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor, S: Tensor, *, feature_map: str, gate: str
) -> tuple[Tensor, Tensor]:
    """As `fwp.ops.delta_rule.delta_rule`; there are no weights, so a pack is a batch."""
    q, k, beta = mapped(q, feature_map), mapped(k, feature_map), gated(beta, gate)
    inputs = (q, k, v, beta, S)
    return _DeltaRule.apply(records(inputs), *inputs)


class _DeltaRule(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, q, k, v, beta, S_0):
        (B, T, H, K), V = q.shape, v.shape[-1]
        q, k, v, S_0 = *map(contiguous_end, (q, k, v)), S_0.contiguous()
        y, S_T = q.new_empty(B, T, H, V), torch.empty_like(S_0)
        e = torch.empty_like(y) if record else None
        parts, blocks = slices(K, V, B * H)
        _forward[B * H, parts](
            q, k, v, beta, S_0, y, e, S_T,
            T, H, K, V, V, 1,
            *q.stride()[:3], *k.stride()[:3], *v.stride()[:3], *beta.stride(),
            **blocks,
        )  # fmt: skip
        if record:
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(q, k, beta, e, S_0)
        return y, S_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dS_T):
        q, k, beta, e, S_0 = ctx.saved_tensors
        (B, T, H, K), V = q.shape, e.shape[-1]
        dy = torch.zeros_like(e) if dy is None else contiguous_end(dy)
        dS_T = None if dS_T is None else dS_T.contiguous()
        dq, dk = (q.new_empty(B, T, H, K) for _ in range(2))
        dv, dS_0 = torch.empty_like(e), torch.empty_like(S_0) if ctx.needs_input_grad[-1] else None
        strides = (*q.stride()[:3], *k.stride()[:3], *beta.stride(), *dy.stride()[:3])

        parts, blocks = slices(K, V, B * H)
        dbeta = q.new_empty(parts, B, T, H)
        _backward_values[B * H, parts](
            q, k, beta, e, dy, dS_T, dv, dbeta, dS_0,
            B, T, H, K, V, V, 1,
            *strides,
            **blocks,
        )  # fmt: skip
        parts, blocks = slices(V, K, B * H)
        _backward_keys[B * H, parts](
            q, k, beta, e, dy, dv, dS_T, S_0, dq, dk,
            T, H, K, V, 1, V,
            *strides,
            **blocks,
        )  # fmt: skip
        dbeta = dbeta.sum(0) if len(dbeta) > 1 else dbeta[0]
        return None, dq, dk, dv, dbeta, dS_0


@triton.jit(do_not_specialize=["row_stride", "column_stride"])
def _forward(
    q_, k_, v_, beta_, S_0, y_, e_, S_T,
    T, H, K, V, row_stride, column_stride,
    q_b, q_t, q_h, k_b, k_t, k_h, v_b, v_t, v_h, beta_b, beta_t, beta_h,
    LOW: tl.constexpr, HIGH: tl.constexpr, COLUMNS: tl.constexpr,
    UNROLL: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    n = tl.program_id(0).to(tl.int64)
    b, h = n // H, n % H
    i, j = rows_of(LOW, HIGH), tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    tile = n * K * V + offsets_of(i, j, row_stride, column_stride)
    inside = (i < K)[:, :, None] & (j < V)
    q_ += b * q_b + h * q_h + i
    k_ += b * k_b + h * k_h + i
    v_ += b * v_b + h * v_h + j
    beta_ += b * beta_b + h * beta_h
    out = (b * T * H + h) * V + j

    S = start_of(S_0, tile, inside, k_.dtype.element_ty)
    for t in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        q = tl.load(q_ + t * q_t, i < K, 0.0)
        k = tl.load(k_ + t * k_t, i < K, 0.0)
        v = tl.load(v_ + t * v_t, j < V, 0.0)
        beta = tl.load(beta_ + t * beta_t)
        e = v - read(k, S)
        S += k[:, :, None] * (beta * e)
        tl.store(y_ + out + t * H * V, read(q, S), j < V)
        if e_ is not None:
            tl.store(e_ + out + t * H * V, e, j < V)
    tl.store(S_T + tile, S, inside)


@triton.jit(do_not_specialize=["row_stride", "column_stride"])
def _backward_values(
    q_, k_, beta_, e_, dy_, dS_T, dv_, dbeta_, dS_0,
    B, T, H, K, V, row_stride, column_stride,
    q_b, q_t, q_h, k_b, k_t, k_h, beta_b, beta_t, beta_h, dy_b, dy_t, dy_h,
    LOW: tl.constexpr, HIGH: tl.constexpr, COLUMNS: tl.constexpr,
    UNROLL: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    n = tl.program_id(0).to(tl.int64)
    b, h = n // H, n % H
    i, j = rows_of(LOW, HIGH), tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    tile = n * K * V + offsets_of(i, j, row_stride, column_stride)
    inside = (i < K)[:, :, None] & (j < V)
    q_ += b * q_b + h * q_h + i
    k_ += b * k_b + h * k_h + i
    beta_ += b * beta_b + h * beta_h
    dy_ += b * dy_b + h * dy_h + j
    first = b * T * H + h
    dbeta_ += tl.program_id(1).to(tl.int64) * B * T * H

    G = start_of(dS_T, tile, inside, q_.dtype.element_ty)
    for back in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        t = T - 1 - back
        step = first + t * H
        q = tl.load(q_ + t * q_t, i < K, 0.0)
        k = tl.load(k_ + t * k_t, i < K, 0.0)
        dy = tl.load(dy_ + t * dy_t, j < V, 0.0)
        e = tl.load(e_ + step * V + j, j < V, 0.0)
        beta = tl.load(beta_ + t * beta_t)
        G += q[:, :, None] * dy
        d = read(k, G)
        dv = beta * d
        G -= k[:, :, None] * dv
        tl.store(dv_ + step * V + j, dv, j < V)
        tl.store(dbeta_ + step, tl.sum(d * e, 0))
    if dS_0 is not None:
        tl.store(dS_0 + tile, G, inside)


@triton.jit(do_not_specialize=["row_stride", "column_stride"])
def _backward_keys(
    q_, k_, beta_, e_, dy_, dv_, dS_T, S_0, dq_, dk_,
    T, H, K, V, row_stride, column_stride,
    q_b, q_t, q_h, k_b, k_t, k_h, beta_b, beta_t, beta_h, dy_b, dy_t, dy_h,
    LOW: tl.constexpr, HIGH: tl.constexpr, COLUMNS: tl.constexpr,
    UNROLL: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """The state transposed: its rows are values, its columns keys."""
    n = tl.program_id(0).to(tl.int64)
    b, h = n // H, n % H
    i, j = rows_of(LOW, HIGH), tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    tile = n * K * V + offsets_of(i, j, row_stride, column_stride)
    inside = (i < V)[:, :, None] & (j < K)
    q_ += b * q_b + h * q_h + j
    k_ += b * k_b + h * k_h + j
    beta_ += b * beta_b + h * beta_h
    dy_ += b * dy_b + h * dy_h + i
    first = b * T * H + h

    G = start_of(dS_T, tile, inside, q_.dtype.element_ty)
    for back in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        t = T - 1 - back
        step = first + t * H
        q = tl.load(q_ + t * q_t, j < K, 0.0)
        k = tl.load(k_ + t * k_t, j < K, 0.0)
        dy = tl.load(dy_ + t * dy_t, i < V, 0.0)
        e = tl.load(e_ + step * V + i, i < V, 0.0)
        dv = tl.load(dv_ + step * V + i, i < V, 0.0)
        beta = tl.load(beta_ + t * beta_t)
        G += dy[:, :, None] * q
        tl.store(dk_ + step * K + j, beta * read(e, G), j < K)
        G -= dv[:, :, None] * k

    tl.debug_barrier()  # what the loop above wrote is read by other threads below
    S = start_of(S_0, tile, inside, k_.dtype.element_ty)
    for t in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        step = first + t * H
        k = tl.load(k_ + t * k_t, j < K, 0.0)
        dy = tl.load(dy_ + t * dy_t, i < V, 0.0)
        e = tl.load(e_ + step * V + i, i < V, 0.0)
        dv = tl.load(dv_ + step * V + i, i < V, 0.0)
        beta = tl.load(beta_ + t * beta_t)
        dk = tl.load(dk_ + step * K + j, j < K, 0.0)
        tl.store(dk_ + step * K + j, dk - read(dv, S), j < K)
        S += e[:, :, None] * (beta * k)
        tl.store(dq_ + step * K + j, read(dy, S), j < K)
