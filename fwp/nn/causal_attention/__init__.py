"""Causal softmax attention (Vaswani et al., 2017).

It is no recurrence with a state of fixed size, so that it is not among the ops of `fwp.ops`: what a
step reads is all keys and values so far.
"""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

from fwp.kernels import c_kernel
from fwp.kernels.op import Backend, Op
from fwp.kernels.recurrence import recurrence
from fwp.kernels.vmap import folded

KERNEL = c_kernel.Kernel(__file__)


def causal_attention(q: Tensor, k: Tensor, v: Tensor, *, backend: str = "auto") -> Tensor:
    """Average the values so far, by how well their keys match the query.

        y_t = Σ_s softmax_s(q_t · k_s / √D) v_s,    s = 1, …, t + S − T

    Args:
        q: queries [B, T, H, D].
        k, v: keys and values [B, S, H, D]; the last T belong to the queries, those before, if any,
            are the past that is read too.
        backend: "auto", or one of `OP.backends`.

    Returns:
        y [B, T, H, D].

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    T, S = q.shape[1], k.shape[1]
    if S < T:
        raise ValueError(
            "causal_attention: there must be a key for every query, so S at least T, "
            f"got T = {T} of q and S = {S} of k"
        )
    return OP(backend, None, q=q, k=k, v=v)[0]


def reference(q: Tensor, k: Tensor, v: Tensor, _: tuple) -> tuple[Tensor, tuple]:
    """The equation."""
    scores = torch.einsum("bthd,bshd->bhts", q, k) / q.shape[-1] ** 0.5
    weights = scores.masked_fill(~_seen(q, k), -torch.inf).softmax(-1)
    return torch.einsum("bhts,bshd->bthd", weights, v), ()


def fused(q: Tensor, k: Tensor, v: Tensor, _: tuple) -> tuple[Tensor, tuple]:
    """PyTorch's own."""
    if q.shape[1] == k.shape[1]:
        attend = functools.partial(F.scaled_dot_product_attention, is_causal=True)
    else:
        attend = functools.partial(F.scaled_dot_product_attention, attn_mask=_seen(q, k))
    return folded(attend, *(x.transpose(1, 2) for x in (q, k, v))).transpose(1, 2), ()


def _seen(q: Tensor, k: Tensor) -> Tensor:
    """Which keys a query sees [T, S]."""
    T, S = q.shape[1], k.shape[1]
    return torch.ones(T, S, dtype=torch.bool, device=q.device).tril(S - T)


def native(q: Tensor, k: Tensor, v: Tensor, _: tuple) -> tuple[Tensor, tuple]:
    """The compiled kernel, see causal_attention.c."""
    (B, T, H, D), S = q.shape, k.shape[1]
    (y,) = recurrence(
        KERNEL,
        (q, k, v),
        (),
        sizes=(B, H, T, S, D),
        size=D,
        output=q.shape,
        kept=[(c_kernel.padded(T), c_kernel.padded(D) + 2)],
        again="sequences",
    )
    return y, ()


def _unusable(inputs: dict[str, Tensor]) -> str | None:
    """Why the kernel is not used for `inputs`, or None: PyTorch's is faster for a few pairs."""
    reason = KERNEL.unusable(inputs)
    if reason is not None:
        return reason
    q = inputs["q"]
    pairs, lanes = q.shape[0] * q.shape[2], KERNEL.lanes(q.dtype, q.shape[-1])
    if pairs < lanes / 2:
        return f"it computes {lanes} pairs of sequence and head at a time, too many for {pairs}"
    return None


OP = Op(
    name="causal_attention",
    inputs={"q": "BTHD", "k": "BSHD", "v": "BSHD"},
    state=(),
    cost=lambda n: 2 * n["S"] * n["D"],
    backends={
        "native": Backend(native, _unusable),
        "fused": Backend(fused),
        "reference": Backend(reference),
    },
)
