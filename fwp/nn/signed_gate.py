"""A gate in (-1, 1) that depends on the input, as complex Kimi delta attention has it (2026)."""

import math

import torch
from torch import Tensor, nn


class SignedGate(nn.Module):
    """w = tanh(A (x + b) / 2), with one A > 0 per head and one b per number.

    A begins at 1 and b such that |w| = exp(-d), with d log-uniform over 0.001 to 0.1, as `Decay`
    begins. Half of the numbers, drawn at random, begin below zero. The public code bounds |w| from
    below, by e^-5, because its kernels take logarithms of |w|. Here w may pass through 0.

    Args:
        heads: number of heads.
        width: numbers per head.
    """

    def __init__(self, heads: int, width: int):
        super().__init__()
        self.log_slope = nn.Parameter(torch.zeros(heads, 1))
        size = torch.empty(heads, width).uniform_(math.log(1e-3), math.log(0.1)).exp().neg().exp()
        sign = torch.where(torch.rand(heads, width) < 0.5, -1.0, 1.0)
        self.bias = nn.Parameter(sign * 2 * torch.atanh(size))

    def forward(self, x: Tensor) -> Tensor:
        """Map x [B, T, heads · width] to w [B, T, heads, width]."""
        x = x.unflatten(-1, self.bias.shape)
        return torch.tanh(self.log_slope.exp() * (x + self.bias) / 2)
