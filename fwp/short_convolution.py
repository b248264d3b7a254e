"""Short convolution: every channel sees its own last few values (Poli et al. 2023)."""

import torch
from torch import Tensor, nn


class ShortConvolution(nn.Module):
    """Causal depthwise convolution, y_t = Σ_i w_i ∘ x_{t-i}, whose state is the last inputs.

    A sum of shifted inputs, which `torch.vmap` sees through and which is faster than PyTorch's
    convolution at widths as small as these.

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
        past = self.weight.shape[0] - 1
        if state is None:
            state = x.new_zeros(x.shape[0], past, x.shape[2])
        x = torch.cat((state, x), 1)
        time = x.shape[1] - past
        y = sum(w * x[:, past - i : past - i + time] for i, w in enumerate(self.weight.unbind(0)))
        return y, x[:, time:]
