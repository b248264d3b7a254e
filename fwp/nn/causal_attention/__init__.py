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

PIECE = 32  # queries that meet a window's keys in one matrix, at least


def _check(n: dict[str, int]) -> None:
    T, S = n["T"], n["S"]
    if S < T:
        raise ValueError(
            "causal_attention: there must be a key for every query, so S at least T, "
            f"got T = {T} of q and S = {S} of k"
        )


def _check_options(window: int | None) -> None:
    if window is not None and window < 1:
        raise ValueError(f"causal_attention: window must be at least 1 or None, got {window}")


@op(cost=lambda n: 2 * n["S"] * n["D"], check=_check, check_options=_check_options)
def causal_attention(
    q: Float[Tensor, "B T H D"],
    k: Float[Tensor, "B S H D"],
    v: Float[Tensor, "B S H D"],
    *,
    window: int | None = None,
) -> Float[Tensor, "B T H D"]:
    """Average the values so far, by how well their keys match the query.

        y_t = Σ_s softmax_s(q_t · k_s / √D) v_s,    s = 1, …, t + S − T

    With a window, s begins at t + S − T − window + 1 instead of 1, if that is later.

    Args:
        q: queries [B, T, H, D].
        k, v: keys and values [B, S, H, D]; the last T belong to the queries, those before, if any,
            are the past that is read too.
        window: how many keys a query sees at most, the last of them its own; None for all.

    Returns:
        y [B, T, H, D].
    """
    scores = torch.einsum("bthd,bshd->bhts", q, k) / q.shape[-1] ** 0.5
    weights = scores.masked_fill(~_seen(q, k, window), -torch.inf).softmax(-1)
    return torch.einsum("bhts,bshd->bthd", weights, v)


@causal_attention.backend()
def fused(q: Tensor, k: Tensor, v: Tensor, *, window: int | None) -> Tensor:
    """PyTorch's own."""
    T, S = q.shape[1], k.shape[1]
    if window is None or window >= S:
        return _attend(q, k, v, None)
    size = max(window, PIECE)
    if size >= T:
        return _attend(q, k, v, window)
    # No matrix of all queries and keys, but a piece of at least as many queries as a window has
    # keys at a time. It sees keys of its own piece and of the one before; the first, of the past.
    past = S - T + size
    first = _attend(q[:, :size], k[:, :past], v[:, :past], window)
    q, k, v = q[:, size:], k[:, past - size :], v[:, past - size :]
    rest, count = q.shape[1], -(-q.shape[1] // size)
    q, k, v = (
        F.pad(x, (0, 0, 0, 0, 0, n * size - x.shape[1])).unflatten(1, (n, size))
        for x, n in ((q, count), (k, count + 1), (v, count + 1))
    )
    k, v = (torch.cat((x[:, :-1], x[:, 1:]), 2).flatten(0, 1) for x in (k, v))
    y = _attend(q.flatten(0, 1), k, v, window)
    y = y.unflatten(0, (-1, count)).flatten(1, 2)[:, :rest]
    return torch.cat((first, y), 1)


def _attend(q: Tensor, k: Tensor, v: Tensor, window: int | None) -> Tensor:
    """By one matrix of all queries and keys, if any."""
    if window is None and q.shape[1] == k.shape[1]:
        attend = functools.partial(F.scaled_dot_product_attention, is_causal=True)
    else:
        attend = functools.partial(F.scaled_dot_product_attention, attn_mask=_seen(q, k, window))
    return folded(attend, *(x.transpose(1, 2) for x in (q, k, v))).transpose(1, 2)


def _seen(q: Tensor, k: Tensor, window: int | None) -> Tensor:
    """Which keys a query sees [T, S]."""
    T, S = q.shape[1], k.shape[1]
    seen = torch.ones(T, S, dtype=torch.bool, device=q.device).tril(S - T)
    return seen if window is None else seen.triu(S - T - window + 1)
