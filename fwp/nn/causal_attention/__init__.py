"""Causal softmax attention (Vaswani et al., 2017).

It is no recurrence with a state of fixed size: what a step reads is all keys and values so far.
"""

import functools

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import op
from fwp.kernels.vmap import folded


def _check(n: dict[str, int]) -> None:
    T, S = n["T"], n["S"]
    if S < T:
        raise ValueError(
            "causal_attention: there must be a key for every query, so S at least T, "
            f"got T = {T} of q and S = {S} of k"
        )


@op(cost=lambda n: 2 * n["S"] * n["D"], check=_check)
def causal_attention(
    q: Float[Tensor, "B T H D"],
    k: Float[Tensor, "B S H D"],
    v: Float[Tensor, "B S H D"],
) -> Float[Tensor, "B T H D"]:
    """Average the values so far, by how well their keys match the query.

        y_t = Σ_s softmax_s(q_t · k_s / √D) v_s,    s = 1, …, t + S − T

    Args:
        q: queries [B, T, H, D].
        k, v: keys and values [B, S, H, D]; the last T belong to the queries, those before, if any,
            are the past that is read too.

    Returns:
        y [B, T, H, D].
    """
    scores = torch.einsum("bthd,bshd->bhts", q, k) / q.shape[-1] ** 0.5
    weights = scores.masked_fill(~_seen(q, k), -torch.inf).softmax(-1)
    return torch.einsum("bhts,bshd->bthd", weights, v)


@causal_attention.backend()
def fused(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """PyTorch's own."""
    if q.shape[1] == k.shape[1]:
        attend = functools.partial(F.scaled_dot_product_attention, is_causal=True)
    else:
        attend = functools.partial(F.scaled_dot_product_attention, attn_mask=_seen(q, k))
    return folded(attend, *(x.transpose(1, 2) for x in (q, k, v))).transpose(1, 2)


def _seen(q: Tensor, k: Tensor) -> Tensor:
    """Which keys a query sees [T, S]."""
    T, S = q.shape[1], k.shape[1]
    return torch.ones(T, S, dtype=torch.bool, device=q.device).tril(S - T)
