"""The delta rule on the GPU: a loop over time per sequence, head and slice of the state.

A step:   e = v − k S,   S ← S + k ⊗ β e,   y = q S

Back through it, with G the gradient of S after the step:
    G ← G + q ⊗ dy
    dv = β (k G),   dβ = (k G) · e,   dk = G (β e) − S' dv,   dq = S dy    (S' before the step)
    G ← G − k ⊗ dv

The columns of the state (values) do not meet in the forward pass, nor in the sweep that yields dv;
its rows (keys) do not meet in the sweeps that yield dk and dq once dv is known. So each kernel
cuts the state along the dimension that it does not sum over. Kept are q, k (or their features), β
and e, no state: the backward pass replays it from S_0.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import contiguous_end, gradients_like, records
from fwp.kernels.triton_features import (
    MAPS,
    features_of,
    finish,
    map_steps,
    steps_of,
    unmap,
)
from fwp.kernels.triton_tiles import (
    WHOLE,
    offsets_of,
    read,
    rows_of,
    sigmoid,
    slices,
    start_of,
)

SIZES = ["B", "T", "H", "row_stride", "column_stride"]
GATES = {"none": 0, "sigmoid": 1, "twice_sigmoid": 2}  # β is that many times the logistic function


def delta_rule(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor, S: Tensor, *, feature_map: str, gate: str
) -> tuple[Tensor, Tensor]:
    """As `fwp.ops.delta_rule.delta_rule`; there are no weights, so a pack is a batch."""
    inputs = (q, k, v, beta, S)
    return _DeltaRule.apply(records(inputs), feature_map, gate, *inputs)


class _DeltaRule(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, feature_map, gate, q, k, v, beta, S_0):
        (B, T, H, K), V = q.shape, v.shape[-1]
        q, k, v, S_0 = *map(contiguous_end, (q, k, v)), S_0.contiguous()
        y, S_T = q.new_empty(B, T, H, V), torch.empty_like(S_0)
        e = torch.empty_like(y) if record else None
        features, scales = features_of(q, feature_map)
        parts, blocks = slices(K, V, B * H)
        _forward[B * H, parts](
            q, k, v, beta, S_0, features, scales, y, e, S_T,
            B, T, H, K, V, 0 if features is None else features.shape[-1], V, 1,
            *q.stride()[:3], *k.stride()[:3], *v.stride()[:3], *beta.stride(),
            MAP=MAPS[feature_map], GATE=GATES[gate],
            **blocks,
        )  # fmt: skip
        if record:
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(q, k, v, beta, e, S_0, features, scales)
            ctx.feature_map, ctx.gate = feature_map, gate
        return y, S_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dS_T):
        q, k, v, beta, e, S_0, features, scales = ctx.saved_tensors
        (B, T, H, K), V = q.shape, e.shape[-1]
        dy = torch.zeros_like(e) if dy is None else contiguous_end(dy)
        dS_T = None if dS_T is None else dS_T.contiguous()
        dq, dk, dv, dbeta = gradients_like((q, k, v, beta))
        dS_0 = torch.empty_like(S_0) if ctx.needs_input_grad[-1] else None
        q, k, width = steps_of(features, q, k)
        steps = (*q.stride()[:3], *k.stride()[:3], *beta.stride(), *dy.stride()[:3])
        # What the second kernel reads again lies close together, whatever lies between gradients.
        close = dv if dv.is_contiguous() else torch.empty_like(e)

        parts, blocks = slices(K, V, B * H, WHOLE)
        sums = dbeta if parts == 1 else q.new_empty(parts, B, T, H)
        _backward_values[B * H, parts](
            q, k, beta, e, dy, dS_T, close, None if dv is close else dv, sums, dS_0,
            T, H, K, V, width, V, 1,
            *steps, *dv.stride()[:3], sums.stride(0) if parts > 1 else 0, *sums.stride()[-3:],
            MAP=MAPS[ctx.feature_map], GATE=GATES[ctx.gate],
            **blocks,
        )  # fmt: skip
        if parts > 1:
            torch.sum(sums, 0, out=dbeta)
        parts, blocks = slices(V, K, B * H)
        whole = parts == 1 or ctx.feature_map != "elu_sum"
        _backward_keys[B * H, parts](
            q, k, beta, e, dy, close, dS_T, S_0, scales, dq, dk,
            B, T, H, K, V, 1, V,
            *steps, *dq.stride()[:3], *dk.stride()[:3],
            MAP=MAPS[ctx.feature_map], GATE=GATES[ctx.gate], UNMAP=whole and features is not None,
            **blocks,
        )  # fmt: skip
        if not whole:
            finish(features, scales, dq, dk, ctx.feature_map)
        return None, None, None, dq, dk, dv, dbeta, dS_0


@triton.jit
def _strength(beta, GATE: tl.constexpr):
    """β of what is given, and its slope."""
    slope = 1.0
    if GATE > 0:
        share = sigmoid(beta)
        beta = GATE * share
        slope = beta * (1 - share)
    return beta, slope


@triton.jit(do_not_specialize=SIZES)
def _forward(
    q_, k_, v_, beta_, S_0, features, scales, y_, e_, S_T,
    B, T, H, K, V, width, row_stride, column_stride,
    q_b, q_t, q_h, k_b, k_t, k_h, v_b, v_t, v_h, beta_b, beta_t, beta_h,
    MAP: tl.constexpr, GATE: tl.constexpr,
    LOW: tl.constexpr, HIGH: tl.constexpr, COLUMNS: tl.constexpr,
    UNROLL: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    n = tl.program_id(0).to(tl.int64)
    b, h = n // H, n % H
    i, j = rows_of(LOW, HIGH), tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    tile = n * K * V + offsets_of(i, j, row_stride, column_stride)
    inside = (i < K)[:, :, None] & (j < V)
    q_ += b * q_b + h * q_h
    k_ += b * k_b + h * k_h
    if MAP > 0:
        map_steps(q_, q_t, k_, k_t, features, scales, n, B, T, H, K, width, LOW * HIGH, MAP)
        tl.debug_barrier()  # what is written here is read by other threads below
        width = tl.multiple_of(width, 8)
        q_, q_t = features + n * T * width, width
        k_, k_t = features + (B * H + n) * T * width, width
        given = i < width
    else:
        given = i < K
    q_ += i
    k_ += i
    v_ += b * v_b + h * v_h + j
    beta_ += b * beta_b + h * beta_h
    out = (b * T * H + h) * V + j

    S = start_of(S_0, tile, inside, k_.dtype.element_ty)
    for t in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        q = tl.load(q_ + t * q_t, given, 0.0)
        k = tl.load(k_ + t * k_t, given, 0.0)
        v = tl.load(v_ + t * v_t, j < V, 0.0)
        beta, _ = _strength(tl.load(beta_ + t * beta_t), GATE)
        e = v - read(k, S)
        S += k[:, :, None] * (beta * e)
        tl.store(y_ + out + t * H * V, read(q, S), j < V)
        if e_ is not None:
            tl.store(e_ + out + t * H * V, e, j < V)
    tl.store(S_T + tile, S, inside)


@triton.jit(do_not_specialize=SIZES)
def _backward_values(
    q_, k_, beta_, e_, dy_, dS_T, close_, dv_, dbeta_, dS_0,
    T, H, K, V, width, row_stride, column_stride,
    q_b, q_t, q_h, k_b, k_t, k_h, beta_b, beta_t, beta_h, dy_b, dy_t, dy_h, dv_b, dv_t, dv_h,
    dbeta_part, dbeta_b, dbeta_t, dbeta_h,
    MAP: tl.constexpr, GATE: tl.constexpr,
    LOW: tl.constexpr, HIGH: tl.constexpr, COLUMNS: tl.constexpr,
    UNROLL: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    n = tl.program_id(0).to(tl.int64)
    b, h = n // H, n % H
    i, j = rows_of(LOW, HIGH), tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    tile = n * K * V + offsets_of(i, j, row_stride, column_stride)
    inside = (i < K)[:, :, None] & (j < V)
    given = i < (tl.multiple_of(width, 8) if MAP > 0 else K)
    q_ += b * q_b + h * q_h + i
    k_ += b * k_b + h * k_h + i
    beta_ += b * beta_b + h * beta_h
    dy_ += b * dy_b + h * dy_h + j
    close_ += (b * T * H + h) * V + j
    if dv_ is not None:
        dv_ += b * dv_b + h * dv_h + j
    dbeta_ += tl.program_id(1).to(tl.int64) * dbeta_part + b * dbeta_b + h * dbeta_h
    e_ += (b * T * H + h) * V + j

    G = start_of(dS_T, tile, inside, q_.dtype.element_ty)
    for back in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        t = T - 1 - back
        q = tl.load(q_ + t * q_t, given, 0.0)
        k = tl.load(k_ + t * k_t, given, 0.0)
        dy = tl.load(dy_ + t * dy_t, j < V, 0.0)
        e = tl.load(e_ + t * H * V, j < V, 0.0)
        beta, slope = _strength(tl.load(beta_ + t * beta_t), GATE)
        G += q[:, :, None] * dy
        d = read(k, G)
        dv = beta * d
        G -= k[:, :, None] * dv
        tl.store(close_ + t * H * V, dv, j < V)
        if dv_ is not None:
            tl.store(dv_ + t * dv_t, dv, j < V)
        tl.store(dbeta_ + t * dbeta_t, tl.sum(d * e, 0) * slope)
    if dS_0 is not None:
        tl.store(dS_0 + tile, G, inside)


@triton.jit(do_not_specialize=SIZES)
def _backward_keys(
    q_, k_, beta_, e_, dy_, dv_, dS_T, S_0, scales, dq_, dk_,
    B, T, H, K, V, row_stride, column_stride,
    q_b, q_t, q_h, k_b, k_t, k_h, beta_b, beta_t, beta_h, dy_b, dy_t, dy_h,
    dq_b, dq_t, dq_h, dk_b, dk_t, dk_h,
    MAP: tl.constexpr, GATE: tl.constexpr, UNMAP: tl.constexpr,
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
    dv_ += (b * T * H + h) * V + i
    dq_ += b * dq_b + h * dq_h
    dk_ += b * dk_b + h * dk_h
    if MAP == 2:
        scales += n * T
    e_ += (b * T * H + h) * V + i

    G = start_of(dS_T, tile, inside, q_.dtype.element_ty)
    for back in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        t = T - 1 - back
        q = tl.load(q_ + t * q_t, j < K, 0.0)
        k = tl.load(k_ + t * k_t, j < K, 0.0)
        dy = tl.load(dy_ + t * dy_t, i < V, 0.0)
        e = tl.load(e_ + t * H * V, i < V, 0.0)
        dv = tl.load(dv_ + t * H * V, i < V, 0.0)
        beta, _ = _strength(tl.load(beta_ + t * beta_t), GATE)
        G += dy[:, :, None] * q
        tl.store(dk_ + t * dk_t + j, beta * read(e, G), j < K)
        G -= dv[:, :, None] * k

    tl.debug_barrier()  # what the loop above wrote is read by other threads below
    S = start_of(S_0, tile, inside, k_.dtype.element_ty)
    for t in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        k = tl.load(k_ + t * k_t, j < K, 0.0)
        dy = tl.load(dy_ + t * dy_t, i < V, 0.0)
        e = tl.load(e_ + t * H * V, i < V, 0.0)
        dv = tl.load(dv_ + t * H * V, i < V, 0.0)
        beta, _ = _strength(tl.load(beta_ + t * beta_t), GATE)
        dk = tl.load(dk_ + t * dk_t + j, j < K, 0.0)
        dk -= read(dv, S)
        S += e[:, :, None] * (beta * k)
        dq = read(dy, S)
        if UNMAP:
            q = tl.load(q_ + t * q_t, j < K, 0.0)
            dk = unmap(dk, k, tl.load(scales + B * H * T + t) if MAP == 2 else 1.0, MAP)
            dq = unmap(dq, q, tl.load(scales + t) if MAP == 2 else 1.0, MAP)
        tl.store(dk_ + t * dk_t + j, dk, j < K)
        tl.store(dq_ + t * dq_t + j, dq, j < K)
