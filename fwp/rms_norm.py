"""Root mean square normalisation (Zhang and Sennrich 2019)."""

import torch
from torch import Tensor, nn

EPS = 1e-5


class RMSNorm(nn.Module):
    """y = x / √(mean(x²) + 1e-5) ∘ w over the last axis; w is 1 at first.

    Args:
        width: size D of what is normalised.
    """

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x [..., width]."""
        return x * (x.square().mean(-1, keepdim=True) + EPS).rsqrt() * self.weight
