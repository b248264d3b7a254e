"""M²RNN: a non-linear recurrent net whose state is a matrix (Mishra et al. 2026)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn.input_decay import Decay
from fwp.nn.linear import Linear
from fwp.nn.rms_norm import RMSNorm
from fwp.nn.short_convolution import ShortConvolution
from fwp.nn.sizes import at_least_one
from fwp.ops.m2rnn import m2rnn


class M2RNN(nn.Module):
    """Each row of a memory is the state of a recurrent net; all rows share its weights. Per head,

        [q, k, v]_t = silu(conv(W_in x)_t)      f_t = exp(-A softplus(w x_t + b))
        S_t = f_t S_{t-1} + (1 - f_t) tanh(S_{t-1} W + k_t ⊗ v_t)
        y_t = q_t S_t + D ∘ v_t      output: W_out RMSNorm(y_t ∘ silu(W_g x_t))

    A state is [N, P]. q and k are shared by all heads. W is the identity at first, and A and b are
    as in Mamba. With f = 0 a row is an Elman net; with small numbers the tanh does nothing, and W =
    I makes it linear attention.

    In training the authors clip the gradient of S at every step; here the gradient of the weights
    is clipped as of all models.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        states: N, rows of a head's memory.
        conv_size: width of the short convolution; 0 leaves it out.
    """

    title = "M²RNN"
    latex = "M$^2$RNN"
    state_names = ("S", "convolution")
    wiring = "pre_norm"

    def __init__(self, hidden: int, *, heads: int = 4, states: int = 16, conv_size: int = 4):
        super().__init__()
        at_least_one(states=states)
        self.heads, self.sizes = heads, (states, states, hidden)
        mixed, width = 2 * states + hidden, hidden // heads
        self.inputs = Linear(hidden, mixed + hidden + heads, bias=False)
        self.conv = ShortConvolution(mixed, conv_size) if conv_size else None
        self.keep = Decay(heads)
        self.feedback = nn.Parameter(torch.eye(width).repeat(heads, 1, 1))
        self.skip = nn.Parameter(torch.ones(heads, width))
        self.norm = RMSNorm(hidden)
        self.out = Linear(hidden, hidden, bias=False)

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden].

        The state is S [B, H, N, P], and the convolution's if there is one.
        """
        before, *seen = (None,) if state is None else state
        mixed, gate, keep = self.inputs(x).split((sum(self.sizes), x.shape[-1], self.heads), dim=-1)
        if self.conv is not None:
            mixed, *seen = self.conv(mixed, *seen)
        q, k, v = F.silu(mixed).split(self.sizes, dim=-1)
        q, k = (part.unsqueeze(2).expand(-1, -1, self.heads, -1).contiguous() for part in (q, k))
        v = v.unflatten(-1, (self.heads, -1))
        y, S = m2rnn(q, k, v, self.keep(keep).squeeze(-1), self.feedback, before)
        y = (y + self.skip * v).flatten(2) * F.silu(gate)
        return self.out(self.norm(y.unsqueeze(2)).squeeze(2)), (S, *seen)


MIXER = M2RNN
