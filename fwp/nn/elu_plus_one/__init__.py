"""The feature map elu + 1 (Katharopoulos et al. 2020), divided by its sum if wished."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import op
from fwp.nn.sum_normalise import sum_normalise


@op(cost=lambda n: n["D"])
def elu_plus_one(
    x: Float[Tensor, "B T ... D"], *, normalise: bool = False
) -> Float[Tensor, "B T ... D"]:
    """φ(x) = elu(x) + 1 > 0, element by element.

    Args:
        x: [B, T, ..., D].
        normalise: whether to divide by the sum over the last axis (Schlag et al. 2021).

    Returns:
        φ(x) [B, T, ..., D].
    """
    y = F.elu(x) + 1
    return y / y.sum(-1, keepdim=True) if normalise else y


def mapped(x: Tensor, feature_map: str, backend: str = "auto") -> Tensor:
    """φ(x) by the names that ops have for φ: none, elu and elu_sum, that is elu + 1 normalised."""
    if feature_map == "none":
        return x
    return elu_plus_one(x, normalise=feature_map == "elu_sum", backend=backend)


@elu_plus_one.backend()
def eager(x: Tensor, *, normalise: bool) -> Tensor:
    """In PyTorch, with the gradient written out."""
    y = _EluPlusOne.apply(x)
    return sum_normalise(y) if normalise else y


class _EluPlusOne(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.clamp(max=0).exp_().add_(x.clamp(min=0))  # several times faster than F.elu

    @staticmethod
    def setup_context(ctx, _, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, d_output):
        (output,) = ctx.saved_tensors
        return output.clamp(max=1).mul_(d_output)  # the slope is exp(x) below zero, 1 above
