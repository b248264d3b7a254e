"""Root mean square normalisation (Zhang and Sennrich 2019), with a kernel for packs on a GPU.

Under `torch.vmap` its forward and backward pass are some twenty small kernels.
"""

import torch
from torch import Tensor, nn

from fwp.kernels import triton_support as _triton
from fwp.kernels.op import Backend, Op

EPS = 1e-5


def rms_norm(x: Tensor, weight: Tensor, *, backend: str = "auto") -> Tensor:
    """y = x / √(mean(x²) + 1e-5) ∘ weight, over the last axis.

    Args:
        x: [B, T, H, D].
        weight: [D].
        backend: "auto", or one of `OP.backends`.

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    if backend == "auto" and x.device.type == "cpu":
        return reference(x, weight, ())[0]  # as the op, without the time of its checks
    return OP(backend, None, x=x, weight=weight)[0]


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


def reference(x: Tensor, weight: Tensor, _: tuple) -> tuple[Tensor, tuple]:
    """The equation."""
    return x * (x.square().mean(-1, keepdim=True) + EPS).rsqrt() * weight, ()


def triton(x: Tensor, weight: Tensor, _: tuple) -> tuple[Tensor, tuple]:
    """The kernel for GPUs, see ops/triton/rms_norm.py."""
    from fwp.nn.rms_norm.triton import rms_norm as kernel

    return kernel(x, weight), ()


OP = Op(
    name="rms_norm",
    inputs={"x": "BTHD", "weight": "D"},
    state=(),
    cost=lambda n: 3 * n["D"],
    backends={
        "triton": Backend(triton, _triton.unusable_device, packs=True),
        "reference": Backend(reference),
    },
)
