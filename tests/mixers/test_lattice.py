"""An option or a weight at its trivial value makes the simpler model: docs/models.md."""

import math

import pytest
import torch
import torch.nn.functional as F
from by_hand import HEADS, WIDTH, make, symbols

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


class TestLattice:
    """Each edge, from the model with more to the one with less."""

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
