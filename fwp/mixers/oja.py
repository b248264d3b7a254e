"""Oja's rule as a fast weight programmer, with decay (Oja 1982; Irie and Gershman 2025)."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from fwp.mixers.kimi_delta import Inputs, KimiDeltaAttention
from fwp.ops.oja_rule import oja_rule


class Oja(KimiDeltaAttention):
    """The delta rule corrects the value of a key, Oja's rule the key of a value:

        S' = S_{t-1} diag(w_t)        S_t = S' + β_t (k_t - S' v_t) ⊗ v_t        y_t = q_t S_t

    v has unit length, like q and k. The rest is as in `kimi_delta`, but each unit of a value has
    its own decay. flash-linear-attention has it as an op, the gated Oja rule. The transposed memory
    follows Kimi Delta Attention's rule, with keys and values exchanged.

    The transition diag(w) (I - β v⊗v) acts on S from the right. Its eigenvalues are real and in
    [0, 1]. With β in [0, 2], one of them may be negative, down to -1.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        allow_neg_eigval: β in [0, 2] instead of [0, 1].
        decay: w has a number for each unit of a value, or one for the head.
        conv_size: width of the short convolution; 0 leaves it out.
    """

    title = "Oja's rule"
    state_names = ("S", "convolution")

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        allow_neg_eigval: bool = False,
        decay: Literal["vector", "number"] = "vector",
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
        beta = self.largest_rate * torch.sigmoid(now.rates[:, :, 0])
        v = F.normalize(now.v, dim=-1)
        return oja_rule(now.q, now.k, v, beta, now.w, initial_state=memory[0])


MIXER = Oja
