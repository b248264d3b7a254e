"""Feature maps φ: what turns keys and queries into addresses of a fast weight memory."""

import torch.nn.functional as F
from torch import Tensor


def elu_plus_one(x: Tensor) -> Tensor:
    """φ(x) = elu(x) + 1 > 0, element by element (Katharopoulos et al. 2020)."""
    return F.elu(x) + 1


def sum_normalise(x: Tensor) -> Tensor:
    """Divide by the sum over the last axis: total weight one per key (Schlag et al. 2021).

    `x` must be positive, as elu + 1 is.
    """
    return x / x.sum(-1, keepdim=True)
