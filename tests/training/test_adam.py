"""Adam is PyTorch's."""

import pytest
import torch
from tiny import settings

from fwp.training.adam import Adam, PackAdam

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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_each_model_of_a_pack_has_settings_of_its_own(dtype):
    generator = torch.Generator().manual_seed(0)
    changes = [{"betas": (0.8, 0.9)}, {"eps": 1e-3}, {"weight_decay": 0.1}]
    rates, own = [1e-2, 1e-3, 3e-3], [settings(**change) for change in changes]
    # Two weights, of 5 and of 2 numbers; in a row of all models' the first comes first.
    start = torch.randn(3 * 7, generator=generator).to(dtype)

    def split(flat):
        first, second = flat[:15].view(3, 5), flat[15:].view(3, 2)
        return [[first[i], second[i]] for i in range(3)]

    weights = start.clone()
    pack = PackAdam(weights, split, own)
    singles = [
        [
            (x := piece.clone(), Adam(x, betas=o.betas, eps=o.eps, weight_decay=o.weight_decay))
            for piece in pieces
        ]
        for pieces, o in zip(split(start), own, strict=True)
    ]
    for _ in range(3):
        pack.gradient.copy_(torch.randn(21, generator=generator))
        pack.step(rates)
        for single, pieces, rate in zip(singles, split(pack.gradient), rates, strict=True):
            for (_, adam), piece in zip(single, pieces, strict=True):
                adam.gradient.copy_(piece)
                adam.step(rate)
    for single, pieces in zip(singles, split(weights), strict=True):
        for (alone, _), piece in zip(single, pieces, strict=True):
            assert torch.equal(alone, piece)
    other = PackAdam(weights.clone(), split, own)
    other.load(pack.moments)
    assert {n: x.tolist() for n, x in other.moments.items()} == {
        n: x.tolist() for n, x in pack.moments.items()
    }
