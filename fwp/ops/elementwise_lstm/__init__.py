"""The element-wise LSTM: gates see the previous cell through one weight per unit."""

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import op


@op(cost=lambda n: 4 * n["D"])
def elementwise_lstm(
    z: Float[Tensor, "B T D"],
    f: Float[Tensor, "B T D"],
    w_z: Float[Tensor, " D"],
    w_f: Float[Tensor, " D"],
    c: Float[Tensor, "B D"],
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D"]]:
    """A leaky cell whose candidate and forget gate depend on the cell itself, unit by unit.

        z'_t = tanh(z_t + w_z ∘ c_{t-1}),  f'_t = σ(f_t + w_f ∘ c_{t-1})
        c_t = f'_t ∘ c_{t-1} + (1 − f'_t) ∘ z'_t

    The output gate of the model (Irie et al., 2023) sees c_t only and is applied outside.

    Args:
        z, f: pre-activations [B, T, D], biases added.
        w_z, w_f: recurrent weights [D].
        initial_state: c_0 [B, D]; None means zeros.

    Returns:
        c [B, T, D] and c_T [B, D].
    """
    cells = []
    for t in range(z.shape[1]):
        candidate = torch.tanh(z[:, t] + w_z * c)
        forget = torch.sigmoid(f[:, t] + w_f * c)
        c = forget * c + (1 - forget) * candidate
        cells.append(c)
    return torch.stack(cells, dim=1), c
