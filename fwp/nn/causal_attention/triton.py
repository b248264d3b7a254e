"""Causal attention over short strings on the GPU: a program has a sequence's head as a whole.

All scores of up to 128 symbols fit on the chip, and the backward pass computes them again. Longer
strings, wider heads and other precisions are left to PyTorch's attention, which is made for those.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.precision import in_bfloat16
from fwp.kernels.tensors import contiguous_end, gradients_like, records
from fwp.nn.causal_attention import causal_attention as op

LONGEST = 128  # keys
WIDEST = 64  # head


def causal_attention(q: Tensor, k: Tensor, v: Tensor, *, window: int | None) -> Tensor:
    """As the reference."""
    if q.dtype != torch.float32 or k.shape[1] > LONGEST or q.shape[-1] > WIDEST:
        if in_bfloat16() and q.dtype == torch.float32:
            short = (x.bfloat16() for x in (q, k, v))
            return op.backends["fused"].run(*short, window=window).to(q.dtype)
        return op.backends["fused"].run(q, k, v, window=window)
    return _CausalAttention.apply(records((q, k, v)), window or k.shape[1], q, k, v)


class _CausalAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, window, q, k, v):
        q, k, v = map(contiguous_end, (q, k, v))
        y = torch.empty(q.shape, dtype=q.dtype, device=q.device)
        grid, sizes = _launch(q, k, window)
        _forward[grid](q, k, v, y, q.shape[1], *_strides(q, k, v, y), **sizes)
        if record:
            ctx.save_for_backward(q, k, v)
        ctx.window = window
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        q, k, v = ctx.saved_tensors
        dy, found = contiguous_end(dy), gradients_like((q, k, v))
        grid, sizes = _launch(q, k, ctx.window)
        strides = _strides(q, k, v, dy, *found)
        _backward[grid](q, k, v, dy, *found, q.shape[1], *strides, **sizes)
        return None, None, *found


def _launch(q: Tensor, k: Tensor, window: int) -> tuple[tuple[int, int], dict[str, int]]:
    """The grid, and what a program has."""
    (B, T, H, D), S = q.shape, k.shape[1]
    time = max(16, triton.next_power_of_2(S))
    columns = max(16, triton.next_power_of_2(D))
    sizes = {"before": S - T, "window": window, "D": D, "TIME": time, "COLUMNS": columns}
    return (B, H), sizes | {"num_warps": 8 if time > 64 else 4, "num_stages": 1}


def _strides(*tensors: Tensor) -> tuple[int, ...]:
    return tuple(stride for x in tensors for stride in x.stride()[:3])


@triton.jit
def _at(t, d, x_b, x_t, x_h):
    """Offsets of a program's numbers in a tensor of those strides."""
    b, h = tl.program_id(0).to(tl.int64), tl.program_id(1)
    return b * x_b + h * x_h + t[:, None] * x_t + d[None, :]


@triton.jit
def _weights(q, k, t, T, before, window, D: tl.constexpr):
    """The softmax of the scores; rows of queries that do not exist are all alike."""
    scores = tl.dot(q, tl.trans(k), input_precision="tf32x3") * (1 / D**0.5)
    own = tl.minimum(t, T - 1)[:, None] + before
    seen = (t[None, :] <= own) & (t[None, :] > own - window)
    scores = tl.where(seen, scores, float("-inf"))
    powers = tl.exp(scores - tl.max(scores, 1)[:, None])
    return powers / tl.sum(powers, 1)[:, None]


@triton.jit(do_not_specialize=["T", "before", "window"])
def _forward(
    q_, k_, v_, y_, T, q_b, q_t, q_h, k_b, k_t, k_h, v_b, v_t, v_h, y_b, y_t, y_h,
    before, window, D: tl.constexpr, TIME: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    t, d = tl.arange(0, TIME), tl.arange(0, COLUMNS)
    asked = (t < T)[:, None] & (d < D)[None, :]
    there = (t < T + before)[:, None] & (d < D)[None, :]
    q = tl.load(q_ + _at(t, d, q_b, q_t, q_h), asked, 0.0)
    k = tl.load(k_ + _at(t, d, k_b, k_t, k_h), there, 0.0)
    v = tl.load(v_ + _at(t, d, v_b, v_t, v_h), there, 0.0)
    y = tl.dot(_weights(q, k, t, T, before, window, D), v, input_precision="tf32x3")
    tl.store(y_ + _at(t, d, y_b, y_t, y_h), y, asked)


@triton.jit(do_not_specialize=["T", "before", "window"])
def _backward(
    q_, k_, v_, dy_, dq_, dk_, dv_, T,
    q_b, q_t, q_h, k_b, k_t, k_h, v_b, v_t, v_h, y_b, y_t, y_h,
    dq_b, dq_t, dq_h, dk_b, dk_t, dk_h, dv_b, dv_t, dv_h,
    before, window, D: tl.constexpr, TIME: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    t, d = tl.arange(0, TIME), tl.arange(0, COLUMNS)
    asked = (t < T)[:, None] & (d < D)[None, :]
    there = (t < T + before)[:, None] & (d < D)[None, :]
    q = tl.load(q_ + _at(t, d, q_b, q_t, q_h), asked, 0.0)
    k = tl.load(k_ + _at(t, d, k_b, k_t, k_h), there, 0.0)
    v = tl.load(v_ + _at(t, d, v_b, v_t, v_h), there, 0.0)
    dy = tl.load(dy_ + _at(t, d, y_b, y_t, y_h), asked, 0.0)
    weights = _weights(q, k, t, T, before, window, D)
    dv = tl.dot(tl.trans(weights), dy, input_precision="tf32x3")
    tl.store(dv_ + _at(t, d, dv_b, dv_t, dv_h), dv, there)
    d_scores = tl.dot(dy, tl.trans(v), input_precision="tf32x3")
    d_scores = weights * (d_scores - tl.sum(weights * d_scores, 1)[:, None]) * (1 / D**0.5)
    dq = tl.dot(d_scores, k, input_precision="tf32x3")
    tl.store(dq_ + _at(t, d, dq_b, dq_t, dq_h), dq, asked)
    dk = tl.dot(tl.trans(d_scores), q, input_precision="tf32x3")
    tl.store(dk_ + _at(t, d, dk_b, dk_t, dk_h), dk, there)
