"""Oja's rule on fast weights: the delta rule with keys and values exchanged (Oja, 1982)."""

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import op


def _typical(q, k, v, beta, w) -> tuple[Tensor, ...]:
    q, k, v = (torch.nn.functional.normalize(x, dim=-1) for x in (q, k, v))
    return q, k, v, beta.sigmoid(), (w + 2).sigmoid()


@op(cost=lambda n: 4 * n["K"] * n["V"], typical=_typical)
def oja_rule(
    q: Float[Tensor, "B T H K"],
    k: Float[Tensor, "B T H K"],
    v: Float[Tensor, "B T H V"],
    beta: Float[Tensor, "B T H"],
    w: Float[Tensor, "B T H V"],
    S: Float[Tensor, "B H K V"],
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    """What is written under a value is the error of the key that this value retrieves.

        S' = S_{t-1} diag(w_t),    S_t = S' + β_t (k_t − S' v_t) ⊗ v_t,    y_t = q_t S_t

    The transposed memory follows the gated delta rule with v as key and k as value; the read is
    that of a key. Compare `gated_oja_rule` of flash-linear-attention.

    Args:
        q, k: queries and keys [B, T, H, K].
        v: values [B, T, H, V], normalised.
        beta: write strengths [B, T, H].
        w: decay of the units of values [B, T, H, V], in (0, 1).
        initial_state: S_0 [B, H, K, V]; None means zeros.

    Returns:
        y [B, T, H, V] and S_T [B, H, K, V].
    """
    outputs = []
    # Not by index: the gradient of each would be a tensor of all.
    steps = (x.unbind(1) for x in (q, k, v, beta, w))
    for q_t, k_t, v_t, beta_t, w_t in zip(*steps, strict=True):
        S = S * w_t.unsqueeze(-2)
        error = k_t - torch.einsum("bhkv,bhv->bhk", S, v_t)
        S = S + torch.einsum("bhk,bhv->bhkv", beta_t[..., None] * error, v_t)
        outputs.append(torch.einsum("bhk,bhkv->bhv", q_t, S))
    return torch.stack(outputs, dim=1), S
