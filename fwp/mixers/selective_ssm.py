"""A diagonal selective state space model, after Mamba (Gu & Dao 2023)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn.linear import Linear
from fwp.nn.short_convolution import ShortConvolution
from fwp.nn.step_size import initial_steps
from fwp.ops.selective_scan import selective_scan


class SelectiveSSM(nn.Module):
    """Each of E · hidden units has a state of N numbers, which decay at input-dependent rates.

        u_t = silu(conv(W_u x)_t)      [B_t, C_t] = W_BC u_t      Δ_t = softplus(W_2 W_1 u_t + b)
        h_t = exp(Δ_t A) ∘ h_{t-1} + Δ_t u_t ⊗ B_t      y_t = h_t C_t + D ∘ u_t
        output: W_out (y_t ∘ silu(W_g x_t))

    The transition is diagonal with eigenvalues in (0, 1): the state can fade, but its sign cannot
    flip. So in finite precision the model cannot track parity. With negative eigenvalues,
    2 exp(Δ_t A) - 1 in (-1, 1), a symbol can flip a sign. Then it can track parity, but not count
    modulo 3: that needs matrices that are not triangular (Grazzi et al. 2024).

    Mamba's blocks have no feed-forward part (`feed_forward: 0`).

    Initially A is -1, -2, ..., -N for every unit, and the bias of Δ is such that Δ is between 0.001
    and 0.1, as in Mamba.

    Args:
        hidden: width of input and output.
        states: N, numbers per unit.
        expand: E.
        conv_size: width of the short convolution before the recurrence; 0 leaves it out.
        allow_neg_eigval: whether the transition may be negative.
    """

    title = "Selective SSM"
    state_names = ("h", "convolution")
    wiring = "pre_norm"

    def __init__(
        self,
        hidden: int,
        *,
        states: int = 16,
        expand: int = 2,
        conv_size: int = 4,
        allow_neg_eigval: bool = False,
    ):
        super().__init__()
        self.allow_neg_eigval = allow_neg_eigval
        inner, rank = expand * hidden, math.ceil(hidden / 16)
        self.sizes = (rank, states, states)
        self.inputs = Linear(hidden, 2 * inner, bias=False)
        self.conv = ShortConvolution(inner, conv_size) if conv_size else None
        self.select = Linear(inner, sum(self.sizes), bias=False)
        self.delta = Linear(rank, inner)
        self.log_rates = nn.Parameter(torch.arange(1.0, states + 1).log().repeat(inner, 1))
        self.skip = nn.Parameter(torch.ones(inner))
        self.out = Linear(inner, hidden, bias=False)
        nn.init.uniform_(self.delta.weight, -(rank**-0.5), rank**-0.5)
        self.delta.bias.data = initial_steps(inner)

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None):
        """Map x [B, T, hidden] to y.

        The state is h [B, E · hidden, N], and the convolution's if there is one.
        """
        h, *past = (None, None) if state is None else state
        u, gate = self.inputs(x).chunk(2, dim=-1)
        if self.conv is not None:
            u, *past = self.conv(u, *past)
        else:
            past = ()
        u = F.silu(u)
        low, b, c = self.select(u).split(self.sizes, dim=-1)
        y, h = selective_scan(
            u,
            F.softplus(self.delta(low)),
            -torch.exp(self.log_rates),
            b,
            c,
            initial_state=h,
            allow_neg_eigval=self.allow_neg_eigval,
        )
        return self.out((y + self.skip * u) * F.silu(gate)), (h, *past)


MIXER = SelectiveSSM
