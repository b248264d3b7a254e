"""Short convolution: every channel sees its own last few values (Poli et al. 2023)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ShortConvolution(nn.Module):
    """Causal depthwise convolution, y_t = Σ_i w_i ∘ x_{t-i}, whose state is the last inputs.

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
        time, past = x.shape[1], self.weight.shape[0] - 1
        if state is None:
            state = x.new_zeros(x.shape[0], past, x.shape[2])
        x = torch.cat((state, x), 1)
        return _Convolve.apply(x, self.weight), x[:, time:]


class _Convolve(torch.autograd.Function):
    """Products added in place: on a CPU faster than PyTorch's convolution."""

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
