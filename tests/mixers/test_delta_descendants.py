"""Descendants of Kimi Delta Attention: each against its equation."""

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from by_hand import (
    HEADS,
    HIDDEN,
    TIME,
    WIDTH,
    assert_matches,
    convolved,
    decays,
    delta_step,
    linear,
    make,
    rms,
    symbols,
    unit,
)
from torch import Tensor


@pytest.fixture
def x():
    return symbols()


def zeros(*shape):
    return torch.zeros(*shape, dtype=torch.float64)


def gates(mixer, x):
    """w [T, H, D], pre-activations of the rates [T, n, H], and what the output is multiplied by."""
    decay, gate, rates = (x @ mixer.narrow.weight.T).split(mixer.parts, 1)
    if mixer.to_decay is not None:
        decay = decay @ mixer.to_decay.weight.T
    if hasattr(mixer.decay, "log_slope"):
        bias, slope = mixer.decay.bias, mixer.decay.log_slope.exp()
        w = 2 * (slope * (decay.unflatten(-1, bias.shape) + bias)).sigmoid() - 1
    else:
        w = decays(mixer, decay)
    output = (gate @ mixer.to_gate.weight.T + mixer.to_gate.bias).sigmoid()
    return w.expand(-1, -1, WIDTH), rates.view(len(x), -1, HEADS), output


Rule = Callable[..., tuple[Tensor, tuple[Tensor, ...]]]  # what is read, and the new memory


def assert_follows(mixer, x, rule: Rule, memories: int = 1):
    """That the mixer is its rule within Kimi Delta Attention's layers, for heads and symbols."""
    if mixer.conv is None:
        parts = (x @ mixer.qkv.weight.T).view(TIME, 3, HEADS, WIDTH)
    else:
        parts = convolved(mixer, x)
    w, rates, output = gates(mixer, x)
    memory = [(zeros(WIDTH, WIDTH),) * memories for _ in range(HEADS)]
    outputs = []
    for t in range(TIME):
        y = []
        for h in range(HEADS):
            q, k, v = unit(parts[t, 0, h]), unit(parts[t, 1, h]), parts[t, 2, h]
            read, memory[h] = rule(memory[h], q, k, v, w[t, h], rates[t, :, h], t, h)
            y.append(rms(read))
        outputs.append(mixer.out.weight @ (torch.cat(y) * output[t]))
    assert_matches(mixer, x, outputs)


def per_head(layer, x):
    """A linear map of every symbol, [T, H, D]."""
    return linear(layer, x).view(len(x), HEADS, WIDTH)


SIGNED = {"signed_gates": True, "allow_neg_eigval": True}


@pytest.mark.parametrize(
    "options",
    [SIGNED, SIGNED | {"silu": False, "conv_size": 0}, {"decay": "number"}],
    ids=["signed", "signed-without-silu", "one-decay"],
)
def test_kimi_delta_with_options(x, options):
    mixer = make("kimi_delta", **options)
    w = gates(mixer, x)[0]
    assert (w < 0).any() == ("signed_gates" in options)
    assert (w == w[..., :1]).all() == ("decay" in options)

    def rule(memory, q, k, v, w, rates, t, h):
        beta = mixer.largest_rate * rates[0].sigmoid()
        S = delta_step(torch.diag(w) @ memory[0], k, v, beta)
        return q @ S, (S,)

    assert_follows(mixer, x, rule)


@pytest.mark.parametrize("negative", [False, True])
def test_gated_deltanet2(x, negative):
    mixer = make("gated_deltanet2", allow_neg_eigval=negative)
    erase = (1 + negative) * per_head(mixer.to_erase, x).sigmoid()
    write = per_head(mixer.to_write, x).sigmoid()

    def rule(memory, q, k, v, w, rates, t, h):
        decayed = torch.diag(w) @ memory[0]
        S = decayed - torch.outer(k, (erase[t, h] * k) @ decayed)
        S = S + torch.outer(k, write[t, h] * v)
        return q @ S, (S,)

    assert_follows(mixer, x, rule)


def test_q_delta(x):
    mixer = make("q_delta")

    def rule(memory, q, k, v, w, rates, t, h):
        beta, feedback = rates[0].sigmoid(), (rates[1] - 0.9).sigmoid()
        decayed = torch.diag(w) @ memory[0]
        S = decayed + torch.outer(k, beta * (v - k @ decayed - feedback * (q @ decayed)))
        return q @ S, (S,)

    assert_follows(mixer, x, rule)


@pytest.mark.parametrize("negative", [False, True])
def test_erase_then_delta(x, negative):
    mixer = make("erase_then_delta", rank=2, allow_neg_eigval=negative)
    low = linear(mixer.to_address, x).view(TIME, HEADS, 2)

    def rule(memory, q, k, v, w, rates, t, h):
        erase, beta = (1 + negative) * rates.sigmoid()
        e = unit(low[t, h] @ mixer.address[h])
        S = torch.diag(w) @ memory[0]
        S = S - erase * torch.outer(e, e @ S)
        S = delta_step(S, k, v, beta)
        return q @ S, (S,)

    assert_follows(mixer, x, rule)


def test_preconditioned_delta(x):
    mixer = make("preconditioned_delta", squash=1.8)

    def rule(memory, q, k, v, w, rates, t, h):
        beta, rate, decay = rates
        own = mixer.curvature_decay
        kept = torch.exp(-own.log_rate[h].exp() * F.softplus(decay + own.bias[h]))
        A = kept * memory[1][0] + rate.sigmoid() * k.square()
        r = (A + 1e-6).log() - mixer.centre[h]
        written = k * 1.8 ** (-r / (1 + r.abs()))
        S = torch.diag(w) @ memory[0]
        S = S + torch.outer(written, beta.sigmoid() * (v - k @ S))
        return q @ S, (S, A.expand(WIDTH, -1))

    assert_follows(mixer, x, rule, memories=2)


def test_momentum_deltanet(x):
    mixer = make("momentum_deltanet")

    def rule(memory, q, k, v, w, rates, t, h):
        S, M = memory
        own = mixer.momentum
        eta = 1 + (rates[1] / HIDDEN**0.5).tanh()
        tangent = eta * mixer.log_factor[h].exp()
        alpha = w[0] / (1 + tangent**2)  # cos² of the angle
        beta = rates[0].sigmoid() * tangent**2 / (1 + tangent**2)
        mu = torch.exp(-own.log_rate[h].exp() * F.softplus(rates[2] + own.bias[h]))
        M = mu.clamp_min(math.exp(-2)) * M + torch.outer(k, eta * (v - k @ (alpha * S)))
        S = alpha * S + beta * M
        return q @ S, (S, M)

    assert_follows(mixer, x, rule, memories=2)


def test_oja(x):
    mixer = make("oja")

    def rule(memory, q, k, v, w, rates, t, h):
        S = memory[0] @ torch.diag(w)
        S = S + rates[0].sigmoid() * torch.outer(k - S @ unit(v), unit(v))
        return q @ S, (S,)

    assert_follows(mixer, x, rule)
