"""Short convolution: every channel sees its own last few values (Poli et al. 2023)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.kernels import triton_support as _triton
from fwp.kernels.c_kernel import Kernel, plain_sequence
from fwp.kernels.op import Backend, Op
from fwp.kernels.vmap import in_pack

KERNEL = Kernel(__file__, (2, 3, 4))
MOST = 64  # values that a channel may see, as in short_convolution.c


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
        past = self.weight.shape[0] - 1
        if past < MOST and not in_pack() and KERNEL.unusable({"x": x}, past + 1) is None:
            return _Native.apply(x, self.weight, state), _last(x, state, past)
        if state is None:
            state = x.new_zeros(x.shape[0], past, x.shape[2])
        if past == 0:  # ops take no empty states
            return eager(x, self.weight, state)
        return OP("auto", state, x=x, weight=self.weight)


def _last(x: Tensor, state: Tensor | None, past: int) -> Tensor:
    """The last inputs, `past` of them, those of before included."""
    lacking = past - x.shape[1]
    if lacking <= 0:
        return x[:, -lacking:]
    if state is None:
        return F.pad(x, (0, 0, lacking, 0))
    return torch.cat((state[:, -lacking:], x), 1)


class _Native(torch.autograd.Function):
    """The compiled kernel, see short_convolution.c."""

    @staticmethod
    def forward(ctx, x, weight, state):
        B, T, D = x.shape
        y, weight, size = x.new_empty(B, T, D), weight.contiguous(), len(weight)
        ctx.sizes = T, D, size
        KERNEL.run(
            *("forward", B, x, size, *ctx.sizes),
            *(plain_sequence(x), plain_sequence(state), weight, y),
        )
        ctx.save_for_backward(x, weight, state)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        x, weight, state = ctx.saved_tensors
        dx, dw = x.new_empty(x.shape), x.new_empty(len(x), *weight.shape)
        d_state = None if state is None else x.new_empty(state.shape)
        KERNEL.run(
            *("backward", len(x), x, len(weight), *ctx.sizes, plain_sequence(x)),
            *(plain_sequence(state), weight, dy.contiguous(), dx, d_state, dw),
        )
        return dx, dw.sum(0), d_state


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


def eager(x: Tensor, weight: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """In PyTorch, and what `torch.vmap` sees through."""
    time, x = x.shape[1], torch.cat((state, x), 1)
    return _Convolve.apply(x, weight), x[:, time:]


def triton(x: Tensor, weight: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The kernel for GPUs, see ops/triton/short_convolution.py."""
    from fwp.nn.short_convolution.triton import short_convolution as kernel

    return kernel(x, weight, state), _last(x, state, state.shape[1])


OP = Op(
    name="short_convolution",
    inputs={"x": "BTD", "weight": "KD"},
    state="BPD",  # P = K - 1 inputs
    cost=lambda n: n["K"] * n["D"],
    backends={
        "triton": Backend(triton, _triton.unusable_device, packs=True),
        "eager": Backend(eager),
    },
)
