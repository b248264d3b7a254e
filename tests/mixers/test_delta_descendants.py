"""Descendants of Kimi Delta Attention: each against its equation, and the edges between them."""

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

from fwp.ops.delta_rule import delta_rule
from fwp.ops.gated_delta_rule import gated_delta_rule as by_number
from fwp.ops.gated_linear_attention import gated_linear_attention
from fwp.ops.generalised_delta_rule import gated_delta_rule, generalised_delta_rule
from fwp.ops.linear_attention import linear_attention
from fwp.ops.momentum_delta_rule import momentum_delta_rule
from fwp.ops.oja_rule import oja_rule


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
        mixer, other = make("kimi_delta"), make("kimi_delta", decay="number")
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

    def without(self, mixer, other, row):
        """Share the weights, and set those of the rate in that row to nothing: σ(-∞) = 0.

        Rows of `narrow` are linear in x, so the first unit of x must be 1.
        """
        rows, first = mixer.narrow.weight.data, len(mixer.narrow.weight) - mixer.rates * HEADS
        rows[:first] = other.narrow.weight.data[:-HEADS]
        for i in range(mixer.rates):
            own = slice(first + i * HEADS, first + (i + 1) * HEADS)
            rows[own] = 0 if i == row else other.narrow.weight.data[-HEADS:]
        return slice(first + row * HEADS, first + (row + 1) * HEADS)

    @pytest.mark.parametrize(("name", "row"), [("q_delta", 1), ("erase_then_delta", 0)])
    def test_a_rate_of_zero_makes_these_the_gated_delta_rule(self, x, name, row):
        decay = {"decay": "number"}
        mixer, other = self.pair(name, own=decay, **decay)
        own = self.without(mixer, other, row)
        x[:, 0] = 1
        assert not torch.allclose(mixer(x[None])[0], other(x[None])[0])
        mixer.narrow.weight.data[own, 0] = -800
        self.assert_equal(x, mixer, other)

    @pytest.mark.parametrize("decay", ["vector", "number"])
    def test_a_squash_of_one_makes_the_preconditioner_the_identity(self, x, decay):
        mixer, other = self.pair(
            "preconditioned_delta", own={"decay": decay}, decay=decay, squash=1
        )
        self.without(mixer, other, 1)
        self.assert_equal(x, mixer, other)
        mixer.log_squash = math.log(1.5)
        assert not torch.allclose(mixer(x[None])[0], other(x[None])[0])

    def draw(self, *shapes):
        generator = torch.Generator().manual_seed(6)
        return [torch.randn(1, 7, 2, *s, dtype=torch.float64, generator=generator) for s in shapes]

    def test_without_momentum_it_is_the_gated_delta_rule(self):
        q, k, v, alpha, beta, eta = self.draw((3,), (3,), (4,), (), (), ())
        found = momentum_delta_rule(q, k, v, alpha, 0 * alpha, beta, eta)[0]
        expected = gated_delta_rule(q, k, v, beta * eta, alpha[..., None])[0]
        torch.testing.assert_close(found, expected)

    def test_ojas_rule_is_the_delta_rule_with_keys_and_values_exchanged(self):
        q, k, v, beta, w = self.draw((3,), (3,), (4,), (), (4,))
        _, S = oja_rule(q, k, v, beta, w)
        _, exchanged = gated_delta_rule(v, v, k, beta, w)
        torch.testing.assert_close(S, exchanged.mT)

    def test_a_vector_of_equal_decays_is_a_number(self):
        q, k, v, beta, w = self.draw((3,), (3,), (4,), (), ())
        found = gated_delta_rule(q, k, v, beta, w[..., None].expand_as(k))[0]
        torch.testing.assert_close(found, by_number(q, k, v, beta, w)[0])
        kept = gated_delta_rule(q, k, v, beta, torch.ones_like(k))[0]
        torch.testing.assert_close(kept, delta_rule(q, k, v, beta)[0])

    def test_what_erases_nothing_is_linear_attention(self):
        q, k, v, w = self.draw((3,), (3,), (4,), (3,))
        w = w.sigmoid()
        found = generalised_delta_rule(q, k, v, w, 0 * k, k)[0]
        torch.testing.assert_close(found, gated_linear_attention(q, k, v, w)[0])
        summed = generalised_delta_rule(q, k, v, torch.ones_like(k), 0 * k, k)[0]
        torch.testing.assert_close(summed, linear_attention(q, k, v)[0])


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

    def matrices(self, *shape):
        generator = torch.Generator().manual_seed(7)
        return torch.rand(self.COUNT, *shape, dtype=torch.float64, generator=generator)

    def test_q_delta_has_a_negative_eigenvalue_if_query_and_key_agree(self):
        k, q = (F.normalize(part, dim=-1) for part in (self.matrices(2, 5) - 0.5).unbind(1))
        q = torch.cat((q[::2], k[1::2]))
        k = torch.cat((k[::2], k[1::2]))
        beta, feedback, w = self.matrices(3, 1).unbind(1)
        mixed = torch.einsum("bi,bj->bij", beta * k, k + feedback * q)
        transitions = w[..., None] * (torch.eye(5, dtype=torch.float64) - mixed)
        found = torch.linalg.eigvals(transitions)
        assert found.imag.abs().max() < 1e-6 and found.abs().max() <= 1
        assert found.real.min() < -0.5

    @pytest.mark.parametrize(("squash", "lowest"), [(1.0, 0), (1.5, -0.5), (2.0, -1)])
    def test_preconditioned_transitions_are_real_and_bounded(self, squash, lowest):
        k = F.normalize(self.matrices(5) - 0.5, dim=-1)
        w, beta = self.matrices(5), self.matrices(1)
        p = k * squash ** (2 * self.matrices(5) - 1)
        eye = torch.eye(5, dtype=torch.float64)
        found = torch.linalg.eigvals((eye - torch.einsum("bi,bj->bij", beta * p, k)) * w[:, None])
        assert found.imag.abs().max() < 1e-6 and found.real.max() <= 1
        assert found.real.min() >= lowest - 1e-9

    @pytest.mark.parametrize("largest", [1, 2])
    def test_erase_then_delta_may_have_complex_eigenvalues_in_the_unit_disc(self, largest):
        k, e = (F.normalize(part, dim=-1) for part in (self.matrices(2, 5) - 0.5).unbind(1))
        eye = torch.eye(5, dtype=torch.float64)
        write, erase = (
            eye - largest * rate[..., None] * torch.einsum("bi,bj->bij", u, u)
            for rate, u in zip(self.matrices(2, 1).unbind(1), (k, e), strict=True)
        )
        transitions = write @ erase * self.matrices(5)[:, None]
        assert torch.linalg.matrix_norm(transitions, 2).max() <= 1 + 1e-9
        assert torch.linalg.eigvals(transitions).imag.abs().max() > 1e-3

    def test_momentum_oscillates_within_the_unit_disc(self):
        w, mu, rate, eta, factor = self.matrices(5).unbind(1)
        eta = 2 * eta
        angle = torch.atan(4 * factor * eta)
        alpha, beta = angle.cos() ** 2 * w, angle.sin() ** 2 * rate
        k = torch.ones(self.COUNT, 1, 1, 1, dtype=torch.float64)
        numbers = [part[:, None, None] for part in (alpha, mu, beta, eta)]
        columns = []
        for S, M in ((1.0, 0.0), (0.0, 1.0)):
            start = (k * S, k * M)
            _, (S, M) = momentum_delta_rule(k, k, 0 * k, *numbers, initial_state=start)
            columns.append(torch.cat((S, M), -1)[:, 0, 0])
        transitions = torch.stack(columns, -1)
        torch.testing.assert_close(torch.linalg.det(transitions), alpha * mu)
        found = torch.linalg.eigvals(transitions)
        assert found.abs().max() <= 1 and found.imag.abs().max() > 0.1


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
