"""Linear attention: the sum update rule of the linear Transformer (Schlag et al., 2021)."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.chunks import join_chunks, split_chunks
from fwp.kernels.op import op
from fwp.nn.elu_plus_one import mapped

CHUNK = 64


def _typical(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, ...]:
    return q.softmax(-1), k.softmax(-1), v


@op(cost=lambda n: 2 * n["K"] * n["V"], typical=_typical)
def linear_attention(
    q: Float[Tensor, "B T H K"],
    k: Float[Tensor, "B T H K"],
    v: Float[Tensor, "B T H V"],
    S: Float[Tensor, "B H K V"],
    *,
    feature_map: Literal["none", "elu", "elu_sum"] = "none",
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    """Add the outer product of key and value to the state, then read it with the query.

        S_t = S_{t-1} + φ(k_t) ⊗ v_t,    y_t = φ(q_t) S_t

    Args:
        q, k: queries and keys [B, T, H, K].
        v: values [B, T, H, V].
        initial_state: S_0 [B, H, K, V]; None means zeros.
        feature_map: φ: "none" (q and k are mapped already), "elu" (elu + 1) or "elu_sum" (that
            divided by its sum over the head).

    Returns:
        y [B, T, H, V] and S_T [B, H, K, V].
    """
    q, k = (mapped(x, feature_map, "reference") for x in (q, k))
    outputs = []
    for t in range(q.shape[1]):
        S = S + torch.einsum("bhk,bhv->bhkv", k[:, t], v[:, t])
        outputs.append(torch.einsum("bhk,bhkv->bhv", q[:, t], S))
    return torch.stack(outputs, dim=1), S


@linear_attention.backend()
def chunked(
    q: Tensor, k: Tensor, v: Tensor, S: Tensor, *, feature_map: str
) -> tuple[Tensor, Tensor]:
    """Matrix products within chunks of time, the state from chunk to chunk: linear cost in T.

    A chunk reads the state before it and, through a causal mask, its own writes:
    Y = Q S + tril(Q Kᵀ) V, after which S += Kᵀ V. Steps that fill the last chunk write zeros.
    """
    T = q.shape[1]
    q, k = mapped(q, feature_map), mapped(k, feature_map)
    q, k, v = (split_chunks(x, CHUNK) for x in (q, k, v))
    writes = k.transpose(-1, -2) @ v
    states = torch.cat([S.unsqueeze(2), writes], dim=2).cumsum(dim=2)
    y = q @ states[:, :, :-1] + (q @ k.transpose(-1, -2)).tril() @ v
    return join_chunks(y, T), states[:, :, -1]
