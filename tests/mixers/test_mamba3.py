"""Mamba-3: its loop with rotation matrices, and Mamba-2's recurrence without its two additions."""

import math

import pytest
import torch
import torch.nn.functional as F

from fwp import mixers
from fwp.ops.gated_linear_attention import gated_linear_attention

HIDDEN, HEADS, TIME, STATES = 12, 3, 9, 8


def make(**options):
    torch.manual_seed(0)
    mixer = mixers.get("mamba3")(HIDDEN, heads=HEADS, states=STATES, **options).double()
    for p in mixer.parameters():  # norms, biases and skips begin at 1: their places must show
        p.data.add_(0.3 * torch.randn_like(p))
    return mixer


def example(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def rms(x, weight):
    return x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * weight


def turn(angles):
    """A matrix that turns the first pairs of units by minus these angles."""
    blocks = [torch.tensor([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]])
              for a in angles.tolist()]  # fmt: skip
    return torch.block_diag(*blocks, torch.eye(STATES - 2 * len(blocks))).double()


@pytest.mark.parametrize(
    "options", [{}, {"rotation": False}, {"trapezoid": False}], ids=["", "straight", "Euler"]
)
def test_the_mixer(options):
    mixer, x = make(**options), example(TIME, HIDDEN)
    S = torch.zeros(HEADS, STATES, 2 * HIDDEN // HEADS, dtype=torch.float64)
    key, value = torch.zeros_like(S[..., 0]), torch.zeros_like(S[:, 0])
    outputs = []
    for x_t in x:
        gate, v, qk, step, rate, share, angle = (mixer.inputs.weight @ x_t).split(mixer.sizes)
        q, k = (rms(part, n.weight) for part, n in zip(qk.chunk(2), mixer.norms, strict=True))
        y = []
        for h, v_h in enumerate(v.chunk(HEADS)):
            q_h, k_h = q + mixer.bias[0, h], k + mixer.bias[1, h]
            delta = F.softplus(step[h] + mixer.step[h])
            size = 1 + rate[h] if rate[h] >= 0 else 1 / (1 - rate[h])
            alpha = torch.exp(-size * delta)
            now = share[h].sigmoid() if len(share) else 1.0
            R = turn(math.pi * angle.tanh() * delta)
            before = S[h] + (1 - now) * delta * torch.outer(key[h], value[h])
            S[h] = alpha * R @ before + now * delta * torch.outer(k_h, v_h)
            key[h], value[h] = k_h, v_h
            y.append(q_h @ S[h] + mixer.skip[h] * v_h)
        outputs.append(mixer.out.weight @ (torch.cat(y) * F.silu(gate)))
    found, state = mixer(x[None])
    torch.testing.assert_close(found[0], torch.stack(outputs))
    torch.testing.assert_close([part[0] for part in state], [S, key, value])


def test_without_rotation_and_trapezoid_the_recurrence_is_mamba_2s():
    mixer, state = make(rotation=False, trapezoid=False), None
    q, k, v = example(3, 2, TIME, HEADS, STATES)
    step, rate = example(2, 2, TIME, HEADS).exp()
    alpha, none = torch.exp(-rate * step), torch.zeros_like(step)
    found = mixer._recur(q, k, v, alpha, step, none, state)
    expected = gated_linear_attention(q, k, step.unsqueeze(-1) * v, alpha.unsqueeze(-1))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": 5}, r"heads must divide expand · hidden = 24, got 5"),
        ({"heads": 4, "states": 6}, "states must be a multiple of 4 with rotation, got 6"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        mixers.get("mamba3")(12, **options)
