"""Linear attention on the GPU: a loop over time per sequence, head and slice of the state.

A step:   S ← S + k ⊗ v,   y = q S

Back through it, with G the gradient of S after the step:
    G ← G + q ⊗ dy,   dv = k G,   dk = G v,   dq = S dy

The columns of the state (values) do not meet in y and dv, its rows (keys) not in dk and dq: each
kernel cuts the state along the dimension that it does not sum over. Kept are the inputs, no state:
the backward pass replays it from S_0.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import contiguous_end, records
from fwp.kernels.triton_tiles import offsets_of, read, rows_of, slices, start_of
from fwp.nn.elu_plus_one import mapped


def linear_attention(
    q: Tensor, k: Tensor, v: Tensor, S: Tensor, *, feature_map: str
) -> tuple[Tensor, Tensor]:
    """As `fwp.ops.linear_attention.linear_attention`; without weights, a pack is a batch."""
    q, k = mapped(q, feature_map), mapped(k, feature_map)
    inputs = (q, k, v, S)
    return _LinearAttention.apply(records(inputs), *inputs)


class _LinearAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, q, k, v, S_0):
        (B, T, H, K), V = q.shape, v.shape[-1]
        q, k, v, S_0 = *map(contiguous_end, (q, k, v)), S_0.contiguous()
        y, S_T = q.new_empty(B, T, H, V), torch.empty_like(S_0)
        parts, blocks = slices(K, V, B * H)
        _forward[B * H, parts](
            q, k, v, S_0, y, S_T,
            T, H, K, V, V, 1,
            *q.stride()[:3], *k.stride()[:3], *v.stride()[:3],
            **blocks,
        )  # fmt: skip
        if record:
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(q, k, v, S_0)
        return y, S_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dS_T):
        q, k, v, S_0 = ctx.saved_tensors
        (B, T, H, K), V = q.shape, v.shape[-1]
        dy = torch.zeros_like(v) if dy is None else contiguous_end(dy)
        dS_T = None if dS_T is None else dS_T.contiguous()
        dq, dk, dv = (q.new_empty(B, T, H, size) for size in (K, K, V))
        dS_0 = torch.empty_like(S_0) if ctx.needs_input_grad[-1] else None
        strides = (*q.stride()[:3], *k.stride()[:3], *v.stride()[:3], *dy.stride()[:3])
        parts, blocks = slices(K, V, B * H)
        _backward_values[B * H, parts](
            q, k, dy, dS_T, dv, dS_0,
            T, H, K, V, V, 1,
            *q.stride()[:3], *k.stride()[:3], *dy.stride()[:3],
            **blocks,
        )  # fmt: skip
        parts, blocks = slices(V, K, B * H)
        _backward_keys[B * H, parts](
            q, k, v, dy, dS_T, S_0, dq, dk,
            T, H, K, V, 1, V,
            *strides,
            **blocks,
        )  # fmt: skip
        return None, dq, dk, dv, dS_0


@triton.jit(do_not_specialize=["row_stride", "column_stride"])
def _forward(
    q_, k_, v_, S_0, y_, S_T,
    T, H, K, V, row_stride, column_stride,
    q_b, q_t, q_h, k_b, k_t, k_h, v_b, v_t, v_h,
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
    y_ += (b * T * H + h) * V + j

    S = start_of(S_0, tile, inside, k_.dtype.element_ty)
    for t in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        q = tl.load(q_ + t * q_t, i < K, 0.0)
        k = tl.load(k_ + t * k_t, i < K, 0.0)
        v = tl.load(v_ + t * v_t, j < V, 0.0)
        S += k[:, :, None] * v
        tl.store(y_ + t * H * V, read(q, S), j < V)
    tl.store(S_T + tile, S, inside)


@triton.jit(do_not_specialize=["row_stride", "column_stride"])
def _backward_values(
    q_, k_, dy_, dS_T, dv_, dS_0,
    T, H, K, V, row_stride, column_stride,
    q_b, q_t, q_h, k_b, k_t, k_h, dy_b, dy_t, dy_h,
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
    dy_ += b * dy_b + h * dy_h + j
    dv_ += (b * T * H + h) * V + j

    G = start_of(dS_T, tile, inside, q_.dtype.element_ty)
    for back in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        t = T - 1 - back
        q = tl.load(q_ + t * q_t, i < K, 0.0)
        k = tl.load(k_ + t * k_t, i < K, 0.0)
        dy = tl.load(dy_ + t * dy_t, j < V, 0.0)
        G += q[:, :, None] * dy
        tl.store(dv_ + t * H * V, read(k, G), j < V)
    if dS_0 is not None:
        tl.store(dS_0 + tile, G, inside)


@triton.jit(do_not_specialize=["row_stride", "column_stride"])
def _backward_keys(
    q_, k_, v_, dy_, dS_T, S_0, dq_, dk_,
    T, H, K, V, row_stride, column_stride,
    q_b, q_t, q_h, k_b, k_t, k_h, v_b, v_t, v_h, dy_b, dy_t, dy_h,
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
    out = (b * T * H + h) * K + j

    G = start_of(dS_T, tile, inside, q_.dtype.element_ty)
    for back in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        t = T - 1 - back
        q = tl.load(q_ + t * q_t, j < K, 0.0)
        v = tl.load(v_ + t * v_t, i < V, 0.0)
        dy = tl.load(dy_ + t * dy_t, i < V, 0.0)
        G += dy[:, :, None] * q
        tl.store(dk_ + out + t * H * K, read(v, G), j < K)

    S = start_of(S_0, tile, inside, k_.dtype.element_ty)
    for t in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        k = tl.load(k_ + t * k_t, j < K, 0.0)
        v = tl.load(v_ + t * v_t, i < V, 0.0)
        dy = tl.load(dy_ + t * dy_t, i < V, 0.0)
        S += v[:, :, None] * k
        tl.store(dq_ + out + t * H * K, read(dy, S), j < K)
