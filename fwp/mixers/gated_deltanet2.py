"""Gated DeltaNet-2: Kimi Delta Attention that erases and writes by gates of their own (2026)."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from fwp.mixers.kimi_delta import Inputs, KimiDeltaAttention
from fwp.nn.linear import Linear
from fwp.ops.generalised_delta_rule import generalised_delta_rule


class GatedDeltaNet2(KimiDeltaAttention):
    """The number β of Kimi Delta Attention becomes two vectors (arXiv 2605.22791):

        S' = diag(w_t) S_{t-1}        S_t = S' + k_t ⊗ (e_t ∘ v_t - (b_t ∘ k_t) S')
        y_t = q_t S_t

    The erase gate b_t has a number for every unit of a key, the write gate e_t one for every unit
    of a value. Both are σ of a linear map of x. If all numbers of a head are the same β, this is
    Kimi Delta Attention; see there for the layers around it. If all of w are the same too, it is
    Gated DeltaNet.

    The transition (I - k⊗(b∘k)) diag(w) has real eigenvalues in [0, 1]. With b in [0, 2] one may be
    negative, down to -1.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        allow_neg_eigval: b in [0, 2] instead of [0, 1]. As in the public code, e stays in [0, 1].
        signed_gates: w in (-1, 1) instead of (0, 1).
        decay: w has a number for each unit of a key, or one for the head.
        silu: whether q, k and v go through a SiLU.
        conv_size: width of the short convolution; 0 leaves it out.
    """

    title = "Gated DeltaNet-2"
    state_names = ("S", "convolution")
    rates = 0

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
        super().__init__(
            hidden,
            heads=heads,
            allow_neg_eigval=allow_neg_eigval,
            signed_gates=signed_gates,
            decay=decay,
            silu=silu,
            conv_size=conv_size,
        )
        self.to_erase = Linear(hidden, hidden, bias=False)
        self.to_write = Linear(hidden, hidden, bias=False)

    def rule(self, now: Inputs, memory: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
        """As in `KimiDeltaAttention`."""
        _, q, k, v, w, _ = now
        erase = self.largest_rate * torch.sigmoid(self.to_erase(now.x)).view_as(k)
        write = torch.sigmoid(self.to_write(now.x)).view_as(v)
        return generalised_delta_rule(q, k, write * v, w, -w * erase * k, k, memory[0])


MIXER = GatedDeltaNet2
