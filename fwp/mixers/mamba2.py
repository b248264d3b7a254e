"""Mamba-2: a selective state space model with one decay per head (Dao and Gu 2024)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn.linear import Linear
from fwp.nn.rms_norm import RMSNorm
from fwp.nn.short_convolution import ShortConvolution
from fwp.nn.sizes import at_least_one
from fwp.nn.step_size import initial_steps
from fwp.ops.gated_linear_attention import gated_linear_attention


class Mamba2(nn.Module):
    """Gated linear attention whose keys and queries all heads share. Per head, with width P,

        [x', B, C]_t = silu(conv(W x)_t + b)      Δ_t = softplus(w_Δ x_t + b_Δ)
        S_t = exp(-A Δ_t) S_{t-1} + B_t ⊗ Δ_t x'_t      y_t = C_t S_t + D x'_t
        output: W_out RMSNorm(y_t ∘ silu(W_z x_t))

    A state is [N, P]: C and B are query and key, x' is the value. A, Δ, b_Δ and D are numbers. The
    transition is a number in (0, 1): a state can fade, but its sign cannot flip.

    Mamba's blocks have no feed-forward part (`feed_forward: 0`).

    Initially A is in U(1, 16) and softplus(b_Δ) log-uniform over 0.001 to 0.1, as in the paper.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `expand` · `hidden`.
        states: N.
        expand: the heads together are `expand` · `hidden` wide.
        conv_size: width of the short convolution; 0 leaves it out, and its bias b too.
    """

    title = "Mamba-2"
    state_names = ("S", "convolution")
    wiring = "pre_norm"

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        states: int = 16,
        expand: int = 2,
        conv_size: int = 4,
    ):
        super().__init__()
        at_least_one(states=states, expand=expand)
        inner = expand * hidden
        if inner % heads:
            raise ValueError(f"heads must divide expand · hidden = {inner}, got {heads}")
        self.heads, self.sizes = heads, (inner, states, states)
        mixed = inner + 2 * states
        self.inputs = Linear(hidden, inner + mixed + heads, bias=False)
        self.conv = ShortConvolution(mixed, conv_size) if conv_size else None
        if conv_size:
            self.bias = nn.Parameter(torch.empty(mixed))
            nn.init.uniform_(self.bias, -(conv_size**-0.5), conv_size**-0.5)
        self.log_rate = nn.Parameter(torch.empty(heads).uniform_(1, 16).log())
        self.step = nn.Parameter(initial_steps(heads))
        self.skip = nn.Parameter(torch.ones(heads))
        self.norm = RMSNorm(inner)
        self.out = Linear(inner, hidden, bias=False)

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden].

        The state is S [B, H, N, P], and the convolution's if there is one.
        """
        before, *seen = (None,) if state is None else state
        inner, states, _ = self.sizes
        gate, mixed, step = self.inputs(x).split((inner, inner + 2 * states, self.heads), dim=-1)
        if self.conv is not None:
            mixed, *seen = self.conv(mixed, *seen)
            mixed = mixed + self.bias
        v, k, q = F.silu(mixed).split(self.sizes, dim=-1)
        v = v.unflatten(-1, (self.heads, -1))
        q, k = (part.unsqueeze(2).expand(-1, -1, self.heads, -1).contiguous() for part in (q, k))
        step = F.softplus(step + self.step).unsqueeze(-1)
        w = torch.exp(-self.log_rate.exp().unsqueeze(-1) * step)
        y, S = gated_linear_attention(q, k, step * v, w, before)
        y = (y + self.skip.unsqueeze(-1) * v).flatten(2) * F.silu(gate)
        return self.out(self.norm(y.unsqueeze(2)).squeeze(2)), (S, *seen)


MIXER = Mamba2
