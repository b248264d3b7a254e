"""Clipping: a bound on the norm of the gradient (Pascanu, Mikolov, Bengio 2013)."""

from collections.abc import Sequence

import torch
from torch import Tensor

EPS = 1e-6  # PyTorch's, so that a gradient of zero is no division by zero


def clipped(gradients: Sequence[Tensor], models: int, limit: float | Tensor) -> list[Tensor]:
    """Gradients scaled down so that the norm of all of a model's together is at most `limit`.

    As `torch.nn.utils.clip_grad_norm_` does, for each model of a pack by itself.

    Args:
        gradients: of each weight, [models, ...], or without that dimension if there is one model.
        models: how many.
        limit: largest Euclidean norm, or that of each model [models]; infinite for no bound.
    """
    rows = [g.reshape(models, -1) for g in gradients]
    norm = torch.linalg.vector_norm(torch.cat(rows, 1), dim=1, keepdim=True)
    bound = limit.unsqueeze(1) if isinstance(limit, Tensor) else limit
    scale = (bound / (norm + EPS)).clamp(max=1)
    if isinstance(bound, Tensor):  # where there is no bound, a norm may be infinite, too
        scale = scale.where(bound.isfinite(), 1.0)
    return [(row * scale).view(g.shape) for row, g in zip(rows, gradients, strict=True)]
