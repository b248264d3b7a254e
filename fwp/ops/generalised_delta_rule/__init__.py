"""The generalised delta rule: decay, erase by one key, write by another (Peng et al., 2025)."""

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import op


def _typical(q, k, v, w, a, b) -> tuple[Tensor, ...]:
    key = torch.nn.functional.normalize(a, dim=-1)
    return q, k, v, w.sigmoid(), -key, key * b.sigmoid()


@op(cost=lambda n: 5 * n["K"] * n["V"], typical=_typical)
def generalised_delta_rule(
    q: Float[Tensor, "B T H K"],
    k: Float[Tensor, "B T H K"],
    v: Float[Tensor, "B T H V"],
    w: Float[Tensor, "B T H K"],
    a: Float[Tensor, "B T H K"],
    b: Float[Tensor, "B T H K"],
    S: Float[Tensor, "B H K V"],
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    """A transition that is a diagonal matrix plus one of rank one, then a write and a read.

        S_t = diag(w_t) S_{t-1} + b_t ⊗ (a_t S_{t-1}) + k_t ⊗ v_t,    y_t = q_t S_t

    With a = w ∘ k and b = −β k it is the delta rule with decay (`gated_delta_rule` below); RWKV-7
    has a = −κ and b = κ ∘ its rates.

    Args:
        q: queries [B, T, H, K].
        k, v: what is written, keys [B, T, H, K] and values [B, T, H, V].
        w: decay [B, T, H, K], usually in (0, 1); any number will do, 0 too.
        a, b: what is read of the old state, and under which key it is added, [B, T, H, K].
        initial_state: S_0 [B, H, K, V]; None means zeros.

    Returns:
        y [B, T, H, V] and S_T [B, H, K, V].
    """
    outputs = []
    for t in range(q.shape[1]):
        read = torch.einsum("bhk,bhkv->bhv", a[:, t], S)
        S = w[:, t].unsqueeze(-1) * S
        S = S + torch.einsum("bhk,bhv->bhkv", b[:, t], read)
        S = S + torch.einsum("bhk,bhv->bhkv", k[:, t], v[:, t])
        outputs.append(torch.einsum("bhk,bhkv->bhv", q[:, t], S))
    return torch.stack(outputs, dim=1), S


def gated_delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    beta: Tensor,
    w: Tensor,
    initial_state: Tensor | None = None,
    *,
    backend: str = "auto",
) -> tuple[Tensor, Tensor]:
    """The delta rule on a state that decays first, by `generalised_delta_rule`.

        S' = diag(w_t) S_{t-1},    S_t = S' + k_t ⊗ β_t (v_t − k_t S'),    y_t = q_t S_t

    Args:
        q, k, v, initial_state, backend: as there; keys are normalised.
        beta: write strengths [B, T, H].
        w: decay [B, T, H, K], or [B, T, H, 1] for one number per head.
    """
    beta = beta.unsqueeze(-1)
    write, w = beta * k, w.expand_as(k)
    return generalised_delta_rule(q, write, v, w, w * k, -write, initial_state, backend=backend)
