"""Feature maps of queries and keys, inside the kernels of recurrences.

A program maps all steps of its sequence and head before its loop over time. Steps are mapped side
by side there; within the loop every thread would map what its neighbours map too. The features lie
close together, so that the loop reads 16 bytes at a time. Backward, gradients of features become
those of queries and keys within the loop if a program has whole ones, else in a kernel of its own.
"""

import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.triton_math import exp, reciprocal

MAPS = {"none": 0, "elu": 1, "elu_sum": 2}
TOGETHER = tl.constexpr(1024)  # numbers that a program maps at a time; fewer with sums over rows


def features_of(q: Tensor, feature_map: str) -> tuple[Tensor | None, Tensor | None]:
    """Memory for the features of q and k [B, T, H, K], and for what elu_sum multiplies by.

    Returns:
        [2, B, H, T, K rounded up to a multiple of 8] and [2, B, H, T]; None where not needed.
    """
    if feature_map == "none":
        return None, None
    B, T, H, K = q.shape
    features = q.new_empty(2, B, H, T, -(-K // 8) * 8)
    return features, q.new_empty(2, B, H, T) if feature_map == "elu_sum" else None


def steps_of(features: Tensor | None, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor, int]:
    """What the loops read, [B, T, H, ≥ K] each, and how many numbers: features, else q and k."""
    if features is None:
        return q, k, q.shape[-1]
    return *features.transpose(2, 3).unbind(0), features.shape[-1]


def finish(
    features: Tensor, scales: Tensor | None, dq: Tensor, dk: Tensor, feature_map: str
) -> None:
    """Turn gradients of the features of q and k [B, T, H, K] into those of q and k, in place."""
    B, T, H, K = dq.shape
    _finish[(B * H,)](
        features, scales, dq, dk, B, T, H, K, features.shape[-1], *dq.stride()[:3],
        *dk.stride()[:3], P=triton.next_power_of_2(K), MAP=MAPS[feature_map], num_warps=4,
    )  # fmt: skip


@triton.jit(do_not_specialize=["B", "T", "H", "pitch"])
def _finish(
    features, scales, dq, dk, B, T, H, K, pitch,
    q_b, q_t, q_h, k_b, k_t, k_h, P: tl.constexpr, MAP: tl.constexpr,
):  # fmt: skip
    n = tl.program_id(0).to(tl.int64)
    b, h = n // H, n % H
    dq += b * q_b + h * q_h
    dk += b * k_b + h * k_h
    unmap_steps(features, scales, n, dq, q_t, dk, k_t, B, T, H, 0, K, pitch, P, MAP)


@triton.jit
def map_steps(
    q, q_t, k, k_t, features, scales, n, B, T, H, K, pitch, P: tl.constexpr, MAP: tl.constexpr
):
    """Write the features of q and k of sequence and head n, with strides q_t and k_t in time."""
    ROWS: tl.constexpr = TOGETHER // MAP // P
    other = (B * H + n) * T  # the features of k lie behind those of q
    d = tl.arange(0, P)[None, :]
    for start in range(0, T, ROWS):
        t = start + tl.arange(0, ROWS)[:, None]
        given = (t < T) & (d < K)
        x_q = tl.load(q + t * q_t + d, given, float("-inf"))
        x_k = tl.load(k + t * k_t + d, given, float("-inf"))
        _map(x_q, features + n * T * pitch, scales, n * T, t, d, T, pitch, MAP)
        _map(x_k, features + other * pitch, scales, other, t, d, T, pitch, MAP)


@triton.jit
def _map(x, features, scales, first, t, d, T, pitch, MAP: tl.constexpr):
    y = tl.where(x > 0, x + 1, exp(x))
    if MAP == 2:
        scale = reciprocal(tl.where(t < T, tl.sum(y, 1, keep_dims=True), 1.0))
        y *= scale
        tl.store(scales + first + t, scale, t < T)
    tl.store(features + t * pitch + d, y, (t < T) & (d < pitch))


@triton.jit
def unmap(dy, y, scale, MAP: tl.constexpr):
    """The gradient of a query or key, from that of its features y, both [K].

    The slope is exp(x) below zero, 1 above; both times the scale.
    """
    if MAP == 2:
        dy -= tl.sum(dy * y, 0)
    return dy * tl.minimum(y, scale)


@triton.jit
def unmap_steps(
    features, scales, n, dq, q_t, dk, k_t, B, T, H, begin, end, pitch,
    P: tl.constexpr, MAP: tl.constexpr,
):  # fmt: skip
    """Gradients of features begin to end, at dq and dk, become those of queries and keys."""
    ROWS: tl.constexpr = TOGETHER // MAP // P
    other = (B * H + n) * T
    d = begin + tl.arange(0, P)[None, :]
    for start in range(0, T, ROWS):
        t = start + tl.arange(0, ROWS)[:, None]
        inside = (t < T) & (d < end)
        q = tl.load(features + n * T * pitch + t * pitch + d, inside, 0.0)
        k = tl.load(features + other * pitch + t * pitch + d, inside, 0.0)
        from_q = tl.load(dq + t * q_t + d, inside, 0.0)
        from_k = tl.load(dk + t * k_t + d, inside, 0.0)
        if MAP == 2:
            scale_q = tl.load(scales + n * T + t, t < T, 0.0)
            scale_k = tl.load(scales + other + t, t < T, 0.0)
            from_q -= tl.sum(from_q * q, 1, keep_dims=True)
            from_k -= tl.sum(from_k * k, 1, keep_dims=True)
        else:
            scale_q, scale_k = 1.0, 1.0
        # The slope is exp(x) below zero, 1 above; both times the scale.
        tl.store(dq + t * q_t + d, from_q * tl.minimum(q, scale_q), inside)
        tl.store(dk + t * k_t + d, from_k * tl.minimum(k, scale_k), inside)
