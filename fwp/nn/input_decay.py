"""Decay in (0, 1) that depends on the input, as Mamba has it (Gu and Dao 2023)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn.step_size import initial_steps


class Decay(nn.Module):
    """w = exp(-A softplus(x + b)), with one A > 0 per head and one b per number.

    As in Mamba, A begins in U(1, 16) and b such that softplus(b) is log-uniform over 0.001 to 0.1:
    some heads forget at once and some hardly ever.

    Args:
        heads: number of heads.
        width: numbers per head: 1, or one for every unit of a key.
    """

    def __init__(self, heads: int, width: int = 1):
        super().__init__()
        self.log_rate = nn.Parameter(torch.empty(heads, 1).uniform_(1, 16).log())
        self.bias = nn.Parameter(initial_steps(heads, width))

    def forward(self, x: Tensor) -> Tensor:
        """Map x [B, T, heads · width] to w [B, T, heads, width]."""
        x = x.unflatten(-1, self.bias.shape)
        return torch.exp(-self.log_rate.exp() * F.softplus(x + self.bias))
