"""The LSTM (Hochreiter & Schmidhuber, 1997, with the forget gate of Gers et al., 2000)."""

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.backend import only_on_cpu
from fwp.kernels.op import initialised, op

State = tuple[Float[Tensor, "B D"], Float[Tensor, "B D"]]


@op(cost=lambda n: 4 * n["D"] * (n["I"] + n["D"]) + 3 * n["D"], typical=initialised)
def lstm(
    x: Float[Tensor, "B T I"],
    w_x: Float[Tensor, "4 D I"],
    w_h: Float[Tensor, "4 D D"],
    b: Float[Tensor, "4 D"],
    state: State,
) -> tuple[Float[Tensor, "B T D"], State]:
    """Gates that see the input and the previous output guard a cell.

        i_t = σ(W_i x_t + R_i h_{t-1} + b_i),     f_t = σ(W_f x_t + R_f h_{t-1} + b_f)
        g_t = tanh(W_g x_t + R_g h_{t-1} + b_g),  o_t = σ(W_o x_t + R_o h_{t-1} + b_o)
        c_t = f_t ∘ c_{t-1} + i_t ∘ g_t,          h_t = o_t ∘ tanh(c_t)

    Args:
        x: inputs [B, T, I].
        w_x: weights of the input, W [4, D, I], in the order i, f, g, o, which is PyTorch's.
        w_h: recurrent weights, R [4, D, D], in the same order.
        b: biases [4, D].
        initial_state: (h_0, c_0), each [B, D]; None means zeros.

    Returns:
        h [B, T, D] and (h_T, c_T).
    """
    h, c = state
    outputs = []
    for t in range(x.shape[1]):
        gates = torch.einsum("gdi,bi->gbd", w_x, x[:, t]) + torch.einsum("gde,be->gbd", w_h, h)
        i, f, g, o = gates + b.unsqueeze(1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs, dim=1), (h, c)


@lstm.backend(only_on_cpu)
def fused(x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor, state: State) -> tuple[Tensor, State]:
    """PyTorch's own, the one in `torch.nn.LSTM`; it has a second bias, here zero."""
    weights = [w_x.flatten(0, 1), w_h.flatten(0, 1), b.flatten(), torch.zeros_like(b).flatten()]
    first = [part.unsqueeze(0) for part in state]
    y, h, c = torch.lstm(x, first, weights, True, 1, 0.0, True, False, True)
    return y, (h.squeeze(0), c.squeeze(0))
