"""The younger delta rules: each against its equation, and what its transition matrix can do."""

import math
from itertools import permutations

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

from fwp.languages.word_problem import product
from fwp.ops.delta_rule import delta_rule
from fwp.ops.generalised_delta_rule import gated_delta_rule, generalised_delta_rule


@pytest.fixture
def x():
    return symbols()


@pytest.mark.parametrize("gate", [False, True])
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("negative", [False, True])
def test_deltaproduct(x, gate, steps, negative):
    mixer = make("deltaproduct", householders=steps, gate=gate, allow_neg_eigval=negative)
    parts = convolved(mixer, x)
    rates = x @ mixer.rates.weight.T
    beta = (1 + negative) * rates[:, : steps * HEADS].sigmoid().view(TIME, steps, HEADS)
    S = torch.zeros(HEADS, WIDTH, WIDTH, dtype=torch.float64)
    outputs = []
    for t in range(TIME):
        y = []
        for h in range(HEADS):
            if gate:
                S[h] = decays(mixer, rates[:, steps * HEADS :])[t, h] * S[h]
            for i in range(steps):
                k, v = unit(parts[t, 1 + i, h]), parts[t, 1 + steps + i, h]
                S[h] = delta_step(S[h].clone(), k, v, beta[t, i, h])
            y.append(rms(unit(parts[t, 0, h]) @ S[h]))
        y = torch.cat(y) * F.silu(mixer.output_gate.weight @ x[t])
        outputs.append(mixer.out.weight @ y)
    assert_matches(mixer, x, outputs)


def test_gated_deltanet_is_gated_deltaproduct_with_one_step(x):
    one = make("deltaproduct", householders=1, gate=True, allow_neg_eigval=False)
    torch.testing.assert_close(make("gated_deltanet")(x[None])[0], one(x[None])[0])


def test_kimi_delta(x):
    mixer = make("kimi_delta")
    parts = convolved(mixer, x)
    decay, gate, beta = (x @ mixer.narrow.weight.T).split((WIDTH, WIDTH, HEADS), 1)
    w = decays(mixer, decay @ mixer.to_decay.weight.T)
    S = torch.zeros(HEADS, WIDTH, WIDTH, dtype=torch.float64)
    outputs = []
    for t in range(TIME):
        y = []
        for h in range(HEADS):
            q, k, v = unit(parts[t, 0, h]), unit(parts[t, 1, h]), parts[t, 2, h]
            S[h] = delta_step(torch.diag(w[t, h]) @ S[h], k, v, beta[t, h].sigmoid())
            y.append(rms(q @ S[h]))
        y = torch.cat(y) * linear(mixer.to_gate, gate[t]).sigmoid()
        outputs.append(mixer.out.weight @ y)
    assert_matches(mixer, x, outputs)


def test_rwkv7(x):
    mixer = make("rwkv7")
    for weight in (mixer.alpha, mixer.xi, mixer.rho, mixer.scale, mixer.shift):
        weight.data.uniform_(-1, 1)
    outputs, last = [], torch.zeros(HIDDEN, dtype=torch.float64)
    S = torch.zeros(HEADS, WIDTH, WIDTH, dtype=torch.float64)
    for x_t in x:
        xs = [x_t + (last - x_t) * mu for mu in mixer.mu]
        r, k, v = (matrix.weight @ x for matrix, x in zip(mixer.rkv, xs[:3], strict=True))
        decay, rate, gate = (
            linear(second, squash(linear(first, x)))
            for (first, second), squash, x in zip(
                (mixer.decay, mixer.rate, mixer.gate),
                (torch.tanh, lambda z: z, torch.sigmoid),
                xs[3:],
                strict=True,
            )
        )
        w, a = torch.exp(-math.exp(-0.5) * decay.sigmoid()), rate.sigmoid()
        written = k * (1 + (a - 1) * mixer.alpha)
        y = []
        for h in range(HEADS):
            own = slice(h * WIDTH, (h + 1) * WIDTH)
            kappa = unit((k * mixer.xi)[own])
            transition = torch.diag(w[own]) - torch.outer(kappa * a[own], kappa)
            S[h] = transition @ S[h] + torch.outer(written[own], v[own])
            read = F.layer_norm(r[own] @ S[h], (WIDTH,)) * mixer.scale[own] + mixer.shift[own]
            y.append(read + (r * mixer.rho * written)[own].sum() * v[own])
        outputs.append(mixer.out.weight @ (gate * torch.cat(y)))
        last = x_t
    assert_matches(mixer, x, outputs)


def test_deltanet_with_the_attention_normaliser(x):
    mixer = make("deltanet", feature_map="elu", normaliser="attention")
    q, k, v = (x @ mixer.qkv_beta.weight[: 3 * HIDDEN].T).view(TIME, 3, HEADS, WIDTH).unbind(1)
    q, k = F.elu(q) + 1, F.elu(k) + 1
    beta = torch.sigmoid(x @ mixer.qkv_beta.weight[3 * HIDDEN :].T)
    S = torch.zeros(HEADS, WIDTH, WIDTH, dtype=torch.float64)
    z = torch.zeros(HEADS, WIDTH, dtype=torch.float64)
    outputs = []
    for t in range(TIME):
        y = []
        for h in range(HEADS):
            found = k[t, h] @ S[h] / (k[t, h] @ z[h] + 1e-6)
            S[h] += torch.outer(k[t, h], beta[t, h] * (v[t, h] - found))
            z[h] += k[t, h]
            y.append(q[t, h] @ S[h] / (q[t, h] @ z[h] + 1e-6))
        outputs.append(mixer.out.weight @ torch.cat(y))
    assert_matches(mixer, x, outputs)


