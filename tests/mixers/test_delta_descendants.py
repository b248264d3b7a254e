"""Descendants of Kimi Delta Attention: each against its equation, and the edges between them."""

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from by_hand import (
    HEADS,
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

from fwp.ops.generalised_delta_rule import gated_delta_rule, generalised_delta_rule


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
    [SIGNED, SIGNED | {"silu": False, "conv_size": 0}, {"decay": "head"}],
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


class TestLattice:
    """An option or a weight at its trivial value makes the simpler model: docs/models.md."""

    def pair(self, name, simpler="kimi_delta", own=(), **options):
        """A mixer and a simpler one with the same weights, but for those of its own."""
        mixer, other = make(name, **options), make(simpler, **dict(own))
        shared = {k: v for k, v in other.state_dict().items() if k in mixer.state_dict()}
        for key, value in shared.items():
            if value.shape == mixer.state_dict()[key].shape:
                mixer.state_dict()[key].copy_(value)
        return mixer, other

    def assert_equal(self, x, mixer, other):
        torch.testing.assert_close(mixer(x[None])[0], other(x[None])[0], rtol=1e-10, atol=1e-10)

    def beta_of(self, mixer):
        """The rows of `narrow` that make β, once for every unit of a head."""
        return mixer.narrow.weight.data[-HEADS:].repeat_interleave(WIDTH, 0)

    def test_equal_gates_make_gated_deltanet2_kimi_delta(self, x):
        mixer, other = self.pair("gated_deltanet2")
        mixer.narrow.weight.data = other.narrow.weight.data[:-HEADS].clone()
        mixer.to_erase.weight.data = self.beta_of(other)
        assert not torch.allclose(mixer(x[None])[0], other(x[None])[0])
        mixer.to_write.weight.data = self.beta_of(other)
        self.assert_equal(x, mixer, other)

    def test_equal_decays_make_kimi_delta_the_gated_delta_rule(self, x):
        mixer, other = make("kimi_delta"), make("kimi_delta", decay="head")
        for net in (mixer, other):
            net.narrow.weight.data[: net.parts[0]] = 0
        for name in ("qkv", "conv", "to_gate", "norm", "out"):
            getattr(mixer, name).load_state_dict(getattr(other, name).state_dict())
        mixer.narrow.weight.data[WIDTH:] = other.narrow.weight.data[HEADS:]
        mixer.decay.log_rate.data = other.decay.log_rate.data.clone()
        assert not torch.allclose(mixer(x[None])[0], other(x[None])[0])
        mixer.decay.bias.data[:] = other.decay.bias.data
        self.assert_equal(x, mixer, other)

    def test_positive_signed_gates_are_those_of_kimi_delta(self, x):
        mixer, other = self.pair("kimi_delta", signed_gates=True)
        other.narrow.weight.data[:WIDTH] = mixer.narrow.weight.data[:WIDTH] = 0
        assert not torch.allclose(mixer(x[None])[0], other(x[None])[0])
        w = torch.exp(-other.decay.log_rate.exp() * F.softplus(other.decay.bias))
        mixer.decay.bias.data = 2 * torch.atanh(w.detach())
        self.assert_equal(x, mixer, other)


class TestSignedTransitions:
    """What gates in [-1, 1] add, as docs/models.md says."""

    COUNT, SIZE = 300, 5

    def transitions(self, largest, lowest):
        """(I - β k⊗k) diag(w) for many random inputs, w from `lowest` to 1."""
        generator = torch.Generator().manual_seed(4)
        draw = {"dtype": torch.float64, "generator": generator}
        k = F.normalize(torch.randn(self.COUNT, 1, 1, self.SIZE, **draw), dim=-1)
        beta = largest * torch.rand(self.COUNT, 1, 1, **draw)
        w = lowest + (1 - lowest) * torch.rand(self.COUNT, 1, 1, self.SIZE, **draw)
        identity = torch.eye(self.SIZE, dtype=torch.float64).expand(self.COUNT, 1, -1, -1)
        return gated_delta_rule(k, k, 0 * k, beta, w, initial_state=identity)[1][:, 0]

    @pytest.mark.parametrize(
        ("largest", "lowest", "pairs"), [(2, -1, 1), (1, -1, 0), (2, 0, 0), (1, 0, 0)]
    )
    def test_complex_pairs_take_both_signed_gates_and_rates_to_two(self, largest, lowest, pairs):
        transitions = self.transitions(largest, lowest)
        found = torch.linalg.eigvals(transitions)
        assert (found.imag > 1e-6).sum(-1).max() == pairs
        assert torch.linalg.matrix_norm(transitions, 2).max() <= 1 + 1e-9

    def test_a_negative_gate_and_a_reflection_are_a_rotation_by_twice_their_angle(self):
        angle = math.pi / 5
        k = torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)[None, None, None]
        w = torch.tensor([-1.0, 1.0], dtype=torch.float64)[None, None, None]
        two, identity = torch.full((1, 1, 1), 2.0, dtype=torch.float64), torch.eye(2).double()
        _, transition = gated_delta_rule(k, k, 0 * k, two, w, identity[None, None])
        turned = torch.linalg.eigvals(transition[0, 0]).angle().abs()
        torch.testing.assert_close(turned, torch.full_like(turned, 2 * angle))

    @pytest.mark.parametrize("negative", [False, True])
    def test_gated_deltanet2_has_real_eigenvalues(self, negative):
        generator = torch.Generator().manual_seed(5)
        draw = {"dtype": torch.float64, "generator": generator}
        k = F.normalize(torch.randn(self.COUNT, 1, 1, self.SIZE, **draw), dim=-1)
        erase = (1 + negative) * torch.rand(k.shape, **draw)
        w = torch.rand(k.shape, **draw)
        identity = torch.eye(self.SIZE, dtype=torch.float64).expand(self.COUNT, 1, -1, -1)
        _, state = generalised_delta_rule(k, k, 0 * k, w, -w * erase * k, k, identity)
        found = torch.linalg.eigvals(state)
        assert found.imag.abs().max() < 1e-6 and found.real.max() < 1
        assert (found.real < -1e-9).sum(-1).max() == int(negative) and found.real.min() > -1


