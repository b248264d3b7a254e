"""The delta rule with feedback: Recurrent Delta (Irie et al., 2021)."""

from functools import cache

import torch
from torch import Tensor

from fwp.kernels import c_kernel
from fwp.kernels import triton_support as _triton
from fwp.kernels.op import Backend, Op
from fwp.kernels.recurrence import recurrence

KERNEL = c_kernel.Kernel(__file__)


def recurrent_delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    beta: Tensor,
    r_q: Tensor,
    r_k: Tensor,
    r_v: Tensor,
    r_beta: Tensor,
    initial_state: tuple[Tensor, Tensor] | None = None,
    *,
    feedback: str = "tanh",
    rule: str = "delta",
    backend: str = "auto",
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Delta rule whose query, key, value and write strength see the previous output.

        h_t = tanh(y_{t-1}),  h_1 = 0
        q'_t = softmax(q_t + h_t R_q),  k'_t = softmax(k_t + h_t R_k)
        v'_t = v_t + h_t R_v,           β'_t = σ(β_t + h_t · r_β)
        S_t = S_{t-1} + k'_t ⊗ β'_t (v'_t − k'_t S_{t-1}),    y_t = q'_t S_t

    Args:
        q, k, v: pre-activations [B, T, H, D] (the softmax is taken here).
        beta: pre-activation of the write strength [B, T, H] (the sigmoid is taken here).
        r_q, r_k, r_v: recurrent weights [H, D, D].
        r_beta: recurrent weights of the write strength [H, D].
        initial_state: (S_0 [B, H, D, D], y_0 [B, H, D], the raw previous output); None means zeros.
        feedback: "tanh", or "linear" for h_t = y_{t-1}.
        rule: "delta", or "sum" for S_t = S_{t-1} + k'_t ⊗ β'_t v'_t.
        backend: "auto", or one of `OP.backends`.

    Returns:
        y [B, T, H, D] and (S_T, y_T).

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    op = OP if (feedback, rule) == ("tanh", "delta") else _ablated(feedback, rule)
    return op(
        backend,
        initial_state,
        q=q,
        k=k,
        v=v,
        beta=beta,
        r_q=r_q,
        r_k=r_k,
        r_v=r_v,
        r_beta=r_beta,
    )


def reference(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    beta: Tensor,
    r_q: Tensor,
    r_k: Tensor,
    r_v: Tensor,
    r_beta: Tensor,
    state: tuple[Tensor, Tensor],
    feedback: str = "tanh",
    rule: str = "delta",
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """The equation, one step after the other."""
    S, y = state
    outputs = []
    for t in range(q.shape[1]):
        h = torch.tanh(y) if feedback == "tanh" else y
        query = torch.softmax(q[:, t] + torch.einsum("bhi,hij->bhj", h, r_q), dim=-1)
        key = torch.softmax(k[:, t] + torch.einsum("bhi,hij->bhj", h, r_k), dim=-1)
        value = v[:, t] + torch.einsum("bhi,hij->bhj", h, r_v)
        rate = torch.sigmoid(beta[:, t] + torch.einsum("bhi,hi->bh", h, r_beta))
        retrieved = torch.einsum("bhk,bhkv->bhv", key, S) if rule == "delta" else 0
        change = rate.unsqueeze(-1) * (value - retrieved)
        S = S + torch.einsum("bhk,bhv->bhkv", key, change)
        y = torch.einsum("bhk,bhkv->bhv", query, S)
        outputs.append(y)
    return torch.stack(outputs, dim=1), (S, y)


def native(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    beta: Tensor,
    r_q: Tensor,
    r_k: Tensor,
    r_v: Tensor,
    r_beta: Tensor,
    state: tuple[Tensor, Tensor],
    feedback: str = "tanh",
    rule: str = "delta",
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """The compiled kernel, see recurrent_delta_rule.c."""
    (B, T, _, D), P = q.shape, c_kernel.padded(q.shape[-1])
    every = max(D, 32)
    y, S = recurrence(
        KERNEL,
        (q, k, v, beta),
        state,
        weights=(r_q, r_k, r_v, r_beta),
        sizes=(B, T, D, every, int(feedback == "linear"), int(rule == "sum")),
        size=D,
        output=q.shape,
        final=slice(0, 1),
        kept=[(T, 4 * P + 1), (-(-T // every), D * P)],
    )
    return y, (S, y[:, -1])


def triton(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    beta: Tensor,
    r_q: Tensor,
    r_k: Tensor,
    r_v: Tensor,
    r_beta: Tensor,
    state: tuple[Tensor, Tensor],
    feedback: str = "tanh",
    rule: str = "delta",
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """The kernel for GPUs, see triton/recurrent_delta_rule.py."""
    from fwp.ops.recurrent_delta_rule.triton import recurrent_delta_rule as kernel

    return kernel(q, k, v, beta, r_q, r_k, r_v, r_beta, state, feedback, rule)


def _typical(q, k, v, beta, r_q, r_k, r_v, r_beta) -> tuple[Tensor, ...]:
    scale = q.shape[-1] ** -0.5
    return q, k, v, beta, scale * r_q, scale * r_k, scale * r_v, scale * r_beta


OP = Op(
    name="recurrent_delta_rule",
    inputs={
        "q": "BTHD",
        "k": "BTHD",
        "v": "BTHD",
        "beta": "BTH",
        "r_q": "HDD",
        "r_k": "HDD",
        "r_v": "HDD",
        "r_beta": "HD",
    },
    state=("BHDD", "BHD"),
    cost=lambda n: 6 * n["D"] ** 2 + n["D"],
    backends={
        "native": Backend(native, KERNEL.unusable),
        "triton": Backend(triton, _triton.unusable, packs=True),
        "reference": Backend(reference),
    },
    typical=_typical,
)


@cache
def _ablated(feedback: str, rule: str) -> Op:
    """The op with one part or another replaced."""
    for name, value, allowed in (
        ("feedback", feedback, ("tanh", "linear")),
        ("rule", rule, ("delta", "sum")),
    ):
        if value not in allowed:
            raise ValueError(f"{OP.name}: {name} must be {' or '.join(allowed)}, got {value!r}")
    return OP.variant(feedback=feedback, rule=rule)
