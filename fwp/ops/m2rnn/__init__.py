"""A recurrent net whose state is a matrix (M²RNN; Mishra et al., 2026)."""

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import op


def _typical(q, k, v, f, w) -> tuple[Tensor, ...]:
    return q, k, v, f.sigmoid(), w / w.shape[-1] ** 0.5


@op(cost=lambda n: n["K"] * n["V"] * (n["V"] + 4), typical=_typical)
def m2rnn(
    q: Float[Tensor, "B T H K"],
    k: Float[Tensor, "B T H K"],
    v: Float[Tensor, "B T H V"],
    f: Float[Tensor, "B T H"],
    w: Float[Tensor, "H V V"],
    S: Float[Tensor, "B H K V"],
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    """All rows of the state are fed back through one matrix, and a gate keeps a share of them.

        S_t = f_t S_{t-1} + (1 − f_t) tanh(S_{t-1} W + k_t ⊗ v_t),    y_t = q_t S_t

    Args:
        q, k: queries and keys [B, T, H, K].
        v: values [B, T, H, V].
        f: shares that stay [B, T, H], in (0, 1).
        w: recurrent weights W [H, V, V].
        initial_state: S_0 [B, H, K, V]; None means zeros.

    Returns:
        y [B, T, H, V] and S_T [B, H, K, V].
    """
    outputs = []
    # Not by index: the gradient of each would be a tensor of all.
    steps = (x.unbind(1) for x in (q, k, v, f))
    for q_t, k_t, v_t, f_t in zip(*steps, strict=True):
        keep, write = f_t[..., None, None], torch.einsum("bhk,bhv->bhkv", k_t, v_t)
        S = keep * S + (1 - keep) * torch.tanh(S @ w + write)
        outputs.append(torch.einsum("bhk,bhkv->bhv", q_t, S))
    return torch.stack(outputs, dim=1), S
