"""Mixers whose state turns: each against its paper's loop in complex numbers."""

import pytest
import torch
import torch.nn.functional as F

from fwp import mixers
from fwp.ops.complex_scan import complex_scan

HIDDEN, TIME = 6, 9


def example(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def make(name, **options):
    torch.manual_seed(0)
    return mixers.get(name)(HIDDEN, **options).double()


def matrices(mixer):
    """B and C as complex matrices."""
    real, imaginary = mixer.write.weight.chunk(2)
    left, right = mixer.read.weight.chunk(2, dim=1)
    return torch.complex(real, imaginary), torch.complex(left, -right)


def gelu(x):
    return 0.5 * x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)))


def test_a_complex_scan_is_its_loop():
    parts, first = example(2, 40, 6), example(2, 6)
    rate, angle = example(3).exp(), 3 * example(3)
    u, h = (torch.complex(*x.chunk(2, dim=-1)) for x in (parts, first))
    found, last = complex_scan(parts, rate, angle, first)
    for t in range(40):
        h = torch.exp(-rate + 1j * angle) * h + u[:, t]
        torch.testing.assert_close(found[:, t], torch.cat((h.real, h.imag), -1))
    assert torch.equal(last, found[:, -1])


def test_far_places_of_a_complex_scan_are_exact():
    """An input at the beginning that does not fade."""
    u = torch.zeros(1, 5000, 2)
    u[0, 0] = 1
    angle = torch.tensor([2.5])
    found = complex_scan(u, torch.tensor([1e-12]), angle)[0][0, -1]
    turn = 4999 * angle.double()
    expected = torch.cat((turn.cos() - turn.sin(), turn.cos() + turn.sin()))
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-4)


def test_lru():
    mixer, x = make("lru", expand=2), example(TIME, HIDDEN)
    b, c = matrices(mixer)
    turn = torch.exp(-mixer.log_rate.exp() + 1j * mixer.log_angle.exp())
    h, outputs = torch.zeros(2 * HIDDEN, dtype=torch.cdouble), []
    for x_t in x:
        h = turn * h + mixer.log_scale.exp() * (b @ x_t.to(b.dtype))
        y = gelu((c @ h).real + mixer.skip * x_t)
        value, gate = F.linear(y, mixer.out.weight, mixer.out.bias).chunk(2)
        outputs.append(value * gate.sigmoid())
    torch.testing.assert_close(mixer(x[None])[0][0], torch.stack(outputs))


def test_initial_numbers_of_the_lru_lie_in_a_ring():
    torch.manual_seed(0)
    mixer = mixers.get("lru")(400, r_min=0.8, r_max=0.9, max_phase=0.5)
    size = torch.exp(-mixer.log_rate.exp())
    assert 0.8 <= size.min() < 0.81 and 0.89 < size.max() <= 0.9
    assert size.square().mean().item() == pytest.approx((0.8**2 + 0.9**2) / 2, abs=0.01)
    assert mixer.log_angle.exp().min() > 0 and 0.49 < mixer.log_angle.exp().max() <= 0.5
    torch.testing.assert_close(mixer.log_scale.exp().square(), 1 - size.square())


def discretised(mixer):
    """λ and B' of S5."""
    rates, step = torch.complex(mixer.real, mixer.imaginary), mixer.log_step.exp()
    turn = torch.exp(step * rates)
    return turn, ((turn - 1) / rates)[:, None] * matrices(mixer)[0]


def test_s5():
    mixer, x = make("s5", expand=2, blocks=3), example(TIME, HIDDEN)
    (turn, b), (_, c) = discretised(mixer), matrices(mixer)
    h, outputs = torch.zeros(2 * HIDDEN, dtype=torch.cdouble), []
    for x_t in x:
        h = turn * h + b @ x_t.to(b.dtype)
        y = gelu(2 * (c @ h).real + mixer.skip * x_t)
        outputs.append(y * F.linear(y, mixer.out.weight, mixer.out.bias).sigmoid())
    torch.testing.assert_close(mixer(x[None])[0][0], torch.stack(outputs))


def test_s5_begins_with_the_eigenvalues_of_hippo():
    """HiPPO-LegS plus its low-rank part, four numbers, in each of two blocks."""
    n = torch.arange(4, dtype=torch.float64)
    legs = -((2 * n[:, None] + 1).sqrt() * (2 * n + 1).sqrt()).tril(-1) - torch.diag(n + 1)
    normal = legs + (n[:, None] + 0.5).sqrt() * (n + 0.5).sqrt()
    found = torch.linalg.eigvals(normal)
    expected = found[found.imag > 0]
    mixer = mixers.get("s5")(4, blocks=2)
    for part in (mixer.imaginary[:2], mixer.imaginary[2:]):
        torch.testing.assert_close(part.double(), expected.imag.sort().values, atol=1e-5, rtol=0)
    assert (mixer.real == -0.5).all()


def test_s5_is_an_lru_whose_rates_come_from_step_sizes():
    s5, lru = make("s5"), make("lru")
    turn, b = discretised(s5)
    lru.log_rate.data, lru.log_angle.data = (-turn.abs().log()).log(), turn.angle().log()
    lru.log_scale.data.zero_()
    lru.write.weight.data = torch.cat((b.real, b.imag))
    lru.read.weight.data = 2 * s5.read.weight.data
    lru.skip.data = s5.skip.data
    lru.out.weight.data = torch.cat((torch.eye(HIDDEN), s5.out.weight.data))
    lru.out.bias.data = torch.cat((torch.zeros(HIDDEN), s5.out.bias.data))
    x = example(2, TIME, HIDDEN)
    torch.testing.assert_close(s5(x), lru(x))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mixers.get("lru")(4, r_min=0.9, r_max=0.5), "r_max <= 1 must hold, got 0.9 and 0"),
        (lambda: mixers.get("s5")(4, blocks=3), "blocks must divide expand · hidden = 4, got 3"),
    ],
)
def test_other_options_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
