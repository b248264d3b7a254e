"""Linear attention on the GPU: a loop over time per sequence, head and slice of the state.

A step:   S ← S + k ⊗ v,   y = q S

Back through it, with G the gradient of S after the step:
    G ← G + q ⊗ dy,   dv = k G,   dk = G v,   dq = S dy

The columns of the state (values) do not meet in y and dv, its rows (keys) not in dk and dq: each
kernel cuts the state along the dimension that it does not sum over. Kept are the inputs and the
features of q and k, no state: the backward pass replays it from S_0.
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
from fwp.kernels.triton_tiles import offsets_of, read, rows_of, slices, start_of

SIZES = ["B", "T", "H", "row_stride", "column_stride"]  # numbers that do not choose the code


def linear_attention(
    q: Tensor, k: Tensor, v: Tensor, S: Tensor, *, feature_map: str
) -> tuple[Tensor, Tensor]:
    """As `fwp.ops.linear_attention.linear_attention`; without weights, a pack is a batch."""
    inputs = (q, k, v, S)
    return _LinearAttention.apply(records(inputs), feature_map, *inputs)


class _LinearAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, feature_map, q, k, v, S_0):
        (B, T, H, K), V = q.shape, v.shape[-1]
        q, k, v, S_0 = *map(contiguous_end, (q, k, v)), S_0.contiguous()
        y, S_T = q.new_empty(B, T, H, V), torch.empty_like(S_0)
        features, scales = features_of(q, feature_map)
        parts, blocks = slices(K, V, B * H)
        _forward[B * H, parts](
            q, k, v, S_0, features, scales, y, S_T,
            B, T, H, K, V, 0 if features is None else features.shape[-1], V, 1,
            *q.stride()[:3], *k.stride()[:3], *v.stride()[:3],
            MAP=MAPS[feature_map],
            **blocks,
        )  # fmt: skip
        if record:
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(q, k, v, S_0, features, scales)
            ctx.feature_map = feature_map
        return y, S_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dS_T):
        q, k, v, S_0, features, scales = ctx.saved_tensors
        (B, T, H, K), V = q.shape, v.shape[-1]
        dy = v.new_zeros(v.shape) if dy is None else contiguous_end(dy)
        dS_T = None if dS_T is None else dS_T.contiguous()
        dq, dk, dv = gradients_like((q, k, v))
        dS_0 = torch.empty_like(S_0) if ctx.needs_input_grad[-1] else None
        q, k, width = steps_of(features, q, k)
        steps = (*q.stride()[:3], *k.stride()[:3], *dy.stride()[:3])
        parts, blocks = slices(K, V, B * H)
        _backward_values[B * H, parts](
            q, k, dy, dS_T, dv, dS_0,
            T, H, K, V, width, V, 1,
            *steps, *dv.stride()[:3],
            MAP=MAPS[ctx.feature_map],
            **blocks,
        )  # fmt: skip
        parts, blocks = slices(V, K, B * H)
        whole = parts == 1 or ctx.feature_map != "elu_sum"
        _backward_keys[B * H, parts](
            q, k, v, dy, dS_T, S_0, scales, dq, dk,
            B, T, H, K, V, 1, V,
            *steps, *v.stride()[:3], *dq.stride()[:3], *dk.stride()[:3],
            MAP=MAPS[ctx.feature_map], UNMAP=whole and features is not None,
            **blocks,
        )  # fmt: skip
        if not whole:
            finish(features, scales, dq, dk, ctx.feature_map)
        return None, None, dq, dk, dv, dS_0


@triton.jit(do_not_specialize=SIZES)
def _forward(
    q_, k_, v_, S_0, features, scales, y_, S_T,
    B, T, H, K, V, width, row_stride, column_stride,
    q_b, q_t, q_h, k_b, k_t, k_h, v_b, v_t, v_h,
    MAP: tl.constexpr,
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
    y_ += (b * T * H + h) * V + j

    S = start_of(S_0, tile, inside, k_.dtype.element_ty)
    for t in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        q = tl.load(q_ + t * q_t, given, 0.0)
        k = tl.load(k_ + t * k_t, given, 0.0)
        v = tl.load(v_ + t * v_t, j < V, 0.0)
        S += k[:, :, None] * v
        tl.store(y_ + t * H * V, read(q, S), j < V)
    tl.store(S_T + tile, S, inside)


@triton.jit(do_not_specialize=SIZES)
def _backward_values(
    q_, k_, dy_, dS_T, dv_, dS_0,
    T, H, K, V, width, row_stride, column_stride,
    q_b, q_t, q_h, k_b, k_t, k_h, dy_b, dy_t, dy_h, dv_b, dv_t, dv_h,
    MAP: tl.constexpr,
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
    dy_ += b * dy_b + h * dy_h + j
    dv_ += b * dv_b + h * dv_h + j

    G = start_of(dS_T, tile, inside, q_.dtype.element_ty)
    for back in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        t = T - 1 - back
        q = tl.load(q_ + t * q_t, given, 0.0)
        k = tl.load(k_ + t * k_t, given, 0.0)
        dy = tl.load(dy_ + t * dy_t, j < V, 0.0)
        G += q[:, :, None] * dy
        tl.store(dv_ + t * dv_t, read(k, G), j < V)
    if dS_0 is not None:
        tl.store(dS_0 + tile, G, inside)


@triton.jit(do_not_specialize=SIZES)
def _backward_keys(
    q_, k_, v_, dy_, dS_T, S_0, scales, dq_, dk_,
    B, T, H, K, V, row_stride, column_stride,
    q_b, q_t, q_h, k_b, k_t, k_h, dy_b, dy_t, dy_h, v_b, v_t, v_h,
    dq_b, dq_t, dq_h, dk_b, dk_t, dk_h,
    MAP: tl.constexpr, UNMAP: tl.constexpr,
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
    v_ += b * v_b + h * v_h + i
    dy_ += b * dy_b + h * dy_h + i
    dq_ += b * dq_b + h * dq_h
    dk_ += b * dk_b + h * dk_h
    if MAP == 2:
        scales += n * T

    G = start_of(dS_T, tile, inside, q_.dtype.element_ty)
    for back in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        t = T - 1 - back
        q = tl.load(q_ + t * q_t, j < K, 0.0)
        v = tl.load(v_ + t * v_t, i < V, 0.0)
        dy = tl.load(dy_ + t * dy_t, i < V, 0.0)
        G += dy[:, :, None] * q
        dk = read(v, G)
        if UNMAP:
            k = tl.load(k_ + t * k_t, j < K, 0.0)
            dk = unmap(dk, k, tl.load(scales + B * H * T + t) if MAP == 2 else 1.0, MAP)
        tl.store(dk_ + t * dk_t + j, dk, j < K)

    S = start_of(S_0, tile, inside, k_.dtype.element_ty)
    for t in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        k = tl.load(k_ + t * k_t, j < K, 0.0)
        v = tl.load(v_ + t * v_t, i < V, 0.0)
        dy = tl.load(dy_ + t * dy_t, i < V, 0.0)
        S += v[:, :, None] * k
        dq = read(dy, S)
        if UNMAP:
            q = tl.load(q_ + t * q_t, j < K, 0.0)
            dq = unmap(dq, q, tl.load(scales + t) if MAP == 2 else 1.0, MAP)
        tl.store(dq_ + t * dq_t + j, dq, j < K)
