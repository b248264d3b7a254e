"""Rotary positions: queries and keys turned by their place (Su et al. 2021).

Only the distance between a query and a key matters for their product. So a cache may hold keys as
they are, and be turned from its own beginning on.
"""

import torch
from torch import Tensor

BASE = 10_000


def rotary(x: Tensor, first: int = 0) -> Tensor:
    """Turn each pair of neighbouring units of x [B, T, H, D] by an angle that grows with its place.

    The pair i at the place n, from `first` on, is turned by n · 10000^(−2i/D). If D is odd, the
    last unit stays as it is.
    """
    T, D = x.shape[1], x.shape[-1]
    if D % 2:
        turned = rotary(x[..., :-1].contiguous(), first) if D > 1 else x[..., :-1]
        return torch.cat((turned, x[..., -1:]), -1)
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
    # Of all heads, so that a product runs over a whole step at a time.
    turns = _turns(T, D, first, x).expand(-1, x.shape[2], -1).contiguous()
    return torch.view_as_real(pairs * turns).flatten(-2)


def _turns(T: int, D: int, first: int, like: Tensor) -> Tensor:
    """The complex numbers that turn the pairs [T, 1, D/2]; in float64, as places may be large."""
    double = {"dtype": torch.float64, "device": like.device}
    places = torch.arange(first, first + T, **double)
    speeds = BASE ** (torch.arange(0, D, 2, **double) / -D)
    angles = torch.outer(places, speeds).unsqueeze(1)
    return torch.polar(torch.ones_like(angles), angles).to(
        torch.promote_types(like.dtype, torch.cfloat)
    )
