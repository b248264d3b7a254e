"""Layer normalisation (Ba, Kiros, Hinton 2016), with a kernel that normalises a pack at once.

Under `torch.vmap` PyTorch takes it apart, and on a GPU the parts cost a fifth of a training step.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.kernels import triton_support as _triton
from fwp.kernels.op import Backend, Op

EPS = 1e-5  # PyTorch's default


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, *, backend: str = "auto") -> Tensor:
    """y_t = (x_t - mean(x_t)) / √(var(x_t) + 1e-5) ∘ weight + bias, over the last axis.

    Args:
        x: [B, T, D].
        weight, bias: [D].
        backend: "auto", or one of `OP.backends`.

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    if backend == "auto" and x.device.type == "cpu":
        return fused(x, weight, bias, ())[0]  # as the op, without the time of its checks
    return OP(backend, None, x=x, weight=weight, bias=bias)[0]


class LayerNorm(nn.Module):
    """The op with its weights, 1 and 0 at first.

    Args:
        hidden: size D of what is normalised.
    """

    def __init__(self, hidden: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden))
        self.bias = nn.Parameter(torch.zeros(hidden))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x [B, T, hidden]."""
        return layer_norm(x, self.weight, self.bias)


def reference(x: Tensor, weight: Tensor, bias: Tensor, _: tuple) -> tuple[Tensor, tuple]:
    """The equation."""
    centred = x - x.mean(-1, keepdim=True)
    scale = (centred.square().mean(-1, keepdim=True) + EPS).rsqrt()
    return centred * scale * weight + bias, ()


def fused(x: Tensor, weight: Tensor, bias: Tensor, _: tuple) -> tuple[Tensor, tuple]:
    """PyTorch's own."""
    return F.layer_norm(x, x.shape[-1:], weight, bias, EPS), ()


def triton(x: Tensor, weight: Tensor, bias: Tensor, _: tuple) -> tuple[Tensor, tuple]:
    """The kernel for GPUs, see ops/triton/layer_norm.py."""
    from fwp.nn.layer_norm.triton import layer_norm as kernel

    return kernel(x, weight, bias), ()


OP = Op(
    name="layer_norm",
    inputs={"x": "BTD", "weight": "D", "bias": "D"},
    state=(),
    cost=lambda n: 4 * n["D"],
    backends={
        "triton": Backend(triton, _triton.unusable_device, packs=True),
        "fused": Backend(fused),
        "reference": Backend(reference),
    },
)
