"""Gated linear attention: the sum rule on a state that decays (Yang et al., 2024)."""

import torch
from torch import Tensor

from fwp.ops.generalised_delta_rule import generalised_delta_rule


def gated_linear_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    w: Tensor,
    initial_state: Tensor | None = None,
    *,
    backend: str = "auto",
) -> tuple[Tensor, Tensor]:
    """The sum rule on a state that decays first, by `generalised_delta_rule` that erases nothing.

        S_t = diag(w_t) S_{t-1} + k_t ⊗ v_t,    y_t = q_t S_t

    Args:
        q, k, v, initial_state, backend: as there.
        w: decay [B, T, H, K], or [B, T, H, 1] for one number per head.
    """
    nothing = torch.zeros_like(k)
    w = w.expand_as(k)
    return generalised_delta_rule(q, k, v, w, nothing, nothing, initial_state, backend=backend)
