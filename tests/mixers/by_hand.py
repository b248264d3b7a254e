"""Parts of the delta rules' equations, written out for one string."""

import torch
import torch.nn.functional as F
from torch import nn

from fwp import mixers

HIDDEN, HEADS, TIME = 12, 3, 9
WIDTH = HIDDEN // HEADS


def symbols():
    generator = torch.Generator().manual_seed(3)
    return torch.randn(TIME, HIDDEN, dtype=torch.float64, generator=generator)


def make(name: str, **options) -> nn.Module:
    torch.manual_seed(0)
    return mixers.get(name)(HIDDEN, heads=HEADS, **options).double()


def assert_matches(mixer, x, outputs):
    y, _ = mixer(x[None])
    torch.testing.assert_close(y[0], torch.stack(outputs), rtol=1e-10, atol=1e-10)


def convolved(mixer, x):
    """Projections through the short convolution and the SiLU, [T, parts, H, D]."""
    projected, taps = x @ mixer.qkv.weight.T, mixer.conv.weight
    rows = [
        sum(taps[i] * projected[t - i] for i in range(len(taps)) if t >= i) for t in range(len(x))
    ]
    return F.silu(torch.stack(rows)).view(len(x), -1, HEADS, WIDTH)


def linear(layer, x):
    return F.linear(x, layer.weight, layer.bias)


def unit(x):
    return x / x.norm()


def rms(x):
    return x / (x.square().mean() + 1e-5).sqrt()


def decays(mixer, z):
    """w of every head, [T, H, ...]."""
    z = z.unflatten(-1, mixer.decay.bias.shape)
    return torch.exp(-mixer.decay.log_rate.exp() * (1 + (z + mixer.decay.bias).exp()).log())


def delta_step(S, k, v, beta):
    return S + torch.outer(k, beta * (v - k @ S))
