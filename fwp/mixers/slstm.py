"""sLSTM, the scalar memory of xLSTM (Beck et al. 2024)."""

from typing import Literal

import torch
from torch import Tensor, nn

from fwp.nn import initialisation
from fwp.nn.linear import Linear
from fwp.ops.slstm import slstm


class SLSTM(nn.Module):
    """An LSTM whose input gate is exponential and whose cell is divided by what it has let in.

        z_t = tanh(a^z_t)      o_t = σ(a^o_t)      with a_t = W x_t + h_{t-1} R + b
        C_t = σ(a^f_t) C_{t-1} + exp(a^i_t) z_t      N_t = σ(a^f_t) N_{t-1} + exp(a^i_t)
        h_t = o_t ∘ C_t / N_t

    so that a late input can outweigh all earlier ones. R is one block per head. C / N is a mean of
    values in (-1, 1). Like the GRU, it can be any finite automaton, but cannot count without bound.
    (`fwp.ops.slstm` says how overflow is avoided.) The convolution, group norm and gated
    feed-forward part of the paper's block are left out: the block is that of all other models.

    Biases of the forget gates rise from 3 to 6 over the units of a head; all others are 0. R is
    drawn from U(-1/√hidden, 1/√hidden).

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        init: uniform, as above, or authors, the default of the authors' code: R = 0, W is drawn
            from N(0, 2 / (5 · hidden)), and biases of the forget gates are 5 − 12 (i / (D − 1))^0.3
            for i from 0 to D − 1 in a head. (There the exponent rises to 1.6 in later layers.)
    """

    title = "sLSTM"
    state_names = ("h", "C / N", "log N")
    wiring = "pre_norm"
    initial_options = ("init",)

    def __init__(
        self, hidden: int, *, heads: int = 4, init: Literal["uniform", "authors"] = "uniform"
    ):
        super().__init__()
        self.heads = heads
        width = hidden // heads
        self.inputs = Linear(hidden, 4 * hidden)
        self.r = nn.Parameter(torch.empty(heads, 4, width, width))
        self.out = Linear(hidden, hidden, bias=False)
        nn.init.uniform_(self.r, -(hidden**-0.5), hidden**-0.5)
        nn.init.zeros_(self.inputs.bias)
        forget = torch.linspace(3.0, 6.0, width)
        if init == "authors":
            nn.init.zeros_(self.r)
            initialisation.small(self.inputs.weight)
            forget = 5 - 12 * torch.linspace(0.0, 1.0, width) ** 0.3
        self.inputs.bias.data.view(-1, 4, width)[:, 1] = forget

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor, Tensor] | None = None):
        """Map x [B, T, hidden] to y; the state is (h, C / N, log N), each [B, H, D]."""
        gates = self.inputs(x).unflatten(-1, (self.heads, 4, -1))
        h, state = slstm(gates, self.r, initial_state=state)
        return self.out(h.flatten(2)), state


MIXER = SLSTM
