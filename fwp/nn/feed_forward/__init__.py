"""The feed-forward part of a block, with a kernel that keeps bias and ReLU in the products."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from fwp.kernels.op import op


@op(cost=lambda n: 2 * n["D"] * n["I"])
def feed_forward(
    x: Float[Tensor, "B T D"],
    w_1: Float[Tensor, "I D"],
    b_1: Float[Tensor, " I"],
    w_2: Float[Tensor, "D I"],
    b_2: Float[Tensor, " D"],
) -> Float[Tensor, "B T D"]:
    """y_t = W₂ relu(W₁ x_t + b₁) + b₂.

    Args:
        x: [B, T, D].
        w_1, b_1: W₁ [I, D] and b₁ [I].
        w_2, b_2: W₂ [D, I] and b₂ [D].

    Returns:
        y [B, T, D].
    """
    # In place, ReLU would overwrite a view, whose gradient costs five copies.
    return F.linear(F.linear(x, w_1, b_1).relu(), w_2, b_2)


class FeedForward(nn.Module):
    """The op with its weights.

    Args:
        hidden: width D of input and output.
        factor: inner width I in multiples of D.
    """

    def __init__(self, hidden: int, factor: int):
        super().__init__()
        self.inner = nn.Linear(hidden, factor * hidden)
        self.outer = nn.Linear(factor * hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Map x [B, T, hidden] to the same."""
        inner, outer = self.inner, self.outer
        return feed_forward(x, inner.weight, inner.bias, outer.weight, outer.bias)
