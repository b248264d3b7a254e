"""The kernel in C, `native.c`. PyTorch's largest entry of two takes longer than a layer."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel
from fwp.kernels.tensors import contiguous_end

KERNEL = Kernel(__file__, fixed_sizes=())


def unusable(logits: Tensor) -> str | None:
    """Why the kernel cannot read these logits, or None."""
    return KERNEL.unusable({"logits": logits})


def errors(logits: Tensor, targets: Tensor) -> Tensor:
    """As `fwp.training.errors.errors`."""
    *models, B, T, C = logits.shape
    logits, targets = logits.contiguous(), contiguous_end(targets.to(torch.int16))
    wrong = torch.empty((*models, B, T), dtype=torch.uint8)
    tensors = (logits, targets, wrong)
    KERNEL.run("errors", wrong.numel() // T, logits, None, B, T, C, targets.stride(0), *tensors)
    return wrong
