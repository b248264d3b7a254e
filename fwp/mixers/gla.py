"""Gated linear attention: linear attention with a learnt decay (Yang et al. 2024)."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn.linear import Linear
from fwp.nn.rms_norm import RMSNorm
from fwp.nn.sizes import at_least_one
from fwp.nn.split import split
from fwp.ops.gated_linear_attention import gated_linear_attention


class GatedLinearAttention(nn.Module):
    """Every unit of a key has a decay w_t in (0, 1), which depends on the input. Per head,

        S_t = diag(w_t) S_{t-1} + k_t ⊗ v_t        y_t = q_t S_t / √D
        w_t = σ(W_2 W_1 x_t + b)^(1/16)

    q, k and v are linear in x. The output is W_o (RMSNorm(y) ∘ silu(W_g x)), with a norm for each
    head. The transition diag(w) has its eigenvalues in (0, 1): nothing changes its sign.

    Keys are as wide as values here, as in all other models, and not half as wide.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        decay: vector, a number for each unit of a key; or number, one for each head.
        rank: of the map W_2 W_1; W_1 is left out if the decay is a number.
    """

    title = "GLA"
    state_names = ("S",)
    wiring = "pre_norm"

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        decay: Literal["vector", "number"] = "vector",
        rank: int = 16,
    ):
        super().__init__()
        at_least_one(rank=rank)
        self.heads = heads
        self.qkvg = Linear(hidden, 4 * hidden, bias=False)
        if decay == "vector":
            self.to_decay = nn.Sequential(Linear(hidden, rank, bias=False), Linear(rank, hidden))
        else:
            self.to_decay = Linear(hidden, heads)
        self.norm = RMSNorm(hidden // heads)
        self.out = Linear(hidden, hidden, bias=False)

    def forward(self, x: Tensor, state: tuple[Tensor] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden]; the state is (S [B, H, D, D],)."""
        width = x.shape[-1] // self.heads
        q, k, v, gate = split(self.qkvg(x), 4 * ((self.heads, width),))
        w = (F.logsigmoid(self.to_decay(x)) / 16).exp().unflatten(-1, (self.heads, -1))
        before = None if state is None else state[0]
        y, S = gated_linear_attention(q * width**-0.5, k, v, w, before)
        return self.out((self.norm(y) * F.silu(gate)).flatten(2)), (S,)


MIXER = GatedLinearAttention
