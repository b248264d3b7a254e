"""Clipping is PyTorch's, model by model."""

import pytest
import torch

from fwp.training.clipping import clipped


@pytest.mark.parametrize("limit", [0.5, 100.0])
@pytest.mark.parametrize("models", [1, 3])
def test_each_model_has_a_norm_of_its_own(models, limit):
    generator = torch.Generator().manual_seed(0)
    gradients = [
        torch.randn(models, *shape, generator=generator, dtype=torch.float64)
        for shape in ((3, 2), (4,), ())
    ]
    gradients[0][-1] *= 5
    given = [g[0] for g in gradients] if models == 1 else gradients
    ours = clipped(given, models, limit)
    for i in range(models):
        weights = [torch.zeros_like(g[i], requires_grad=True) for g in gradients]
        for weight, g in zip(weights, gradients, strict=True):
            weight.grad = g[i].clone()
        torch.nn.utils.clip_grad_norm_(weights, limit)
        for weight, g in zip(weights, ours, strict=True):
            torch.testing.assert_close(g if models == 1 else g[i], weight.grad)


def test_a_gradient_of_zero_stays():
    (zero,) = clipped([torch.zeros(3)], 1, 1.0)
    assert torch.equal(zero, torch.zeros(3))


def test_each_model_may_have_a_bound_of_its_own():
    gradient = torch.tensor([[3.0, 4.0], [3.0, 4.0], [3e38, 3e38]])
    bounds = torch.tensor([1.0, torch.inf, torch.inf])
    (ours,) = clipped([gradient], 3, bounds)
    torch.testing.assert_close(ours[0], torch.tensor([0.6, 0.8]))
    assert torch.equal(ours[1:], gradient[1:])  # whose norm is infinite, in the last