def test_deltanet_with_short_convolution_and_output_norm(x):
    mixer = make("deltanet", feature_map="silu_l2", conv_size=3, output_norm=True)
    projected = x @ mixer.qkv_beta.weight[: 3 * HIDDEN].T
    taps = mixer.conv.weight
    rows = [sum(taps[i] * projected[t - i] for i in range(3) if t >= i) for t in range(TIME)]
    parts = F.silu(torch.stack(rows)).view(TIME, 3, HEADS, WIDTH)
    beta = torch.sigmoid(x @ mixer.qkv_beta.weight[3 * HIDDEN :].T)
    S = torch.zeros(HEADS, WIDTH, WIDTH, dtype=torch.float64)
    outputs = []
    for t in range(TIME):
        for h in range(HEADS):
            S[h] = delta_step(S[h].clone(), unit(parts[t, 1, h]), parts[t, 2, h], beta[t, h])
        y = torch.cat([rms(unit(parts[t, 0, h]) @ S[h]) for h in range(HEADS)])
        outputs.append(mixer.out.weight @ y)
    assert_matches(mixer, x, outputs)


class TestTransitions:
    """Eigenvalues, as docstrings and docs/models.md state them, of many random transitions."""

    COUNT, SIZE = 300, 5

    def random(self, *shape):
        self.seed = getattr(self, "seed", 0) + 1
        generator = torch.Generator().manual_seed(self.seed)
        return torch.randn(self.COUNT, 1, 1, *shape, dtype=torch.float64, generator=generator)

    def eigenvalues(self, op, *inputs):
        """Of what an op makes of the identity when zeros are written."""
        identity = torch.eye(self.SIZE, dtype=torch.float64).expand(self.COUNT, 1, -1, -1)
        return torch.linalg.eigvals(op(*inputs, initial_state=identity)[1])

    def vectors(self):
        return F.normalize(self.random(self.SIZE), dim=-1), torch.zeros_like(self.random(self.SIZE))

    @pytest.mark.parametrize("largest", [1, 2])
    def test_delta_rule(self, largest):
        k, zero = self.vectors()
        beta = largest * self.random().sigmoid()
        values = self.eigenvalues(delta_rule, zero, k, zero, beta).real.sort(-1).values
        torch.testing.assert_close(values[..., 0], 1 - beta[:, 0])
        torch.testing.assert_close(values[..., 1:], torch.ones_like(values[..., 1:]))

    @pytest.mark.parametrize("largest", [1, 2])
    def test_a_decaying_delta_rule_has_real_eigenvalues_and_one_may_be_negative(self, largest):
        k, zero = self.vectors()
        beta, w = largest * self.random().sigmoid(), self.random(self.SIZE).sigmoid()
        found = self.eigenvalues(gated_delta_rule, zero, k, zero, beta, w)
        assert found.imag.abs().max() < 1e-9
        assert found.real.max() < 1 and found.real.min() > (0 if largest == 1 else -1)
        negative = (found.real < 0).sum(-1)
        assert negative.max() == largest - 1

    def test_rwkv7(self):
        kappa, zero = self.vectors()
        w = torch.exp(-math.exp(-0.5) * self.random(self.SIZE).sigmoid())
        erased = kappa * self.random(self.SIZE).sigmoid()
        found = self.eigenvalues(generalised_delta_rule, zero, zero, zero, w, -kappa, erased)
        assert found.imag.abs().max() < 1e-9
        assert found.real.max() < 1 and found.real.min() > math.exp(-math.exp(-0.5)) - 1

    def test_two_reflections_are_a_rotation_by_twice_the_angle_between_their_keys(self):
        angle = math.pi / 5
        k = torch.tensor([[1.0, 0.0], [math.cos(angle), math.sin(angle)]], dtype=torch.float64)
        identity = torch.eye(2, dtype=torch.float64)[None, None]
        k = k[None, :, None]
        beta, zero = torch.full((1, 2, 1), 2.0, dtype=torch.float64), torch.zeros_like(k)
        _, transition = delta_rule(zero, k, zero, beta, identity)
        turned = torch.linalg.eigvals(transition[0, 0]).angle().abs()
        torch.testing.assert_close(turned, torch.full_like(turned, 2 * angle))


def reflections(p):
    """Unit keys whose reflections, one after another, take e_i to e_p(i): each swaps two points."""
    p, keys = list(p), []
    for i in range(len(p)):
        while p[i] != i:
            j = p[i]
            key = torch.zeros(len(p), dtype=torch.float64)
            key[i], key[j] = math.sqrt(0.5), -math.sqrt(0.5)
            keys.append(key)
            p[i], p[j] = p[j], j
    return keys


@pytest.mark.parametrize(("points", "steps"), [(3, 2), (5, 4)])
def test_n_reflections_per_symbol_track_a_group_for_ever(points, steps):
    """S3 takes two and S5 four: the state is the matrix of the product so far."""
    group = list(permutations(range(points)))
    generator = torch.Generator().manual_seed(0)
    chosen = [group[i] for i in torch.randint(len(group), (500,), generator=generator).tolist()]
    k = torch.zeros(1, len(chosen), steps, points, dtype=torch.float64)
    beta = torch.zeros(1, len(chosen), steps, dtype=torch.float64)
    expected = tuple(range(points))
    for t, p in enumerate(chosen):
        own = reflections(p)
        k[0, t, : len(own)], beta[0, t, : len(own)] = torch.stack(own) if own else 0.0, 2.0
        expected = product(p, expected)
    k, beta = k.flatten(1, 2).unsqueeze(2), beta.flatten(1, 2).unsqueeze(2)
    identity = torch.eye(points, dtype=torch.float64)
    zero = torch.zeros_like(k)
    _, state = delta_rule(zero, k, zero, beta, identity[None, None])
    torch.testing.assert_close(state[0, 0], identity[list(expected)].T)
