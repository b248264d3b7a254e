"""Linear layers, with a kernel that computes those of a pack at once.

On a GPU PyTorch's float32 products of narrow matrices use no tensor cores, and a bias is a pass
over memory of its own.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from fwp.kernels import triton_support as _triton
from fwp.kernels.op import Backend, Op


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, backend: str = "auto"):
    """y_t = W x_t + b.

    Args:
        x: [B, T, I].
        weight: W [O, I].
        bias: b [O], or None.
        backend: "auto", or one of `OP.backends`.

    Returns:
        y [B, T, O].

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    if backend == "auto" and x.device.type == "cpu":
        return F.linear(x, weight, bias)  # what the op does there, without the time of its checks
    if bias is None:
        return OP(backend, None, x=x, weight=weight)[0]
    return BIASED(backend, None, x=x, weight=weight, bias=bias)[0]


class Linear(nn.Linear):
    """`torch.nn.Linear` for sequences [B, T, inputs], computed by the op."""

    def forward(self, x: Tensor) -> Tensor:
        """Map x [B, T, inputs] to [B, T, outputs]."""
        return linear(x, self.weight, self.bias)


def fused(x: Tensor, *weights: Tensor) -> tuple[Tensor, tuple]:
    """PyTorch's own."""
    return F.linear(x, *weights[:-1]), ()


def reference(x: Tensor, *weights: Tensor) -> tuple[Tensor, tuple]:
    """The equation."""
    weight, *bias, _ = weights
    return sum(bias, start=x @ weight.mT), ()


def triton(x: Tensor, *weights: Tensor) -> tuple[Tensor, tuple]:
    """The kernel for GPUs, see ops/triton/linear.py."""
    from fwp.nn.linear.triton import linear as kernel

    return kernel(x, *weights[:-1]), ()


def _op(name: str, **bias: str) -> Op:
    return Op(
        name=name,
        inputs={"x": "BTI", "weight": "OI", **bias},
        state=(),
        cost=lambda n: n["O"] * n["I"],
        backends={
            "triton": Backend(triton, _triton.unusable_device, packs=True),
            "fused": Backend(fused),
            "reference": Backend(reference),
        },
    )


OP = _op("linear")
BIASED = _op("linear with a bias", bias="O")
