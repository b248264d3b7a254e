"""Erase-then-Delta Attention (EDA): it erases under one key, then writes under another (2026)."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.mixers.kimi_delta import Inputs, KimiDeltaAttention
from fwp.nn.linear import Linear
from fwp.nn.sizes import at_least_one
from fwp.ops.generalised_delta_rule import gated_delta_rule


class EraseThenDelta(KimiDeltaAttention):
    """Kimi Delta Attention that first erases under a key of its own (arXiv 2606.26560):

        S' = diag(w_t) S_{t-1}        S'' = S' - e_t ⊗ γ_t (e_t S')
        S_t = S'' + k_t ⊗ β_t (v_t - k_t S'')        y_t = q_t S_t

    e_t has unit length, and comes from a linear map of x of low rank, one for each head. γ_t is σ
    of a linear map of x. With γ = 0 this is Kimi Delta Attention; see there for the layers around
    it. It is also a Gated DeltaProduct with two steps, the first of which writes zeros.

    The transition (I - β k⊗k) (I - γ e⊗e) diag(w) is a product of three symmetric matrices, so that
    its eigenvalues may be complex. They are in the unit disc. With γ and β in [0, 2] it rotates
    like two Householder steps.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        allow_neg_eigval: β and γ in [0, 2] instead of [0, 1].
        decay: w has a number for each unit of a key, or one for the head.
        rank: rank of the map that makes e.
        conv_size: width of the short convolution; 0 leaves it out.
    """

    title = "Erase-then-Delta"
    state_names = ("S", "convolution")
    rates = 2

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        allow_neg_eigval: bool = False,
        decay: Literal["vector", "number"] = "vector",
        rank: int = 16,
        conv_size: int = 4,
    ):
        super().__init__(
            hidden,
            heads=heads,
            allow_neg_eigval=allow_neg_eigval,
            decay=decay,
            conv_size=conv_size,
        )
        at_least_one(rank=rank)
        self.to_address = Linear(hidden, heads * rank, bias=False)
        bound = rank**-0.5
        self.address = nn.Parameter(
            torch.empty(heads, rank, hidden // heads).uniform_(-bound, bound)
        )

    def rule(self, now: Inputs, memory: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
        """As in `KimiDeltaAttention`; the two steps of a symbol are steps of time."""
        x, q, k, v, w, rates = now
        low = self.to_address(x).unflatten(-1, self.address.shape[:2])
        e = F.normalize(torch.einsum("bthr,hrd->bthd", low, self.address), dim=-1)
        steps = (
            torch.stack(pair, 2).flatten(1, 2)
            for pair in ((q, q), (e, k), (torch.zeros_like(v), v), (w, torch.ones_like(w)))
        )
        q, k, v, w = steps
        beta = self.largest_rate * torch.sigmoid(rates).flatten(1, 2)
        y, S = gated_delta_rule(q, k, v, beta, w, initial_state=memory[0])
        return y.unflatten(1, (-1, 2))[:, :, 1], S


MIXER = EraseThenDelta
