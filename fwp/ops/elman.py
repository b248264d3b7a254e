"""The simple recurrent net (Elman, 1990)."""

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.backend import only_on_cpu
from fwp.kernels.op import initialised, op


@op(cost=lambda n: n["D"] * (n["I"] + n["D"]), typical=initialised)
def elman(
    x: Float[Tensor, "B T I"],
    w_x: Float[Tensor, "D I"],
    w_h: Float[Tensor, "D D"],
    b: Float[Tensor, " D"],
    h: Float[Tensor, "B D"],
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D"]]:
    """The output is the state, and the state is fed back as it is.

        h_t = tanh(W x_t + R h_{t-1} + b)

    Args:
        x: inputs [B, T, I].
        w_x: weights of the input, W [D, I].
        w_h: recurrent weights, R [D, D].
        b: bias [D].
        initial_state: h_0 [B, D]; None means zeros.

    Returns:
        h [B, T, D] and h_T [B, D].
    """
    outputs = []
    for x_t in (x @ w_x.T + b).unbind(1):  # one product for all inputs: fewer kernels on a GPU
        h = torch.tanh(x_t + h @ w_h.T)
        outputs.append(h)
    return torch.stack(outputs, dim=1), h


@elman.backend(only_on_cpu)
def fused(x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """PyTorch's own, the one in `torch.nn.RNN`; it has a second bias, here zero."""
    weights = [w_x, w_h, b, torch.zeros_like(b)]
    y, h = torch.rnn_tanh(x, h.unsqueeze(0), weights, True, 1, 0.0, True, False, True)
    return y, h.squeeze(0)
