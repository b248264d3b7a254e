"""The element-wise LSTM: a unit feeds back only to itself (Irie, Csordás, Schmidhuber 2023)."""

from typing import Literal

import torch
from torch import Tensor, nn

from fwp.nn.linear import Linear
from fwp.ops.gated_elementwise_lstm import gated_elementwise_lstm


class ElementwiseLSTM(nn.Module):
    """An LSTM whose recurrent matrices are diagonal.

        z_t = tanh(W_z x_t + w_z ∘ c_{t-1} + b_z)
        f_t = σ(W_f x_t + w_f ∘ c_{t-1} + b_f)
        c_t = f_t ∘ c_{t-1} + (1 - f_t) ∘ z_t
        y_t = o_t ∘ c_t  with  o_t = σ(W_o [x_t; c_t] + b_o)

    Recurrent weights and biases of z and f are drawn from N(0, 0.1²).

    Args:
        hidden: width of input, output and cell.
        init: of W_z and W_f: uniform (U(-1/√hidden, 1/√hidden), as all other matrices) or normal
            (N(0, 0.1²), as in the authors' code).
    """

    title = "e-LSTM"
    state_names = ("c",)
    look = ("#332288", "dashed", "s")
    wiring = "plain"
    initial_options = ("init",)

    def __init__(self, hidden: int, *, init: Literal["uniform", "normal"] = "uniform"):
        super().__init__()
        self.input = Linear(hidden, 2 * hidden)
        self.output = Linear(2 * hidden, hidden)
        self.w_z = nn.Parameter(torch.empty(hidden))
        self.w_f = nn.Parameter(torch.empty(hidden))
        for parameter in (self.w_z, self.w_f, self.input.bias):
            nn.init.normal_(parameter, std=0.1)
        if init == "normal":
            nn.init.normal_(self.input.weight, std=0.1)

    def forward(self, x: Tensor, state: tuple[Tensor] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden]; the state is the cell (c,), [B, hidden]."""
        w_x, b_x = self.input.weight, self.input.bias
        y, cell = gated_elementwise_lstm(
            x,
            w_x.unflatten(0, (2, -1)),
            b_x.unflatten(0, (2, -1)),
            self.w_z,
            self.w_f,
            self.output.weight.unflatten(1, (2, -1)),
            self.output.bias,
            initial_state=None if state is None else state[0],
        )
        return y, (cell,)


MIXER = ElementwiseLSTM