def times(p, q):
    """The product of quaternions (a, b, c, d) = a + bi + cj + dk."""
    a, u, b, v = p[..., :1], p[..., 1:], q[..., :1], q[..., 1:]
    real = a * b - (u * v).sum(-1, keepdim=True)
    return torch.cat((real, a * v + b * u + torch.linalg.cross(u, v)), -1)


def closure(*generators):
    """All products of quaternions: a finite group."""
    found = torch.stack(generators)
    for _ in range(12):  # words of up to twelve generators are enough for the groups below
        products = times(found[:, None], torch.stack(generators)[None]).flatten(0, 1)
        found = torch.unique(torch.cat((found, products)).round(decimals=9) + 0.0, dim=0)
    return found


GOLDEN = (1 + math.sqrt(5)) / 2
BINARY = {  # generators of the binary octahedral and icosahedral groups: twice S4, twice A5
    48: ((math.sqrt(0.5), math.sqrt(0.5), 0, 0), (0.5, 0.5, 0.5, 0.5)),
    120: ((0.5, 0.5, 0.5, 0.5), (GOLDEN / 2, 0.5, 1 / (2 * GOLDEN), 0)),
}


@pytest.mark.parametrize("order", BINARY)
def test_one_step_with_signed_gates_tracks_rotations_of_a_cube_and_an_icosahedron(order):
    """With w = (-1, 1, 1, 1), β = 2 and a quaternion as key, x becomes k x k.

    So one column of the state is l c r, where l is the product of the elements so far and r that
    in the opposite order. l is known up to its sign, which is what S4 and A5 leave out.
    """
    group = closure(*(torch.tensor(q, dtype=torch.float64) for q in BINARY[order]))
    assert len(group) == order
    drawn = torch.randint(order, (300,), generator=torch.Generator().manual_seed(0))
    k = group[drawn][None, :, None]
    w = torch.tensor([-1.0, 1, 1, 1], dtype=torch.float64).expand_as(k)
    start = torch.eye(4, dtype=torch.float64)
    _, state = gated_delta_rule(k, k, 0 * k, torch.full_like(k[..., 0], 2), w, start[None, None])
    left = right = start[0]
    for element in group[drawn]:
        left, right = times(element, left), times(right, element)
    expected = torch.stack([times(times(left, c), right) for c in start], -1)
    torch.testing.assert_close(state[0, 0], expected)
