"""The gated delta rule: the memory decays, then a write corrects it (Yang et al., 2025)."""

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import op
from fwp.ops.generalised_delta_rule import gated_delta_rule as by_generalised_rule


def _typical(q, k, v, beta, w) -> tuple[Tensor, ...]:
    q, k = (torch.nn.functional.normalize(x, dim=-1) for x in (q, k))
    return q, k, v, beta.sigmoid(), (w + 2).sigmoid()


@op(cost=lambda n: 3 * n["K"] * n["V"], typical=_typical)
def gated_delta_rule(
    q: Float[Tensor, "B T H K"],
    k: Float[Tensor, "B T H K"],
    v: Float[Tensor, "B T H V"],
    beta: Float[Tensor, "B T H"],
    w: Float[Tensor, "B T H"],
    S: Float[Tensor, "B H K V"],
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    """The delta rule on a state that decays first, by one number per head.

        S' = w_t S_{t-1},    S_t = S' + k_t ⊗ β_t (v_t − k_t S'),    y_t = q_t S_t

    Args:
        q, k: queries and keys [B, T, H, K], normalised.
        v: values [B, T, H, V].
        beta: write strengths [B, T, H].
        w: decay [B, T, H], in (0, 1).
        initial_state: S_0 [B, H, K, V]; None means zeros.

    Returns:
        y [B, T, H, V] and S_T [B, H, K, V].
    """
    outputs = []
    for t in range(q.shape[1]):
        S = w[:, t, :, None, None] * S
        retrieved = torch.einsum("bhk,bhkv->bhv", k[:, t], S)
        change = beta[:, t, :, None] * (v[:, t] - retrieved)
        S = S + torch.einsum("bhk,bhv->bhkv", k[:, t], change)
        outputs.append(torch.einsum("bhk,bhkv->bhv", q[:, t], S))
    return torch.stack(outputs, dim=1), S


@gated_delta_rule.backend()
def generalised(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor, w: Tensor, S: Tensor
) -> tuple[Tensor, Tensor]:
    """By the kernels of `generalised_delta_rule`, whose decay is a vector."""
    return by_generalised_rule(q, k, v, beta, w.unsqueeze(-1), S)
