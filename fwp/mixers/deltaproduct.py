"""DeltaProduct: several steps of the delta rule per symbol (Siems et al. 2025)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn.input_decay import Decay
from fwp.nn.linear import Linear
from fwp.nn.rms_norm import RMSNorm
from fwp.nn.short_convolution import ShortConvolution
from fwp.nn.silu_l2 import silu_l2
from fwp.ops.delta_rule import delta_rule
from fwp.ops.gated_delta_rule import gated_delta_rule


class DeltaProduct(nn.Module):
    """Every symbol has n_h keys, values and rates. They are written one after another:

        S ← w_t S_{t-1}        w_t = 1 unless gated
        S ← S + k_i ⊗ β_i (v_i - k_i S)        i = 1 … n_h
        y_t = q_t S_t

    q, k and v are linear in x, through a short convolution and a SiLU; q and k have unit length.
    The output is W_o (RMSNorm(y) ∘ silu(W_g x)).

    The transition w Π (I - β_i k_i⊗k_i) is a product of n_h (generalised) Householder matrices,
    reflections where β = 2. One factor has real eigenvalues: 1 and 1 - β in [-1, 1]. Two factors
    make any rotation in a plane, with eigenvalues e^{±iθ}. n_h factors make every orthogonal matrix
    that moves at most n_h dimensions. So one layer can track a group if its elements are such
    matrices: S3, S4 and A5, rotations and reflections of two and three dimensions, with n_h = 2,
    and S5 with n_h = 4.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        householders: n_h.
        gate: whether w_t is learnt, one number per head in (0, 1) (see `fwp.nn.input_decay`): Gated
            DeltaProduct.
        allow_neg_eigval: β in [0, 2] instead of [0, 1].
        conv_size: width of the short convolution; 0 leaves it out.
    """

    title = "DeltaProduct"
    state_names = ("S", "convolution")
    wiring = "pre_norm"

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        householders: int = 2,
        gate: bool = False,
        allow_neg_eigval: bool = True,
        conv_size: int = 4,
    ):
        super().__init__()
        if householders < 1:
            raise ValueError(f"householders must be at least 1, got {householders}")
        self.heads, self.steps = heads, householders
        self.largest_rate = 2 if allow_neg_eigval else 1
        width = (1 + 2 * householders) * hidden
        self.qkv = Linear(hidden, width, bias=False)
        self.conv = ShortConvolution(width, conv_size) if conv_size else None
        self.rates = Linear(hidden, (householders + gate) * heads, bias=False)
        self.decay = Decay(heads) if gate else None
        self.norm = RMSNorm(hidden // heads)
        self.output_gate = Linear(hidden, hidden, bias=False)
        self.out = Linear(hidden, hidden, bias=False)

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden].

        The state is (S [B, H, D, D], the convolution's), or (S,) without a convolution.
        """
        batch, time, hidden = x.shape
        heads, n = self.heads, self.steps
        memory, *seen = (None,) if state is None else state
        qkv = self.qkv(x)
        if self.conv is not None:
            qkv, *seen = self.conv(qkv, *seen)
        qkv = qkv.view(batch, time, 1 + 2 * n, heads, hidden // heads)
        q, k = silu_l2(qkv[:, :, : 1 + n]).split((1, n), dim=2)
        v = F.silu(qkv[:, :, 1 + n :])
        beta, decay = self.rates(x).split((n * heads, heads * (self.decay is not None)), dim=-1)
        beta = (self.largest_rate * torch.sigmoid(beta)).view(batch, time, n, heads)

        # The steps of a symbol are steps of time: nothing is read before the last.
        q = F.pad(q, (0, 0, 0, 0, n - 1, 0))
        q, k, v, beta = (part.flatten(1, 2) for part in (q, k, v, beta))
        if self.decay is None:
            y, memory = delta_rule(q, k, v, beta, initial_state=memory)
        else:
            w = F.pad(self.decay(decay).squeeze(-1).unsqueeze(2), (0, 0, 0, n - 1), value=1.0)
            y, memory = gated_delta_rule(q, k, v, beta, w.flatten(1, 2), initial_state=memory)
        y = self.norm(y.unflatten(1, (time, n))[:, :, -1]).flatten(2)
        return self.out(y * F.silu(self.output_gate(x))), (memory, *seen)


MIXER = DeltaProduct
