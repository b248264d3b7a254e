"""Dropout whose random numbers are a function of the seed, the step and the place.

There is no generator with a state: a number is a hash of where it is used. So a model in a pack
drops the units that it drops alone, padding changes nothing, a resumed training goes on with the
numbers of an undisturbed one, and a CUDA graph needs nothing but a counter on the device.
"""

import itertools
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fwp.kernels.op import op

MASK = 0xFFFFFFFF  # 32 bits
GOLDEN = 0x9E3779B9  # 2³² / the golden ratio, odd: multiples of it are far apart


def _typical(x: Tensor, seed: Tensor) -> tuple[Tensor, Tensor]:
    return x, (1e9 * seed.abs()).long()


def _check_options(rate: float, **_) -> None:
    if not 0 <= rate < 1:
        raise ValueError(f"dropout: rate must be at least 0 and below 1, got {rate}")


@op(cost=lambda n: n["D"], typical=_typical, check_options=_check_options)
def dropout(
    x: Float[Tensor, "B T D"],
    seed: Int[Tensor, "2"],
    *,
    rate: float = 0.1,
    place: int = 0,
) -> Float[Tensor, "B T D"]:
    """Set each number to 0 with the probability `rate`, and divide the others by 1 − rate.

    With mix, a hash of 32 bits (Wellons 2018, lowbias32), started from h = 0:

        h ← mix(h ⊕ n) for n = key, step, place, b, t        u = mix(h + d · 0x9E3779B9)
        y[b, t, d] = x[b, t, d] / (1 − rate) if u ≥ 2³² · rate else 0

    Args:
        x: [B, T, D].
        seed: key and step [2].
        rate: share of the numbers that are dropped.
        place: where in the model x is: at each place other numbers are dropped.

    Returns:
        y [B, T, D].
    """
    key, step = seed.unbind(-1)
    h = _mix(_mix(_mix(key & MASK) ^ (step & MASK)) ^ place)
    b, t, d = (torch.arange(n, device=x.device) for n in x.shape)
    h = _mix(_mix(h ^ b).unsqueeze(-1) ^ t).unsqueeze(-1)
    kept = _mix((h + d * GOLDEN) & MASK) >= threshold(rate)
    return torch.where(kept, x * (1 / (1 - rate)), 0)


def threshold(rate: float) -> int:
    """Hashes below it drop a number; a number of 32 bits itself."""
    return min(round(rate * 2**32), MASK)


def _mix(x: Tensor) -> Tensor:
    """A hash of numbers of 32 bits, in int64."""
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & MASK
    x = ((x ^ (x >> 15)) * 0x846CA68B) & MASK
    return x ^ (x >> 16)


class Dropout(nn.Module):
    """The op with its seed, for all places of a model.

    Args:
        rate: share of the numbers that are dropped.

    Attributes:
        seed: key, drawn with the initial weights, and training steps so far [2]. It decides nothing
            outside of training, so that no file of weights holds it.
    """

    seed: Tensor

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate
        key = torch.randint(2**31, (1,))
        self.register_buffer("seed", torch.cat((key, torch.zeros_like(key))), persistent=False)

    def in_turn(self) -> Callable[[Tensor], Tensor]:
        """What drops numbers of x [B, T, D], at the next place of the model with each call."""
        places = itertools.count()
        return lambda x: dropout(x, self.seed, rate=self.rate, place=next(places))
