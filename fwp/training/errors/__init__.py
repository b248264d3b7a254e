"""Where a model is wrong."""

from torch import Tensor

from fwp.training.errors import native


def errors(logits: Tensor, targets: Tensor) -> Tensor:
    """True, or 1, where a position has a target and the largest logit is not that of its class.

    Logits that are not all finite are wrong, too.

    Args:
        logits: [..., B, T, classes].
        targets: integers [B, T], negative where there is none.

    Returns:
        [..., B, T].
    """
    if logits.device.type == "cpu" and native.unusable(logits) is None:
        return native.errors(logits, targets)
    return reference(logits, targets)


def reference(logits: Tensor, targets: Tensor) -> Tensor:
    """By PyTorch."""
    targets = targets.long()
    right = (logits.argmax(-1) == targets) & logits.isfinite().all(-1)
    return ~right & (targets >= 0)
