"""Rotary positions: the equation, distances alone, and how exact far places are."""

import math

import pytest
import torch

from fwp.nn.rotary import rotary


def example(*shape, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def test_pairs_are_turned_by_their_place():
    x = example(2, 3, 2, 4)
    y = rotary(x, first=5)
    for t in range(3):
        for i, speed in enumerate((1.0, 0.01)):
            cos, sin = math.cos((5 + t) * speed), math.sin((5 + t) * speed)
            a, b = x[:, t, :, 2 * i], x[:, t, :, 2 * i + 1]
            torch.testing.assert_close(y[:, t, :, 2 * i], cos * a - sin * b)
            torch.testing.assert_close(y[:, t, :, 2 * i + 1], sin * a + cos * b)


def test_only_the_distance_of_a_query_and_a_key_matters():
    q, k = example(2, 1, 7, 3, 8)
    products = [
        torch.einsum("bthd,bshd->bhts", rotary(q, first), rotary(k, first)) for first in (0, 1000)
    ]
    torch.testing.assert_close(*products)


def test_far_places_are_as_exact_as_near_ones():
    x = example(1, 2, 1, 8)
    single, double = rotary(x.float(), first=10**6), rotary(x, first=10**6)
    torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-6)


def test_gradients_are_those_of_finite_differences():
    assert torch.autograd.gradcheck(lambda x: rotary(x, 3), [example(1, 2, 2, 4).requires_grad_()])


@pytest.mark.parametrize("width", [1, 3])
def test_the_last_unit_of_an_odd_width_stays_as_it_is(width):
    x = example(1, 4, 2, width)
    y = rotary(x, first=2)
    assert torch.equal(y[..., -1], x[..., -1])
    assert torch.equal(
        y[..., :-1], rotary(x[..., :-1].contiguous(), first=2) if width > 1 else y[..., :0]
    )
