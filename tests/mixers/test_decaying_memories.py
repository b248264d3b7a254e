"""Mixers whose memory only decays: each against its paper's loop, and against simpler mixers."""

import pytest
import torch
import torch.nn.functional as F

from fwp import mixers
from fwp.ops.gated_linear_attention import gated_linear_attention
from fwp.ops.linear_attention import linear_attention
from fwp.ops.selective_scan import selective_scan

HIDDEN, HEADS, TIME = 12, 3, 9
WIDTH = HIDDEN // HEADS


def example(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def make(name, **options):
    torch.manual_seed(0)
    mixer = mixers.get(name)(HIDDEN, heads=HEADS, **options).double()
    for p in mixer.parameters():  # norms and skips begin at 1, where their places do not show
        p.data.add_(0.1 * torch.randn_like(p))
    return mixer


def rms(x, weight):
    return x / (x.square().mean() + 1e-5).sqrt() * weight


def assert_matches(mixer, outputs, x):
    torch.testing.assert_close(mixer(x[None])[0][0], torch.stack(outputs), rtol=1e-10, atol=1e-10)


def test_retnet():
    mixer, x = make("retnet"), example(TIME, HIDDEN)
    q, k, v, gate = (x @ mixer.qkvg.weight.T).view(TIME, 4, HEADS, WIDTH).unbind(1)
    angles = torch.tensor([1.0, 0.01], dtype=torch.float64)
    blocks = [torch.tensor([[a.cos(), a.sin()], [-a.sin(), a.cos()]]) for a in angles]
    turn = torch.block_diag(*blocks).double()  # by -a
    S, outputs = torch.zeros(HEADS, WIDTH, WIDTH, dtype=torch.float64), []
    for t in range(TIME):
        y = []
        for h in range(HEADS):
            S[h] = (1 - 2.0 ** (-5 - h)) * turn @ S[h] + torch.outer(k[t, h], v[t, h])
            y.append(rms(q[t, h] @ S[h] / WIDTH**0.5, mixer.norm.weight) * F.silu(gate[t, h]))
        outputs.append(mixer.out.weight @ torch.cat(y))
    assert_matches(mixer, outputs, x)
    torch.testing.assert_close(mixer(x[None])[1][0][0], S)


@pytest.mark.parametrize("decay", ["vector", "number"])
def test_gla(decay):
    mixer, x = make("gla", decay=decay), example(TIME, HIDDEN)
    q, k, v, gate = (x @ mixer.qkvg.weight.T).view(TIME, 4, HEADS, WIDTH).unbind(1)
    w = torch.sigmoid(mixer.to_decay(x[None])[0]).view(TIME, HEADS, -1) ** (1 / 16)
    S, outputs = torch.zeros(HEADS, WIDTH, WIDTH, dtype=torch.float64), []
    for t in range(TIME):
        y = []
        for h in range(HEADS):
            S[h] = w[t, h, :, None] * S[h] + torch.outer(k[t, h], v[t, h])
            y.append(rms(q[t, h] @ S[h] / WIDTH**0.5, mixer.norm.weight) * F.silu(gate[t, h]))
        outputs.append(mixer.out.weight @ torch.cat(y))
    assert_matches(mixer, outputs, x)


@pytest.mark.parametrize("conv_size", [4, 0])
def test_mamba2(conv_size):
    mixer, x = make("mamba2", states=5, expand=2, conv_size=conv_size), example(TIME, HIDDEN)
    inner, past = 2 * HIDDEN, []
    S, outputs = torch.zeros(HEADS, 5, inner // HEADS, dtype=torch.float64), []
    for x_t in x:
        gate, mixed, step = (mixer.inputs.weight @ x_t).split((inner, inner + 10, HEADS))
        past = [mixed, *past][: max(1, conv_size)]
        if conv_size:
            mixed = sum(map(torch.mul, mixer.conv.weight, past)) + mixer.bias
        value, b, c = F.silu(mixed).split((inner, 5, 5))
        y = []
        for h, value_h in enumerate(value.chunk(HEADS)):
            delta = F.softplus(step[h] + mixer.step[h])
            S[h] = torch.exp(-delta * mixer.log_rate[h].exp()) * S[h]
            S[h] += torch.outer(b, delta * value_h)
            y.append(c @ S[h] + mixer.skip[h] * value_h)
        outputs.append(mixer.out.weight @ rms(torch.cat(y) * F.silu(gate), mixer.norm.weight))
    assert_matches(mixer, outputs, x)


def test_the_heads_of_mamba2_must_share_its_inner_width():
    with pytest.raises(ValueError, match=r"heads must divide expand · hidden = 24, got 5"):
        mixers.get("mamba2")(12, heads=5)


def test_retnet_without_rotation_and_decay_is_linear_attention():
    mixer, x = make("retnet", rotation=False, decay=False), example(2, TIME, HIDDEN)
    q, k, v, gate = mixer.qkvg(x).unflatten(-1, (4, HEADS, WIDTH)).unbind(2)
    y, S = linear_attention(q / WIDTH**0.5, k, v)
    y = mixer.out((mixer.norm(y) * F.silu(gate)).flatten(2))
    torch.testing.assert_close(mixer(x), (y, (S,)))


@pytest.mark.parametrize("decay", ["vector", "number"])
def test_gla_with_fixed_gates_is_retnet_without_rotation(decay):
    gla, retnet = make("gla", decay=decay), make("retnet", rotation=False)
    rates = 1 - 2.0 ** (-5 - torch.arange(HEADS, dtype=torch.float64))
    last = gla.to_decay[1] if decay == "vector" else gla.to_decay
    last.weight.data.zero_()
    last.bias.data = torch.logit(rates**16).repeat_interleave(WIDTH if decay == "vector" else 1)
    for name in ("qkvg", "norm", "out"):
        getattr(gla, name).load_state_dict(getattr(retnet, name).state_dict())
    x = example(2, TIME, HIDDEN)
    torch.testing.assert_close(gla(x), retnet(x))


def test_mamba2_is_mamba_whose_units_fade_alike():
    """With heads of one unit, and a rate for all numbers of a unit's state."""
    x, delta, b, c = example(4, 1, TIME, 5)
    rates = example(5).exp()
    y, S = selective_scan(x, delta.exp(), -rates[:, None].expand(5, 5), b, c)
    heads = [part.unsqueeze(2).expand(-1, -1, 5, -1) for part in (c, b)]
    w = torch.exp(-rates * delta.exp()).unsqueeze(-1)
    found, memory = gated_linear_attention(*heads, (delta.exp() * x).unsqueeze(-1), w)
    torch.testing.assert_close(found.squeeze(-1), y)
    torch.testing.assert_close(memory.squeeze(-1), S)
