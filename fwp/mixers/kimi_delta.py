"""Kimi Delta Attention: a delta rule in which every unit of a key has its own decay (2025)."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn.input_decay import Decay
from fwp.nn.linear import Linear
from fwp.nn.rms_norm import RMSNorm
from fwp.nn.short_convolution import ShortConvolution
from fwp.nn.signed_gate import SignedGate
from fwp.nn.silu_l2 import silu_l2
from fwp.ops.generalised_delta_rule import gated_delta_rule


class Inputs(NamedTuple):
    """What a rule takes of the symbols: x [B, T, hidden]; q, k, v and the decay w [B, T, H, D];
    rates, pre-activations [B, T, n, H].
    """

    x: Tensor
    q: Tensor
    k: Tensor
    v: Tensor
    w: Tensor
    rates: Tensor


class KimiDeltaAttention(nn.Module):
    """Gated DeltaNet with a vector w_t in (0, 1) instead of a number (Kimi Team 2025):

        S' = diag(w_t) S_{t-1}        S_t = S' + k_t ⊗ β_t (v_t - k_t S')        y_t = q_t S_t

    q, k and v are linear in x, through a short convolution and a SiLU; q and k have unit length.
    The output is W_o (RMSNorm(y) ∘ σ(gate)); the gate and w come from maps of rank D.

    The transition (I - β k⊗k) diag(w) is similar to a symmetric matrix: its eigenvalues are real.
    They are in [0, 1]. With β in [0, 2], one of them may be negative, down to -1.

    With `signed_gates`, w is in (-1, 1), and no change of basis makes the transition symmetric
    (complex Kimi delta attention, arXiv 2609.24797). w_i = -1 is a reflection of unit i. Together
    with a reflection by k (β = 2) it is a rotation, with eigenvalues e^{±iθ}. So one step can turn
    by any angle, where DeltaProduct takes two steps. At most one pair of eigenvalues is complex.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        allow_neg_eigval: β in [0, 2] instead of [0, 1].
        signed_gates: w in (-1, 1) instead of (0, 1); half of its numbers begin below zero.
        decay: w has a number for each unit of a key, or one for the head, as in Gated DeltaNet.
        silu: whether q, k and v go through a SiLU. Keys after a SiLU are hardly ever negative, so
            that few planes of rotation are within reach. The paper's experiments on groups have no
            SiLU.
        conv_size: width of the short convolution; 0 leaves it out.
    """

    title = "Kimi Delta Attention"
    state_names = ("S", "convolution")
    wiring = "pre_norm"
    rates = 1  # per head, linear in x: β here, and what else the rules of descendants take

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        allow_neg_eigval: bool = False,
        signed_gates: bool = False,
        decay: Literal["vector", "number"] = "vector",
        silu: bool = True,
        conv_size: int = 4,
    ):
        super().__init__()
        self.heads, self.silu = heads, silu
        self.largest_rate = 2 if allow_neg_eigval else 1
        width = hidden // heads
        self.qkv = Linear(hidden, 3 * hidden, bias=False)
        self.conv = ShortConvolution(3 * hidden, conv_size) if conv_size else None
        self.parts = (width if decay == "vector" else heads, width, self.rates * heads)
        self.narrow = Linear(hidden, sum(self.parts), bias=False)
        self.to_decay = Linear(width, hidden, bias=False) if decay == "vector" else None
        self.to_gate = Linear(width, hidden)
        gate = SignedGate if signed_gates else Decay
        self.decay = gate(heads, width if decay == "vector" else 1)
        self.norm = RMSNorm(width)
        self.out = Linear(hidden, hidden, bias=False)
        if signed_gates and self.to_decay is not None:  # the signs that are drawn last for a while
            self.to_decay.weight.data *= 0.1

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden].

        The state is S [B, H, D, D], what the rule of a descendant keeps beside it (M or A, as its
        `state_names` say), and the convolution's, if there is one.
        """
        batch, time, hidden = x.shape
        width, parts = hidden // self.heads, len(self.state_names) - 1
        memory = (None,) * parts if state is None else state[:parts]
        seen = () if state is None else state[parts:]
        qkv = self.qkv(x)
        if self.conv is not None:
            qkv, *seen = self.conv(qkv, *seen)
        qkv = qkv.view(batch, time, 3, self.heads, width)
        v = qkv[:, :, 2]
        if self.silu:
            (q, k), v = silu_l2(qkv[:, :, :2]).unbind(2), F.silu(v)
        else:
            q, k = F.normalize(qkv[:, :, :2], dim=-1).unbind(2)
        decay, gate, rates = self.narrow(x).split(self.parts, dim=-1)
        w = self.decay(decay if self.to_decay is None else self.to_decay(decay))
        rates = rates.unflatten(-1, (self.rates, self.heads))
        y, *memory = self.rule(Inputs(x, q, k, v, w.expand_as(k), rates), memory)
        y = self.norm(y).flatten(2) * torch.sigmoid(self.to_gate(gate))
        return self.out(y), (*memory, *seen)

    def rule(self, now: Inputs, memory: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
        """What reads and writes the memory; descendants have their own.

        Args:
            now: what the symbols say.
            memory: the parts of the state but the convolution's, or None for each.

        Returns:
            y [B, T, H, D] and the parts of the state.
        """
        beta = self.largest_rate * torch.sigmoid(now.rates[:, :, 0])
        return gated_delta_rule(now.q, now.k, now.v, beta, now.w, initial_state=memory[0])


MIXER = KimiDeltaAttention
