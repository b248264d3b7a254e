"""Root mean square normalisation (Zhang and Sennrich 2019), with a kernel for packs on a GPU.

Under `torch.vmap` its forward and backward pass are some twenty small kernels.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from fwp.kernels.op import op


@op(cost=lambda n: 3 * n["D"])
def rms_norm(
    x: Float[Tensor, "B T H D"], weight: Float[Tensor, " D"], *, eps: float = 1e-5
) -> Float[Tensor, "B T H D"]:
    """y = x / √(mean(x²) + eps) ∘ weight, over the last axis.

    Args:
        x: [B, T, H, D].
        weight: [D].
        eps: added to the mean.

    Returns:
        y [B, T, H, D].
    """
    return x * (x.square().mean(-1, keepdim=True) + eps).rsqrt() * weight


class RMSNorm(nn.Module):
    """The op with its weight, 1 at first.

    Args:
        width: size D of what is normalised.
    """

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x [B, T, H, width]."""
        return rms_norm(x, self.weight)
