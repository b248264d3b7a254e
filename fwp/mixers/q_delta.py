"""Q-Delta: a delta rule that corrects what the query retrieves, too (2026)."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from fwp.mixers.kimi_delta import Inputs, KimiDeltaAttention
from fwp.ops.generalised_delta_rule import generalised_delta_rule


class QDelta(KimiDeltaAttention):
    """The error is that of a mixture of key and query (arXiv 2606.08804):

        S' = w_t S_{t-1}        S_t = S' + k_t ⊗ β_t (v_t - (k_t + λ_t q_t) S')        y_t = q_t S_t

    λ_t = σ(z_t - 0.9), with z linear in x; the bias is that of the public code. With λ = 0 this is
    the gated delta rule. The layers around it are those of `kimi_delta`, not of the paper, so that
    the two differ by their rules alone.

    The transition w (I - β k⊗(k + λ q)) has the eigenvalues w and w (1 - β (1 + λ k·q)), which are
    real and in [-1, 1]. So an eigenvalue can be negative with β in [0, 1], if q and k agree. Norms
    of transitions may exceed 1.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        allow_neg_eigval: β and λ in [0, 2] instead of [0, 1], as in the public code. Eigenvalues
            are then in [-5, 3], so that the memory can explode.
        decay: w has one number for the head, as in the paper, or one for each unit of a key. With
            a vector, eigenvalues may leave the unit disc, up to 1.25.
        conv_size: width of the short convolution; 0 leaves it out.
    """

    title = "Q-Delta"
    state_names = ("S", "convolution")
    rates = 2

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        allow_neg_eigval: bool = False,
        decay: Literal["vector", "number"] = "number",
        conv_size: int = 4,
    ):
        super().__init__(
            hidden,
            heads=heads,
            allow_neg_eigval=allow_neg_eigval,
            decay=decay,
            conv_size=conv_size,
        )

    def rule(self, now: Inputs, memory: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
        """As in `KimiDeltaAttention`."""
        _, q, k, v, w, rates = now
        beta, feedback = (part.unsqueeze(-1) for part in rates.unbind(2))
        write = self.largest_rate * torch.sigmoid(beta) * k
        mixed = k + self.largest_rate * torch.sigmoid(feedback - 0.9) * q
        value = self.largest_rate * torch.sigmoid(beta) * v
        return generalised_delta_rule(q, k, value, w, w * mixed, -write, memory[0])


MIXER = QDelta
