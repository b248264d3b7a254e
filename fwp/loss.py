"""Cross-entropy of a batch of strings that count differently."""

import torch.nn.functional as F
from torch import Tensor

from fwp.batches import IGNORE
from fwp.ops import triton


def weighted_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Sum over the strings of a batch of weight × cross-entropy over its labels, in nats [R].

    Args:
        logits: of R models, [R, B, T, classes].
        targets: classes [R, B, T]; `IGNORE` where there is no label.
        weights: of the strings [R, B].
    """
    if triton.unusable_device({"logits": logits}) is None:
        from fwp.ops.triton.cross_entropy import cross_entropy

        return cross_entropy(logits, targets, weights)
    losses = F.cross_entropy(
        logits.flatten(0, 2), targets.flatten(), ignore_index=IGNORE, reduction="none"
    )
    return (losses.view_as(targets).sum(2) * weights).sum(1)
