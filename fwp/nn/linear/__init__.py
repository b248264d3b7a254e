"""Linear layers, with a kernel that computes those of a pack at once.

On a GPU PyTorch's float32 products of narrow matrices use no tensor cores, and a bias is a pass
over memory of its own.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from fwp.kernels.op import op


@op(cost=lambda n: n["O"] * n["I"])
def linear(
    x: Float[Tensor, "B T I"],
    weight: Float[Tensor, "O I"],
    bias: Float[Tensor, " O"] | None = None,
) -> Float[Tensor, "B T O"]:
    """y_t = W x_t + b.

    Args:
        x: [B, T, I].
        weight: W [O, I].
        bias: b [O], or None.

    Returns:
        y [B, T, O].
    """
    y = x @ weight.mT
    return y if bias is None else y + bias


@linear.backend()
def fused(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """PyTorch's own."""
    return F.linear(x, weight, bias)


class Linear(nn.Linear):
    """`torch.nn.Linear` for sequences [B, T, inputs], computed by the op."""

    def forward(self, x: Tensor) -> Tensor:
        """Map x [B, T, inputs] to [B, T, outputs]."""
        return linear(x, self.weight, self.bias)
