"""RWKV-7: decay, erasure and writing, each with a vector of its own (Peng et al. 2025)."""

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn.linear import Linear
from fwp.ops.generalised_delta_rule import generalised_delta_rule

RANK = 32  # of the maps that make decay, rates and gate


class RWKV7(nn.Module):
    """Time mixing of RWKV-7. Six mixtures x^□ = x_t + (x_{t-1} - x_t) ∘ μ_□ of two symbols make

        r, k, v = W_r x^r, W_k x^k, W_v x^v
        w = exp(-e^{-1/2} σ(lora(tanh, x^w)))        a = σ(lora(x^a))        g = lora(σ, x^g)
        κ = k ∘ ξ with unit length per head          k' = k ∘ (1 + (a - 1) ∘ α)
        S_t = diag(w) S_{t-1} - (κ ∘ a) ⊗ (κ S_{t-1}) + k' ⊗ v        y = r S_t
        output W_o (g ∘ (LN(y) + (r · (ρ ∘ k')) v))

    so that the erased key (κ) need not be the written key (k'). The mixing of values over layers is
    left out, and initial values are simpler than those of the authors.

    The transition diag(w) - (κ ∘ a)⊗κ is similar to a symmetric matrix: its eigenvalues are real.
    With w in (0.545, 1) and a in (0, 1) they are in (-0.455, 1): a sign can flip, but then the
    content also shrinks.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
    """

    title = "RWKV-7"
    state_names = ("S", "x")
    wiring = "pre_norm"

    def __init__(self, hidden: int, *, heads: int = 4):
        super().__init__()
        self.heads = heads
        rank, ramp = min(RANK, hidden), torch.linspace(0, 1, hidden)
        self.mu = nn.Parameter(1 - ramp.repeat(6, 1))
        self.rkv = nn.ModuleList(Linear(hidden, hidden, bias=False) for _ in range(3))
        self.decay, self.rate, self.gate = (
            nn.ModuleList((Linear(hidden, rank, bias=False), Linear(rank, hidden, bias=bias)))
            for bias in (True, True, False)
        )
        cast(Linear, self.decay[1]).bias.data.copy_(6 * ramp - 6)  # from 0.998 to 0.74
        self.xi, self.alpha, self.scale = (nn.Parameter(torch.ones(hidden)) for _ in range(3))
        self.rho, self.shift = (nn.Parameter(torch.zeros(hidden)) for _ in range(2))
        self.out = Linear(hidden, hidden, bias=False)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden]; the state is (S [B, H, D, D], x_T)."""
        memory, last = (None, torch.zeros_like(x[:, 0])) if state is None else state
        change = torch.cat((last.unsqueeze(1), x[:, :-1]), 1) - x
        xs = iter(torch.addcmul(x, change, self.mu[:, None, None]))
        r, k, v = (linear(next(xs)) for linear in self.rkv)
        w, a, g = (
            second(squash(first(next(xs))))
            for (first, second), squash in (
                (self.decay, torch.tanh),
                (self.rate, nn.Identity()),
                (self.gate, torch.sigmoid),
            )
        )
        w, a = torch.exp(-math.exp(-0.5) * torch.sigmoid(w)), torch.sigmoid(a)
        key = self._heads(k * (1 + (a - 1) * self.alpha))
        kappa = F.normalize(self._heads(k * self.xi), dim=-1)
        r, v, w, a = map(self._heads, (r, v, w, a))
        y, memory = generalised_delta_rule(r, key, v, w, -kappa, kappa * a, initial_state=memory)
        y = F.layer_norm(y, y.shape[-1:]).flatten(2) * self.scale + self.shift
        bonus = (r * self._heads(self.rho) * key).sum(-1, keepdim=True) * v
        return self.out(g * (y + bonus.flatten(2))), (memory, x[:, -1])

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1))


MIXER = RWKV7
