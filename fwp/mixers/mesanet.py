"""MesaNet: the memory is read by ridge regression, solved at every symbol (von Oswald et al. 2025).

A memory that adds up what it reads is one step of gradient descent away from zeros. This one is the
best fit to all that was read, old symbols counting less.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn.linear import Linear
from fwp.nn.rms_norm import RMSNorm
from fwp.nn.short_convolution import ShortConvolution
from fwp.nn.silu_l2 import silu_l2
from fwp.ops.gated_linear_attention import gated_linear_attention


class MesaNet(nn.Module):
    """Gated linear attention whose queries are corrected for what keys have in common. Per head,

        S_t = w_t S_{t-1} + β_t k_t ⊗ v_t      H_t = w_t H_{t-1} + β_t k_t ⊗ k_t
        y_t = q_t (H_t + Λ)^(-1) S_t

    So y_t is q_t M for the M that minimises the squares of v - k M over all that was read, weighted
    by β and by the decays since, plus those of M weighted by Λ. w_t and β_t are σ of linear maps; Λ
    = diag(λ) is trained, and at least `least_ridge`. q and k pass a short convolution, and have
    unit length. The output is W_o RMSNorm(y), with a norm for each head.

    The authors approximate the inverse by 30 steps of conjugate gradients. Here elimination solves
    the equations: no step divides by a residual that has come to nothing. Each symbol of a piece
    takes the memory of H.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        conv_size: width of the short convolution; 0 leaves it out.
        least_ridge: the least λ. Each begins 0.75 above it: at 1, as the authors have it.

    Raises:
        ValueError: the least λ is not positive.
    """

    title = "MesaNet"
    state_names = ("S", "H", "convolution")
    wiring = "pre_norm"

    def __init__(
        self, hidden: int, *, heads: int = 4, conv_size: int = 4, least_ridge: float = 0.25
    ):
        super().__init__()
        if least_ridge <= 0:
            raise ValueError(f"least_ridge must be positive, got {least_ridge}")
        self.heads, self.least_ridge = heads, least_ridge
        self.inputs = Linear(hidden, 3 * hidden, bias=False)
        self.gates = Linear(hidden, 2 * heads)
        self.conv = ShortConvolution(2 * hidden, conv_size) if conv_size else None
        self.ridge = nn.Parameter(torch.full((heads, hidden // heads), math.log(math.expm1(0.75))))
        self.norm = RMSNorm(hidden // heads)
        self.out = Linear(hidden, hidden, bias=False)

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden].

        The state is S and H [B, H, D, D], and the convolution's if there is one.
        """
        hidden = x.shape[-1]
        S, H, *seen = (None, None) if state is None else state
        qk, v = self.inputs(x).split((2 * hidden, hidden), dim=-1)
        if self.conv is not None:
            qk, *seen = self.conv(qk, *seen)
        q, k = silu_l2(qk.unflatten(-1, (2, self.heads, -1))).unbind(2)
        v = v.unflatten(-1, (self.heads, -1))
        w, beta = torch.sigmoid(self.gates(x)).unsqueeze(-1).chunk(2, dim=2)
        write = beta * k
        every = _memories(k, write, w, H)
        ridge = torch.diag_embed(F.softplus(self.ridge) + self.least_ridge)
        q = torch.linalg.solve_ex(every + ridge, q.unsqueeze(-1)).result.squeeze(-1)
        y, S = gated_linear_attention(q, write, v, w, S)
        return self.out(self.norm(y).flatten(2)), (S, every[:, -1], *seen)


def _memories(k: Tensor, write: Tensor, w: Tensor, H: Tensor | None) -> Tensor:
    """H after every symbol [B, T, H, D, D]."""
    products = write.unsqueeze(-1) * k.unsqueeze(-2)
    if H is None:
        H = torch.zeros_like(products[:, 0])
    every = []
    # Not by index: the gradient of each would be a tensor of all.
    for decay, product in zip(w.unsqueeze(-1).unbind(1), products.unbind(1), strict=True):
        H = decay * H + product
        every.append(H)
    return torch.stack(every, dim=1)


MIXER = MesaNet
