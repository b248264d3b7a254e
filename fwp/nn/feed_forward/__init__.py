"""The feed-forward part of a block, with the norm before it and the skip connection around it.

A kernel keeps the inner activations, which are wider than input and output, to itself.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from fwp.kernels.op import op
from fwp.nn.layer_norm import LayerNorm

EPS = 1e-5  # of the norm


@op(cost=lambda n: 2 * n["D"] * n["I"])
def feed_forward(
    x: Float[Tensor, "B T D"],
    w_1: Float[Tensor, "I D"],
    b_1: Float[Tensor, " I"],
    w_2: Float[Tensor, "D I"],
    b_2: Float[Tensor, " D"],
    norm_weight: Float[Tensor, " D"] | None = None,
    norm_bias: Float[Tensor, " D"] | None = None,
    *,
    skip: bool = False,
) -> Float[Tensor, "B T D"]:
    """y_t = W₂ relu(W₁ n(x_t) + b₁) + b₂, and x_t added to that with the skip connection.

    Args:
        x: [B, T, D].
        w_1, b_1: W₁ [I, D] and b₁ [I].
        w_2, b_2: W₂ [D, I] and b₂ [D].
        norm_weight, norm_bias: of the layer normalisation n, [D]; without them n(x) = x.
        skip: whether x is added.

    Returns:
        y [B, T, D].

    Raises:
        ValueError: only one of the norm's weights is given.
    """
    if (norm_weight is None) != (norm_bias is None):
        raise ValueError("feed_forward: a norm must have weight and bias, got one of them")
    n = x if norm_weight is None else torch.layer_norm(x, x.shape[-1:], norm_weight, norm_bias, EPS)
    # In place, ReLU would overwrite a view, whose gradient costs five copies.
    y = F.linear(F.linear(n, w_1, b_1).relu(), w_2, b_2)
    return x + y if skip else y


class FeedForward(nn.Module):
    """The op with its weights.

    Args:
        hidden: width D of input and output.
        factor: inner width I in multiples of D; I is rounded to a whole number, at least 1.
    """

    def __init__(self, hidden: int, factor: float):
        super().__init__()
        inner = max(1, round(factor * hidden))
        self.inner = nn.Linear(hidden, inner)
        self.outer = nn.Linear(inner, hidden)

    def forward(self, x: Tensor, norm: LayerNorm | None = None, *, skip: bool = False) -> Tensor:
        """Map x [B, T, hidden] to the same, normalised first and added to the result if wished."""
        inner, outer = self.inner, self.outer
        of_norm = () if norm is None else (norm.weight, norm.bias)
        return feed_forward(
            x, inner.weight, inner.bias, outer.weight, outer.bias, *of_norm, skip=skip
        )
