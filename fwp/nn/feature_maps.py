"""Feature maps φ, what turns keys and queries into addresses of a fast weight memory; normalisers.

Those with kernels or a gradient of their own are ops, `fwp.nn.elu_plus_one` and `fwp.nn.silu_l2`: a
step of a small model spends as long in elementary functions that autograd would chain as in its
matrix products.
"""

import math

import torch
from torch import Tensor, nn

from fwp.nn.elu_plus_one import elu_plus_one
from fwp.nn.silu_l2 import silu_l2
from fwp.nn.sum_normalise import sum_normalise

EPS = 1e-6  # added to sums that may be zero


def running_sum(k: Tensor, before: Tensor | None = None) -> Tensor:
    """z_t = z_{t-1} + k_t of keys [B, T, H, K]; `before` is z_0 [B, H, K], else zeros."""
    z = k.cumsum(1)
    return z if before is None else z + before.unsqueeze(1)


def attention_normalise(x: Tensor, z: Tensor) -> Tensor:
    """Divide queries or keys x [B, T, H, K] ≥ 0 by x · z, the total weight of what they read.

    The attention normaliser of Katharopoulos et al. (2020): z is the `running_sum` of all keys.
    """
    return x / ((x * z).sum(-1, keepdim=True) + EPS)


def softmax(x: Tensor) -> Tensor:
    """Softmax over the last axis: positive, total weight one."""
    return torch.softmax(x, dim=-1)


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


FEATURE_MAPS = {
    "elu": elu_plus_one,
    "elu_sum": elu_plus_one.variant(normalise=True),
    "relu": torch.relu,
    "softmax": softmax,
    "silu_l2": silu_l2,
    "dpfp": dpfp,
    "favor": favor_plus,
}
"""By the names that mixers have for them."""

IN_OPS = ("elu", "elu_sum")
NORMALISERS = ("none", "sum", "attention")


class FeatureMap(nn.Module):
    """One of the `FEATURE_MAPS`, with what belongs to it.

    Args:
        name: of the map.
        width: of the keys that are mapped.
        nu: ν of dpfp; of favor, the number of random directions, drawn once (`redraw` draws
            new ones).
        normaliser: what features are to be divided by (Schlag et al. 2021): none; sum, their sum,
            which is done here; attention, which is left to the caller (`attention_normalise`).

    Attributes:
        size: number of features.
        in_op: φ as `linear_attention` and `delta_rule` name it, if they can compute all of it,
            else none.

    Raises:
        ValueError: there is no such map or normaliser, or they do not go together.
    """

    def __init__(self, name: str, width: int, nu: int = 1, normaliser: str = "none"):
        super().__init__()
        for what, value, allowed in (
            ("feature_map", name, tuple(FEATURE_MAPS)),
            ("normaliser", normaliser, NORMALISERS),
        ):
            if value not in allowed:
                raise ValueError(f"{what} must be one of {', '.join(allowed)}, got {value!r}")
        if nu < 1:
            raise ValueError(f"nu must be at least 1, got {nu}")
        if name == "silu_l2" and normaliser != "none":
            raise ValueError(
                "normaliser must be none with feature_map: silu_l2, whose features may be "
                f"negative, got {normaliser!r}"
            )
        if (name, normaliser) == ("elu", "sum"):
            name, normaliser = "elu_sum", "none"  # one kernel on a GPU
        self.name, self.nu, self.sum = name, nu, normaliser == "sum"
        self.in_op = name if name in IN_OPS and normaliser == "none" else "none"
        self.size = {"dpfp": 2 * width * nu, "favor": 2 * nu}.get(name, width)
        if name == "favor":
            self.register_buffer("directions", torch.empty(width, nu))
            self.redraw()

    def redraw(self) -> None:
        """Draw new random directions."""
        self.directions = orthogonal_directions(*self.directions.shape, like=self.directions)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, T, ..., width] to [B, T, ..., size]."""
        given = {"dpfp": (self.nu,), "favor": (getattr(self, "directions", None),)}
        y = FEATURE_MAPS[self.name](x, *given.get(self.name, ()))
        return sum_normalise(y, EPS) if self.sum else y
