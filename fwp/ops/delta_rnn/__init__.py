"""Recurrent fast weights written by the delta rule: the fast net of the Delta RNN (Irie et al.,
2021)."""

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import op

State = tuple[Float[Tensor, "B H D D"], Float[Tensor, "B H D"]]


def _typical(z: Tensor, k: Tensor, v: Tensor, beta: Tensor) -> tuple[Tensor, ...]:
    return z, k.softmax(-1), v, beta.sigmoid()


@op(cost=lambda n: 3 * n["D"] ** 2, typical=_typical)
def delta_rnn(
    z: Float[Tensor, "B T H D"],
    k: Float[Tensor, "B T H D"],
    v: Float[Tensor, "B T H D"],
    beta: Float[Tensor, "B T H"],
    state: State,
) -> tuple[Float[Tensor, "B T H D"], State]:
    """A recurrent net whose recurrent matrix is being written while it runs.

        R_t = R_{t-1} + k_t ⊗ β_t (v_t − k_t R_{t-1}),    y_t = z_t + softmax(y_{t-1}) R_t

    Args:
        z: what the net is driven by [B, T, H, D]; in the model, the output of a delta rule.
        k, v: keys, feature map applied, and values [B, T, H, D].
        beta: write strengths [B, T, H].
        initial_state: (R_0, y_0), [B, H, D, D] and [B, H, D]; None means zeros.

    Returns:
        y [B, T, H, D] and (R_T, y_T).
    """
    R, y = state
    outputs = []
    for t in range(z.shape[1]):
        error = v[:, t] - torch.einsum("bhi,bhij->bhj", k[:, t], R)
        R = R + torch.einsum("bhi,bhj->bhij", k[:, t], beta[:, t].unsqueeze(-1) * error)
        y = z[:, t] + torch.einsum("bhi,bhij->bhj", torch.softmax(y, dim=-1), R)
        outputs.append(y)
    return torch.stack(outputs, dim=1), (R, y)
