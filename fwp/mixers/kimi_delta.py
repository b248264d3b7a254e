"""Kimi Delta Attention: a delta rule in which every unit of a key has its own decay (2025)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn.input_decay import Decay
from fwp.nn.linear import Linear
from fwp.nn.rms_norm import RMSNorm
from fwp.nn.short_convolution import ShortConvolution
from fwp.nn.silu_l2 import silu_l2
from fwp.ops.generalised_delta_rule import gated_delta_rule


class KimiDeltaAttention(nn.Module):
    """Gated DeltaNet with a vector w_t in (0, 1) instead of a number (Kimi Team 2025):

        S' = diag(w_t) S_{t-1}        S_t = S' + k_t ⊗ β_t (v_t - k_t S')        y_t = q_t S_t

    q, k and v are linear in x, through a short convolution and a SiLU; q and k have unit length.
    The output is W_o (RMSNorm(y) ∘ σ(gate)); the gate and w come from maps of rank D.

    The transition (I - β k⊗k) diag(w) is similar to a symmetric matrix: its eigenvalues are real.
    They are in [0, 1]. With β in [0, 2], one of them may be negative, down to -1.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        allow_neg_eigval: β in [0, 2] instead of [0, 1].
        conv_size: width of the short convolution; 0 leaves it out.
    """

    title = "Kimi Delta Attention"
    state_names = ("S", "convolution")
    wiring = "pre_norm"

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        allow_neg_eigval: bool = False,
        conv_size: int = 4,
    ):
        super().__init__()
        self.heads = heads
        self.largest_rate = 2 if allow_neg_eigval else 1
        width = hidden // heads
        self.qkv = Linear(hidden, 3 * hidden, bias=False)
        self.conv = ShortConvolution(3 * hidden, conv_size) if conv_size else None
        self.narrow = Linear(hidden, 2 * width + heads, bias=False)
        self.to_decay = Linear(width, hidden, bias=False)
        self.to_gate = Linear(width, hidden)
        self.decay = Decay(heads, width)
        self.norm = RMSNorm(width)
        self.out = Linear(hidden, hidden, bias=False)

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden].

        The state is (S [B, H, D, D], the convolution's), or (S,) without a convolution.
        """
        batch, time, hidden = x.shape
        width = hidden // self.heads
        memory, *seen = (None,) if state is None else state
        qkv = self.qkv(x)
        if self.conv is not None:
            qkv, *seen = self.conv(qkv, *seen)
        qkv = qkv.view(batch, time, 3, self.heads, width)
        q, k = silu_l2(qkv[:, :, :2]).unbind(2)
        decay, gate, beta = self.narrow(x).split((width, width, self.heads), dim=-1)
        y, memory = gated_delta_rule(
            q,
            k,
            F.silu(qkv[:, :, 2]),
            self.largest_rate * torch.sigmoid(beta),
            self.decay(self.to_decay(decay)),
            initial_state=memory,
        )
        y = self.norm(y).flatten(2) * torch.sigmoid(self.to_gate(gate))
        return self.out(y), (memory, *seen)


MIXER = KimiDeltaAttention
