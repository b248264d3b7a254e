"""The step sizes that state-space models begin with (Gu and Dao 2023)."""

import math

import torch
from torch import Tensor


def initial_steps(*shape: int) -> Tensor:
    """Biases b of this shape, such that softplus(b) is log-uniform over 0.001 to 0.1."""
    step = torch.empty(shape).uniform_(math.log(1e-3), math.log(0.1)).exp()
    return step + torch.log(-torch.expm1(-step))  # softplus undone
