"""Preconditioned Kimi Delta Attention and Gated DeltaNet (2026)."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from fwp.mixers.kimi_delta import Inputs, KimiDeltaAttention
from fwp.nn.input_decay import Decay
from fwp.ops.generalised_delta_rule import generalised_delta_rule


class PreconditionedDelta(KimiDeltaAttention):
    """A unit of a key that was much in use is written with less strength (arXiv 2604.21100):

        A_t = g_t A_{t-1} + b_t k_t ∘ k_t        p_t = k_t ∘ c^{-s(log A_t - μ)}
        S' = diag(w_t) S_{t-1}        S_t = S' + p_t ⊗ β_t (v_t - k_t S')        y_t = q_t S_t

    A is a diagonal estimate of the curvature, s(r) = r / (1 + |r|) squashes its logarithm, and μ is
    a learnt number per head. g in (0, 1) decays A, and b in (0, 1) is a rate. So every unit of a
    key is multiplied by a number between 1/c and c. With c = 1 this is Kimi Delta Attention; see
    there for the layers around it. `decay: number` makes it preconditioned Gated DeltaNet.

    The transition (I - β p⊗k) diag(w) has real eigenvalues, at least 1 - c and at most 1, or
    1 - 2c with β in [0, 2]. So for 1 < c ≤ 2 one may be negative even with β in [0, 1].

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        allow_neg_eigval: β in [0, 2] instead of [0, 1].
        decay: w has a number for each unit of a key, or one for the head.
        squash: c, from 1 to 2.
        conv_size: width of the short convolution; 0 leaves it out.
    """

    title = "Preconditioned KDA"
    state_names = ("S", "A", "convolution")
    rates = 3

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        allow_neg_eigval: bool = False,
        decay: Literal["vector", "number"] = "vector",
        squash: float = 1.5,
        conv_size: int = 4,
    ):
        super().__init__(
            hidden,
            heads=heads,
            allow_neg_eigval=allow_neg_eigval,
            decay=decay,
            conv_size=conv_size,
        )
        if not 1 <= squash <= 2:
            raise ValueError(f"squash must be from 1 to 2, got {squash}")
        self.log_squash = math.log(squash)
        self.curvature_decay = Decay(heads)
        self.centre = nn.Parameter(torch.full((heads, 1), -0.2))

    def rule(self, now: Inputs, memory: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
        """As in `KimiDeltaAttention`. A, too, is a fast weight: of one key that is always 1."""
        _, q, k, v, w, rates = now
        beta, rate, decay = rates.unsqueeze(-1).unbind(2)
        one, none = torch.ones_like(rate), torch.zeros_like(rate)
        kept = self.curvature_decay(decay.squeeze(-1))
        curvature, A = generalised_delta_rule(
            one, torch.sigmoid(rate), k * k, kept, none, none, memory[1]
        )
        r = torch.log(curvature + 1e-6) - self.centre
        p = k * torch.exp(-self.log_squash * r / (1 + r.abs()))
        write = self.largest_rate * torch.sigmoid(beta) * p
        y, S = generalised_delta_rule(q, write, v, w, w * k, -write, memory[0])
        return y, S, A


MIXER = PreconditionedDelta
