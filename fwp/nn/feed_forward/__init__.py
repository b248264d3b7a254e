"""The feed-forward part of a block, with a kernel that keeps bias and ReLU in the products."""

import torch.nn.functional as F
from torch import Tensor, nn

from fwp.kernels import triton_support as _triton
from fwp.kernels.op import Backend, Op


def feed_forward(
    x: Tensor, w_1: Tensor, b_1: Tensor, w_2: Tensor, b_2: Tensor, *, backend: str = "auto"
) -> Tensor:
    """y_t = W₂ relu(W₁ x_t + b₁) + b₂.

    Args:
        x: [B, T, D].
        w_1, b_1: W₁ [I, D] and b₁ [I].
        w_2, b_2: W₂ [D, I] and b₂ [D].
        backend: "auto", or one of `OP.backends`.

    Returns:
        y [B, T, D].

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    if backend == "auto" and x.device.type == "cpu":
        return reference(x, w_1, b_1, w_2, b_2, ())[0]  # as the op, without the time of its checks
    return OP(backend, None, x=x, w_1=w_1, b_1=b_1, w_2=w_2, b_2=b_2)[0]


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


def reference(x: Tensor, w_1: Tensor, b_1: Tensor, w_2: Tensor, b_2: Tensor, _: tuple):
    """The equation."""
    # In place, ReLU would overwrite a view, whose gradient costs five copies.
    return F.linear(F.linear(x, w_1, b_1).relu(), w_2, b_2), ()


def triton(x: Tensor, w_1: Tensor, b_1: Tensor, w_2: Tensor, b_2: Tensor, _: tuple):
    """The kernel for GPUs, see ops/triton/linear.py."""
    from fwp.nn.feed_forward.triton import feed_forward as kernel

    return kernel(x, w_1, b_1, w_2, b_2), ()


OP = Op(
    name="feed_forward",
    inputs={"x": "BTD", "w_1": "ID", "b_1": "I", "w_2": "DI", "b_2": "D"},
    state=(),
    cost=lambda n: 2 * n["D"] * n["I"],
    backends={
        "triton": Backend(triton, _triton.unusable_device, packs=True),
        "reference": Backend(reference),
    },
)
