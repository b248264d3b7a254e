"""Momentum DeltaNet: the memory follows a running mean of its corrections (2026)."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fwp.mixers.kimi_delta import Inputs, KimiDeltaAttention
from fwp.nn.input_decay import Decay
from fwp.ops.momentum_delta_rule import momentum_delta_rule


class MomentumDeltaNet(KimiDeltaAttention):
    """A second matrix M collects the corrections (arXiv 2605.05838), with numbers per head:

        M_t = μ_t M_{t-1} + k_t ⊗ η_t (v_t - k_t α_t S_{t-1})
        S_t = α_t S_{t-1} + β_t M_t        y_t = q_t S_t

    For stability, α = cos²θ w and β = sin²θ σ(b), where tan θ = f η, with a learnt f > 0 per head.
    w and μ in (0, 1) are decays, μ at least e^-2, and η in (0, 2). All depend on x. With μ = 0 this
    is the gated delta rule with the rate β η. The layers around it are those of `kimi_delta`: the
    paper's subtract a share of the key from the query.

    The transition of (S, M) along the key has two eigenvalues, with the product α μ. They may be
    complex, and lie in the unit disc. So each head is a damped oscillator in the plane of S and M.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        conv_size: width of the short convolution; 0 leaves it out.
    """

    title = "Momentum DeltaNet"
    state_names = ("S", "M", "convolution")
    rates = 3

    def __init__(self, hidden: int, *, heads: int = 4, conv_size: int = 4):
        super().__init__(hidden, heads=heads, decay="number", conv_size=conv_size)
        self.momentum = Decay(heads)
        self.log_factor = nn.Parameter(torch.empty(heads).uniform_(0, 4).log())
        self.softening = math.sqrt(hidden)

    def rule(self, now: Inputs, memory: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
        """As in `KimiDeltaAttention`."""
        rate, step, momentum = now.rates.unbind(2)
        eta = 1 + torch.tanh(step / self.softening)
        angle = torch.atan(eta * self.log_factor.exp())
        y, state = momentum_delta_rule(
            now.q,
            now.k,
            now.v,
            angle.cos().square() * now.w[..., 0],
            self.momentum(momentum).squeeze(-1).clamp_min(math.exp(-2)),
            angle.sin().square() * torch.sigmoid(rate),
            eta,
            initial_state=None if memory[0] is None else tuple(memory),
        )
        return y, *state


MIXER = MomentumDeltaNet
