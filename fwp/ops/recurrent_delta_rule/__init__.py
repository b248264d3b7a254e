"""The delta rule with feedback: Recurrent Delta (Irie et al., 2021)."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import op

State = tuple[Float[Tensor, "B H D D"], Float[Tensor, "B H D"]]


def _typical(q, k, v, beta, r_q, r_k, r_v, r_beta) -> tuple[Tensor, ...]:
    scale = q.shape[-1] ** -0.5
    return q, k, v, beta, scale * r_q, scale * r_k, scale * r_v, scale * r_beta


@op(cost=lambda n: 6 * n["D"] ** 2 + n["D"], typical=_typical)
def recurrent_delta_rule(
    q: Float[Tensor, "B T H D"],
    k: Float[Tensor, "B T H D"],
    v: Float[Tensor, "B T H D"],
    beta: Float[Tensor, "B T H"],
    r_q: Float[Tensor, "H D D"],
    r_k: Float[Tensor, "H D D"],
    r_v: Float[Tensor, "H D D"],
    r_beta: Float[Tensor, "H D"],
    state: State,
    *,
    feedback: Literal["tanh", "linear"] = "tanh",
    rule: Literal["delta", "sum"] = "delta",
) -> tuple[Float[Tensor, "B T H D"], State]:
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

    Returns:
        y [B, T, H, D] and (S_T, y_T).
    """
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
