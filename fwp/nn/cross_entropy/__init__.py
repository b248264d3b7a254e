"""Cross-entropy of a batch of strings that count differently."""

import importlib

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


def loss_and_gradient(logits: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The cross-entropy of each model, and the gradient of their sum with respect to the logits.

    For a loss that nothing follows: a kernel that computes both at once is called without what
    autograd does around it. Arguments are those of `cross_entropy`; neither result has a graph.
    """
    logits = logits.detach()
    inputs = {"logits": logits, "targets": targets, "weights": weights}
    chosen = cross_entropy.choose("auto", inputs)
    for name in ("native", "triton"):
        if chosen is cross_entropy.backends.get(name):
            kernel = importlib.import_module(f"{__name__}.{name}")
            return kernel.loss_and_gradient(logits, targets, weights)
    logits.requires_grad_()
    loss = cross_entropy(logits, targets, weights)
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    return loss.detach(), gradient
