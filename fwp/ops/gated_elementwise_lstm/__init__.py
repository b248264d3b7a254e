"""The whole layer of the e-LSTM: projections, the element-wise LSTM between them, output gate."""

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import op
from fwp.nn.linear import linear
from fwp.nn.split import split
from fwp.ops.elementwise_lstm import elementwise_lstm


def _initialised(x: Tensor, w_x: Tensor, b_x: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """Typical inputs: matrices about as large as they are at first."""
    w_z, w_f, w_o, b_o = others
    scale = x.shape[-1] ** -0.5
    return x, w_x * scale, b_x, w_z, w_f, w_o * scale, b_o


@op(cost=lambda n: 4 * n["D"] * n["D"] + 5 * n["D"], typical=_initialised)
def gated_elementwise_lstm(
    x: Float[Tensor, "B T D"],
    w_x: Float[Tensor, "2 D D"],
    b_x: Float[Tensor, "2 D"],
    w_z: Float[Tensor, " D"],
    w_f: Float[Tensor, " D"],
    w_o: Float[Tensor, "D 2 D"],
    b_o: Float[Tensor, " D"],
    c: Float[Tensor, "B D"],
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D"]]:
    """An element-wise LSTM (Irie et al., 2023) whose output gate sees input and cell.

        z_t = tanh(W_z x_t + w_z ∘ c_{t-1} + b_z),  f_t = σ(W_f x_t + w_f ∘ c_{t-1} + b_f)
        c_t = f_t ∘ c_{t-1} + (1 − f_t) ∘ z_t,      o_t = σ(W_o [x_t; c_t] + b_o)
        y_t = o_t ∘ c_t

    Args:
        x: inputs [B, T, D].
        w_x, b_x: of z and f, [2, D, D] and [2, D].
        w_z, w_f: recurrent weights [D].
        w_o, b_o: of the output gate, [D, 2, D], first for x, then for c, and [D].
        initial_state: c_0 [B, D]; None means zeros.

    Returns:
        y [B, T, D] and c_T [B, D].
    """
    z, f = torch.einsum("gdi,bti->gbtd", w_x, x) + b_x[:, None, None]
    cells, c = elementwise_lstm(z, f, w_z, w_f, c, backend="reference")
    both = torch.stack((x, cells), dim=2)
    o = torch.sigmoid(torch.einsum("dgi,btgi->btd", w_o, both) + b_o)
    return o * cells, c


@gated_elementwise_lstm.backend()
def composed(
    x: Tensor,
    w_x: Tensor,
    b_x: Tensor,
    w_z: Tensor,
    w_f: Tensor,
    w_o: Tensor,
    b_o: Tensor,
    c: Tensor,
) -> tuple[Tensor, Tensor]:
    """By the ops for its parts, of which a GPU and packs have kernels."""
    z, f = split(linear(x, w_x.flatten(0, 1), b_x.flatten()), 2 * x.shape[-1:])
    cells, c = elementwise_lstm(z, f, w_z, w_f, c)
    o = torch.sigmoid(linear(torch.cat((x, cells), dim=-1), w_o.flatten(1), b_o))
    return o * cells, c
