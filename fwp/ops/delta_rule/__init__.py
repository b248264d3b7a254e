"""The delta rule: correct what a key retrieves (Schlag et al., 2021)."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.chunks import join_chunks, split_chunks
from fwp.kernels.op import op
from fwp.nn.elu_plus_one import mapped

CHUNK = 32


def _typical(q: Tensor, k: Tensor, v: Tensor, beta: Tensor) -> tuple[Tensor, ...]:
    return q.softmax(-1), k.softmax(-1), v, beta.sigmoid()


@op(cost=lambda n: 3 * n["K"] * n["V"], typical=_typical)
def delta_rule(
    q: Float[Tensor, "B T H K"],
    k: Float[Tensor, "B T H K"],
    v: Float[Tensor, "B T H V"],
    beta: Float[Tensor, "B T H"],
    S: Float[Tensor, "B H K V"],
    *,
    feature_map: Literal["none", "elu", "elu_sum"] = "none",
    gate: Literal["none", "sigmoid", "twice_sigmoid"] = "none",
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    """Move the value stored under a key towards a new one, then read with the query.

        S_t = S_{t-1} + k_t ⊗ β_t (v_t − k_t S_{t-1}),    y_t = q_t S_t

    with φ(q), φ(k) and the gate's β in the place of what is given.

    Args:
        q, k: queries and keys [B, T, H, K]; φ of them should be normalised.
        v: values [B, T, H, V].
        beta: write strengths [B, T, H], usually in (0, 1) after the gate.
        initial_state: S_0 [B, H, K, V]; None means zeros.
        feature_map: φ: "none" (q and k are mapped already), "elu" (elu + 1) or "elu_sum" (that
            divided by its sum over the head).
        gate: what makes β of `beta`: "none", "sigmoid" or "twice_sigmoid" (β in (0, 2)).

    Returns:
        y [B, T, H, V] and S_T [B, H, K, V].
    """
    q, k = (mapped(x, feature_map, "reference") for x in (q, k))
    beta = gated(beta, gate)
    outputs = []
    for t in range(q.shape[1]):
        retrieved = torch.einsum("bhk,bhkv->bhv", k[:, t], S)
        change = beta[:, t, :, None] * (v[:, t] - retrieved)
        S = S + torch.einsum("bhk,bhv->bhkv", k[:, t], change)
        outputs.append(torch.einsum("bhk,bhkv->bhv", q[:, t], S))
    return torch.stack(outputs, dim=1), S


def gated(beta: Tensor, gate: str) -> Tensor:
    """Write strengths by the names that `delta_rule` has for gates."""
    if gate == "none":
        return beta
    return torch.sigmoid(beta) if gate == "sigmoid" else 2 * torch.sigmoid(beta)


@delta_rule.backend()
def chunked(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor, S: Tensor, *, feature_map: str, gate: str
) -> tuple[Tensor, Tensor]:
    """Matrix products within chunks of time (Yang et al., 2024, arXiv 2406.06484).

    With u_t = β_t (v_t − k_t S_{t-1}) every step adds k_t ⊗ u_t, as in linear attention. Within a
    chunk that starts from S, the u_t solve a unit lower triangular system:

        (I + tril(diag(β) K Kᵀ, −1)) U = diag(β) (V − K S)

    It is solved for the right-hand sides diag(β) V and diag(β) K of all chunks at once, which
    leaves a loop over chunks with matrix products only. Steps that fill the last chunk have β = 0.
    """
    T = q.shape[1]
    q, k, beta = mapped(q, feature_map), mapped(k, feature_map), gated(beta, gate)
    q, k, v, beta = (split_chunks(x, CHUNK) for x in (q, k, v, beta.unsqueeze(-1)))
    scaled = beta * k
    unit = torch.eye(q.shape[-2], dtype=q.dtype, device=q.device)
    system = (scaled @ k.transpose(-1, -2)).tril(-1) + unit
    right = torch.cat([beta * v, scaled], dim=-1)
    solved = torch.linalg.solve_triangular(system, right, upper=False, unitriangular=True)
    fresh, correction = solved.split([v.shape[-1], k.shape[-1]], dim=-1)
    attention = (q @ k.transpose(-1, -2)).tril()
    outputs = []
    for c in range(q.shape[2]):
        u = fresh[:, :, c] - correction[:, :, c] @ S
        outputs.append(q[:, :, c] @ S + attention[:, :, c] @ u)
        S = S + k[:, :, c].transpose(-1, -2) @ u
    return join_chunks(torch.stack(outputs, dim=2), T), S
