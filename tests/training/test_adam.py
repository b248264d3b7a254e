"""Adam is PyTorch's."""

import torch

from fwp.training.adam import Adam

SETTINGS = {"betas": (0.9, 0.995), "eps": 1e-9}


def test_weights_are_those_of_pytorch_at_every_rate():
    generator = torch.Generator().manual_seed(0)
    theirs = torch.randn(50, generator=generator, dtype=torch.float64)
    ours = theirs.clone()
    adam, torchs = Adam(ours, **SETTINGS), torch.optim.Adam([theirs], **SETTINGS)
    for rate in (1e-2, 1e-2, 3e-3):
        theirs.grad = torch.randn(50, generator=generator, dtype=torch.float64)
        torchs.param_groups[0]["lr"] = rate
        torchs.step()
        adam.gradient.copy_(theirs.grad)
        adam.step(rate)
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)
    assert {n: x.shape for n, x in adam.moments.items()} == {
        n: x.shape for n, x in torchs.state[theirs].items()
    }


def test_weight_decay_is_that_of_adamw():
    generator = torch.Generator().manual_seed(0)
    theirs = torch.randn(50, generator=generator, dtype=torch.float64)
    ours = theirs.clone()
    adam = Adam(ours, weight_decay=0.1, **SETTINGS)
    torchs = torch.optim.AdamW([theirs], lr=1e-2, weight_decay=0.1, **SETTINGS)
    for _ in range(3):
        theirs.grad = torch.randn(50, generator=generator, dtype=torch.float64)
        torchs.step()
        adam.gradient.copy_(theirs.grad)
        adam.step(1e-2)
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)


def test_another_goes_on_from_the_moments():
    generator = torch.Generator().manual_seed(0)
    gradients = torch.randn(4, 20, generator=generator)
    whole = torch.zeros(20)
    one = Adam(whole, **SETTINGS)
    for gradient in gradients[:2]:
        one.gradient.copy_(gradient)
        one.step(0.1)
    rest = whole.clone()
    other = Adam(rest, **SETTINGS)
    other.load(one.moments)
    for gradient in gradients[2:]:
        for adam in (one, other):
            adam.gradient.copy_(gradient)
            adam.step(0.1)
    assert torch.equal(whole, rest)
    assert other.moments["step"] == 4
