"""mLSTM, the matrix memory of xLSTM (Beck et al. 2024)."""

from typing import Literal

import torch
from torch import Tensor, nn

from fwp.nn import initialisation
from fwp.nn.linear import Linear
from fwp.ops.mlstm import mlstm


class MLSTM(nn.Module):
    """The linear Transformer with a weight for each write, a decay and a normaliser. Per head,

        C_t = f_t C_{t-1} + i_t k_t ⊗ v_t      n_t = f_t n_{t-1} + i_t k_t
        h_t = q_t C_t / max(|q_t · n_t|, 1)      y_t = W_out (σ(W_o x_t + b_o) ∘ h_t)

    with i_t = exp(w_i x_t + b_i), f_t = σ(w_f x_t + b_f), one of each per head, and k divided by
    √D. The state is multiplied by a number in (0, 1): it can fade, but its sign cannot flip. The
    convolution, norm and up-projection of the paper's block are left out: the block is that of all
    other models.

    Initially w_i and w_f are 0, biases of the forget gates rise from 3 to 6 over the heads, and
    those of the input gates are drawn from N(0, 0.1²), as in the authors' code.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        init: of the other weights: uniform, as all linear layers, or authors, as in the authors'
            code for one block: matrices of q, k, v and o from N(0, 2 / (5 · hidden)), W_out from
            N(0, 4 / hidden), b_o = 0.
    """

    title = "mLSTM"
    state_names = ("C", "n", "m")
    wiring = "pre_norm"
    initial_options = ("init",)

    def __init__(
        self, hidden: int, *, heads: int = 4, init: Literal["uniform", "authors"] = "uniform"
    ):
        super().__init__()
        self.heads = heads
        self.qkv = Linear(hidden, 3 * hidden, bias=False)
        self.o = Linear(hidden, hidden)
        self.gates = Linear(hidden, 2 * heads)
        self.out = Linear(hidden, hidden, bias=False)
        nn.init.zeros_(self.gates.weight)
        nn.init.normal_(self.gates.bias[:heads], std=0.1)
        self.gates.bias.data[heads:] = torch.linspace(3.0, 6.0, heads)
        if init == "authors":
            initialisation.small(self.qkv.weight)
            initialisation.small(self.o.weight)
            nn.init.zeros_(self.o.bias)
            nn.init.normal_(self.out.weight, std=2 * hidden**-0.5)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor, Tensor] | None = None):
        """Map x [B, T, hidden] to y; the state is (C, n, m) of `fwp.ops.mlstm`."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(2)
        i, f = self.gates(x).chunk(2, dim=-1)
        h, state = mlstm(q, k * k.shape[-1] ** -0.5, v, i, f, initial_state=state)
        return self.out(torch.sigmoid(self.o(x)) * h.flatten(2)), state


MIXER = MLSTM
