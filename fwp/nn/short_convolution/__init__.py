"""Short convolution: every channel sees its own last few values (Poli et al. 2023)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from fwp.kernels.op import Op, op


def _initial(_: Op, inputs: dict[str, Tensor]) -> Tensor:
    x, weight = inputs.values()
    return x.new_zeros(x.shape[0], weight.shape[0] - 1, x.shape[2])


def _check(n: dict[str, int]) -> None:
    if n.get("P", n["K"] - 1) != n["K"] - 1:
        raise ValueError(
            "short_convolution: the state must be the last K - 1 inputs, "
            f"got K = {n['K']} of weight and {n['P']} of them"
        )


@op(cost=lambda n: n["K"] * n["D"], initial=_initial, check=_check)
def short_convolution(
    x: Float[Tensor, "B T D"], weight: Float[Tensor, "K D"], state: Float[Tensor, "B P D"]
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B P D"]]:
    """Causal depthwise convolution, whose state is the last inputs.

        y_t = Σ_i w_i ∘ x_{t-i},    i = 0, …, K − 1

    Args:
        x: inputs [B, T, D].
        weight: w [K, D].
        initial_state: the P = K − 1 inputs before the first, [B, P, D]; None means zeros.

    Returns:
        y [B, T, D] and the last P inputs.
    """
    past, time, x = len(weight) - 1, x.shape[1], torch.cat((state, x), 1)
    y = weight[0] * x[:, past:]
    for i in range(1, len(weight)):
        y = y + weight[i] * x[:, past - i : past - i + time]
    return y, x[:, time:]


@short_convolution.backend()
def eager(x: Tensor, weight: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """In PyTorch, and what `torch.vmap` sees through."""
    time, x = x.shape[1], torch.cat((state, x), 1)
    return _Convolve.apply(x, weight), x[:, time:]


class ShortConvolution(nn.Module):
    """The op with its weights.

    Args:
        channels: width of input and output.
        size: how many values a channel sees, the present one included.
    """

    def __init__(self, channels: int, size: int = 4):
        super().__init__()
        if size < 1:
            raise ValueError(f"conv_size must be at least 1, got {size}")
        self.weight = nn.Parameter(torch.empty(size, channels))
        nn.init.uniform_(self.weight, -(size**-0.5), size**-0.5)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map x [B, T, channels] to the same; the state is [B, size - 1, channels], else zeros."""
        return short_convolution(x, self.weight, state)


class _Convolve(torch.autograd.Function):
    """In PyTorch: products added in place, faster than PyTorch's convolution on a CPU."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, weight):
        y = _delayed(x, weight, 0) * weight[0]
        for i in range(1, len(weight)):
            y += _delayed(x, weight, i) * weight[i]
        return y

    @staticmethod
    def setup_context(ctx, inputs, _):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        dx = F.pad(dy * weight[0], (0, 0, len(weight) - 1, 0))
        for i in range(1, len(weight)):
            _delayed(dx, weight, i).add_(dy * weight[i])
        products = (dy * _delayed(x, weight, i) for i in range(len(weight)))
        return dx, torch.stack([product.flatten(0, 1).sum(0) for product in products])


def _delayed(x: Tensor, weight: Tensor, steps: int) -> Tensor:
    """x_{t - steps}, where x [B, size - 1 + T, channels] begins with what came before."""
    past = len(weight) - 1
    return x[:, past - steps : x.shape[1] - steps]
