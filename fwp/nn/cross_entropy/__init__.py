"""Cross-entropy of a batch of strings that count differently."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from fwp.kernels.op import op
from fwp.utils.targets import NO_TARGET


def _typical(logits: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, ...]:
    classes = logits.shape[-1]
    drawn = (targets.sigmoid() * (classes + 1)).long().clamp(max=classes) - 1
    return logits, torch.where(drawn < 0, NO_TARGET, drawn), weights.sigmoid()


@op(cost=lambda n: 3 * n["C"], typical=_typical)
def cross_entropy(
    logits: Float[Tensor, "R B T C"],
    targets: Int[Tensor, "R B T"],
    weights: Float[Tensor, "R B"],
) -> Float[Tensor, " R"]:
    """Sum over the strings of a batch of weight × cross-entropy over its labels, in nats.

    Args:
        logits: of R models and C classes, [R, B, T, C].
        targets: classes [R, B, T]; `NO_TARGET` where there is no label.
        weights: of the strings [R, B]; no gradient goes to them.

    Returns:
        The sum of each model [R].
    """
    there = targets != NO_TARGET
    surprise = -logits.log_softmax(-1).gather(-1, (targets * there).unsqueeze(-1)).squeeze(-1)
    return (torch.where(there, surprise, 0).sum(2) * weights.detach()).sum(1)


@cross_entropy.backend()
def fused(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """PyTorch's own."""
    losses = F.cross_entropy(
        logits.flatten(0, 2), targets.flatten(), ignore_index=NO_TARGET, reduction="none"
    )
    return (losses.view_as(targets).sum(2) * weights.detach()).sum(1)
