"""Feature maps φ: what turns keys and queries into addresses of a fast weight memory.

Their gradients are written out: a step of a small model spends as long in the elementary functions
that autograd would chain as in its matrix products.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from fwp.ops import triton
from fwp.packs import folded


def elu_plus_one(x: Tensor) -> Tensor:
    """φ(x) = elu(x) + 1 > 0, element by element (Katharopoulos et al. 2020), of [B, T, ..., D]."""
    return folded(_kernel(normalise=False), x) if _on_gpu(x) else _EluPlusOne.apply(x)


def normalised_elu_plus_one(x: Tensor) -> Tensor:
    """elu + 1 divided by its sum over the last axis, of [B, T, ..., D] (Schlag et al. 2021)."""
    if _on_gpu(x):
        return folded(_kernel(normalise=True), x)
    return sum_normalise(_EluPlusOne.apply(x))


def sum_normalise(x: Tensor) -> Tensor:
    """Divide by the sum over the last axis. `x` must be positive, as elu + 1 is."""
    return _SumNormalise.apply(x)[0]


def _on_gpu(x: Tensor) -> bool:
    return triton.unusable_device({"x": x}) is None


def _kernel(normalise: bool) -> Callable[[Tensor], Tensor]:
    from fwp.ops.triton.elu_plus_one import elu_plus_one as kernel

    return lambda x: kernel(x, normalise)


def softmax(x: Tensor) -> Tensor:
    """Softmax over the last axis: positive, total weight one."""
    return torch.softmax(x, dim=-1)


def silu_l2(x: Tensor) -> Tensor:
    """SiLU, then unit Euclidean norm over the last axis (Yang et al. 2024)."""
    return F.normalize(F.silu(x), dim=-1)


FEATURE_MAPS = {
    "elu": elu_plus_one,
    "elu_sum": normalised_elu_plus_one,
    "softmax": softmax,
    "silu_l2": silu_l2,
}
"""By the names that mixers have for them."""


class _EluPlusOne(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.clamp(max=0).exp_().add_(x.clamp(min=0))  # several times faster than F.elu

    @staticmethod
    def setup_context(ctx, _, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, d_output):
        (output,) = ctx.saved_tensors
        return output.clamp(max=1).mul_(d_output)  # the slope is exp(x) below zero, 1 above


class _SumNormalise(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        scale = x.sum(-1, keepdim=True).reciprocal_()
        return x * scale, scale

    @staticmethod
    def setup_context(ctx, _, output):
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*output)

    @staticmethod
    def backward(ctx, d_output, _):
        output, scale = ctx.saved_tensors
        mean = torch.linalg.vecdot(d_output, output).unsqueeze(-1)
        return (d_output - mean).mul_(scale)


def dpfp(x: Tensor, nu: int = 1) -> Tensor:
    """Deterministic parameter-free projection of [..., D] to [..., 2·D·ν] (Schlag et al. 2021).

    With r = [relu(x), relu(−x)]: the products r ∘ roll(r, j) for j = 1 … ν, one after another. All
    are ≥ 0, and most of them 0.
    """
    r = torch.cat([x, -x], dim=-1).relu()
    return torch.cat([r * r.roll(j, dims=-1) for j in range(1, nu + 1)], dim=-1)


def favor_plus(x: Tensor, directions: Tensor) -> Tensor:
    """Positive random features of the softmax kernel (Choromanski et al. 2021).

    Maps [..., D] to [..., 2·m]: exp(±ω x − |x|²/2) / √(2m) for every column ω of `directions`
    [D, m], so that the inner product of two vectors' features is near exp(x·y).
    """
    offset = x.square().sum(-1, keepdim=True) / 2 + 0.5 * math.log(2 * directions.shape[1])
    projected = x @ directions
    return torch.cat([projected - offset, -projected - offset], dim=-1).exp()


def orthogonal_directions(rows: int, columns: int, like: Tensor) -> Tensor:
    """Random directions [rows, columns], orthogonal in groups of `rows`, as long as normal ones.

    On the device and in the dtype of `like`.
    """
    blocks = torch.randn(-(-columns // rows), rows, rows, device=like.device, dtype=like.dtype)
    directions = torch.linalg.qr(blocks).Q * blocks.norm(dim=-1).unsqueeze(-2)
    return directions.transpose(0, 1).reshape(rows, -1)[:, :columns]
