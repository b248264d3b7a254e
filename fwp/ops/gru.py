"""The gated recurrent unit (Cho et al., 2014), in the variant of `torch.nn.GRU`."""

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.backend import only_on_cpu
from fwp.kernels.op import initialised, op


@op(cost=lambda n: 3 * n["D"] * (n["I"] + n["D"]) + 3 * n["D"], typical=initialised)
def gru(
    x: Float[Tensor, "B T I"],
    w_x: Float[Tensor, "3 D I"],
    w_h: Float[Tensor, "3 D D"],
    b: Float[Tensor, "4 D"],
    h: Float[Tensor, "B D"],
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D"]]:
    """The state moves towards a candidate, which sees as much of the state as a gate lets through.

        r_t = σ(W_r x_t + R_r h_{t-1} + b_r),  z_t = σ(W_z x_t + R_z h_{t-1} + b_z)
        n_t = tanh(W_n x_t + b_n + r_t ∘ (R_n h_{t-1} + b_h))
        h_t = z_t ∘ h_{t-1} + (1 − z_t) ∘ n_t

    Args:
        x: inputs [B, T, I].
        w_x: weights of the input, W [3, D, I], in the order r, z, n, which is PyTorch's.
        w_h: recurrent weights, R [3, D, D], in the same order.
        b: biases [4, D]: those of r, z, n, and b_h.
        initial_state: h_0 [B, D]; None means zeros.

    Returns:
        h [B, T, D] and h_T [B, D].
    """
    outputs = []
    inputs = torch.einsum("gdi,bti->tgbd", w_x, x) + b[:3].unsqueeze(1)
    for x_t in inputs.unbind():  # one product for all inputs: fewer kernels on a GPU
        x_r, x_z, x_n = x_t.unbind()
        h_r, h_z, h_n = torch.einsum("gde,be->gbd", w_h, h)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * (h_n + b[3]))
        h = z * h + (1 - z) * n
        outputs.append(h)
    return torch.stack(outputs, dim=1), h


@gru.backend(only_on_cpu)
def fused(x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """PyTorch's own, the one in `torch.nn.GRU`; it has second biases of r and z, here zero."""
    second = torch.cat([torch.zeros_like(b[:2]), b[3:]])
    weights = [w_x.flatten(0, 1), w_h.flatten(0, 1), b[:3].flatten(), second.flatten()]
    y, h = torch.gru(x, h.unsqueeze(0), weights, True, 1, 0.0, True, False, True)
    return y, h.squeeze(0)
