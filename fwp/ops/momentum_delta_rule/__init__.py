"""The delta rule with momentum: a running mean of corrections is what is written (2026)."""

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import op

State = tuple[Float[Tensor, "B H K V"], Float[Tensor, "B H K V"]]


def _typical(q, k, v, alpha, mu, beta, eta) -> tuple[Tensor, ...]:
    q, k = (torch.nn.functional.normalize(x, dim=-1) for x in (q, k))
    alpha, mu = (alpha + 2).sigmoid() / 2, (mu + 2).sigmoid()
    return q, k, v, alpha, mu, beta.sigmoid() / 2, 2 * eta.sigmoid()


@op(cost=lambda n: 6 * n["K"] * n["V"], typical=_typical)
def momentum_delta_rule(
    q: Float[Tensor, "B T H K"],
    k: Float[Tensor, "B T H K"],
    v: Float[Tensor, "B T H V"],
    alpha: Float[Tensor, "B T H"],
    mu: Float[Tensor, "B T H"],
    beta: Float[Tensor, "B T H"],
    eta: Float[Tensor, "B T H"],
    state: State,
) -> tuple[Float[Tensor, "B T H V"], State]:
    """Gradient descent with momentum on the error of what a key retrieves, of a decayed memory.

        M_t = μ_t M_{t-1} + k_t ⊗ η_t (v_t − k_t α_t S_{t-1})
        S_t = α_t S_{t-1} + β_t M_t,    y_t = q_t S_t

    With μ = 0 it is the gated delta rule with the rate β η. The source (arXiv 2605.05838) has −M.

    Args:
        q, k: queries and keys [B, T, H, K], normalised.
        v: values [B, T, H, V].
        alpha, mu: decay of the memory and of the momentum [B, T, H].
        beta, eta: how much of the momentum is written, and how much of an error enters it.
        initial_state: (S_0, M_0), each [B, H, K, V]; None means zeros.

    Returns:
        y [B, T, H, V] and (S_T, M_T).
    """
    S, M = state
    outputs = []
    # Not by index: the gradient of each would be a tensor of all.
    steps = (x.unbind(1) for x in (q, k, v, alpha, mu, beta, eta))
    for q_t, k_t, v_t, alpha_t, mu_t, beta_t, eta_t in zip(*steps, strict=True):
        S = alpha_t[..., None, None] * S
        error = v_t - torch.einsum("bhk,bhkv->bhv", k_t, S)
        written = torch.einsum("bhk,bhv->bhkv", k_t, eta_t[..., None] * error)
        M = mu_t[..., None, None] * M + written
        S = S + beta_t[..., None, None] * M
        outputs.append(torch.einsum("bhk,bhkv->bhv", q_t, S))
    return torch.stack(outputs, dim=1), (S, M)
