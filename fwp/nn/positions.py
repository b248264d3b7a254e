"""Places of symbols: as vectors that are added to inputs, and as penalties of distances."""

import math

import torch
from torch import Tensor

from fwp.nn.rotary import BASE


def sinusoidal(places: Tensor, width: int) -> Tensor:
    """Sines and cosines of a place at several speeds (Vaswani et al. 2017).

        p_{n,2i} = sin(n · 10000^(−2i/D))        p_{n,2i+1} = cos(n · 10000^(−2i/D))

    Args:
        places: n [B, T], from 0 on.
        width: D.

    Returns:
        p [B, T, D], of the type of `places`; angles are computed in float64.
    """
    speeds = BASE ** (torch.arange(0, width, 2, dtype=torch.float64, device=places.device) / -width)
    angles = places.double().unsqueeze(-1) * speeds
    waves = torch.stack((angles.sin(), angles.cos()), -1).flatten(-2)
    return waves[..., :width].to(places.dtype)


def slopes(heads: int) -> list[float]:
    """By how much a score falls with each symbol of distance, per head (ALiBi; Press et al. 2022).

    For H heads, a power of two, they are 2^(−8h/H) with h = 1, …, H. Otherwise they are those of
    the power of two below, and then every second one, from the first on, of the power above.
    """
    below = 2 ** math.floor(math.log2(heads))
    return [
        *(2 ** (-8 * (h + 1) / below) for h in range(below)),
        *(2 ** (-4 * (2 * h + 1) / below) for h in range(heads - below)),
    ]


def with_distances(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values with one more unit, so that a score falls with the distance.

    The score of a query at n and a key at s becomes q · k / √D − m (n − s), with the slope m of
    their head, plus a number that all keys of a query share. So a softmax has ALiBi's weights.

    Args:
        q: queries [B, T, H, D].
        k, v: keys and values [B, S, H, D], one after another.

    Returns:
        q, k and v with D + 1 units, for attention that divides by √(D + 1); the last unit of what
        is read is 0.
    """
    S, H, D = k.shape[1:]
    scale = ((D + 1) / D) ** 0.5
    before = torch.arange(1 - S, 1, dtype=k.dtype, device=k.device)  # 0 is the last key
    # Filled in place on the device: a CUDA graph takes no numbers from the host.
    each = [torch.full((), m, dtype=k.dtype, device=k.device) for m in slopes(H)]
    fall = torch.stack(each) * D**0.5 * before[:, None]
    q = scale * torch.cat((q, torch.ones_like(q[..., :1])), -1)
    k = torch.cat((k, fall.expand(len(k), -1, -1).unsqueeze(-1)), -1)
    return q, k, torch.cat((v, torch.zeros_like(v[..., :1])), -1)
