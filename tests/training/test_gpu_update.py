"""What a GPU makes of a batch and of gradients, against PyTorch's functions."""

import math

import numpy as np
import pytest
import torch
from tiny import settings

from fwp.kernels.triton_support import interpreted
from fwp.training.adam import PackAdam
from fwp.training.clipping import clipped

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not (torch.cuda.is_available() or interpreted()), reason="there is no GPU"),
]
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SHAPES = ((5,), (2,), (30, 50))
SETTINGS = {
    "one": [{"betas": (0.8, 0.9), "weight_decay": 0.1}],
    "one, clipped": [{"clip": 0.5}],
    "pack": [{}] * 3,
    "pack, each its own": [
        {"betas": (0.8, 0.9)},
        {"eps": 1e-3, "clip": 0.1},
        {"weight_decay": 0.1},
    ],
}


@pytest.mark.parametrize("apart", [1, 2], ids=["numbers side by side", "numbers apart"])
@pytest.mark.parametrize("most", [64, 1], ids="{} gradients in place".format)
@pytest.mark.parametrize("case", SETTINGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_update_is_pytorchs(case, dtype, most, apart, monkeypatch):
    from fwp.training.update.triton import Update

    monkeypatch.setattr("fwp.training.update.triton.MOST", most)
    own = [settings(**change) for change in SETTINGS[case]]
    models, sizes = len(own), [math.prod(shape) for shape in SHAPES]
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(models * sum(sizes), generator=generator).to(DEVICE, dtype)

    def split(flat):
        parts = [x.view(models, -1) for x in flat.split([models * n for n in sizes])]
        return [[part[i] for part in parts] for i in range(models)]

    theirs, ours = start.clone(), start.clone()
    adam, update = PackAdam(theirs, split, own), Update(ours, sizes, own)
    rates = torch.tensor([1e-2, 1e-3, 3e-3][:models], device=DEVICE)
    limits = [math.inf if one.clip is None else one.clip for one in own]
    limits = torch.tensor(limits, device=DEVICE, dtype=dtype)
    total = torch.zeros(models, dtype=torch.float64, device=DEVICE)
    two, three = (torch.full((models,), x, device=DEVICE, dtype=dtype) for x in (2.0, 3.0))
    for _ in range(3):
        # Those of a model lie side by side: between the models of a tensor there are gaps.
        together = torch.randn(models, apart * sum(sizes), generator=generator)
        together = together.to(DEVICE, dtype)[:, ::apart]
        parts = zip(together.split(sizes, 1), SHAPES, strict=True)
        gradients = [part.view(models, *shape) for part, shape in parts]
        bounded = clipped(gradients, models, limits)
        adam.gradient.copy_(torch.cat([g.flatten() for g in bounded]))
        adam.step(rates)
        given = [g[0] for g in gradients] if models == 1 else gradients
        update.step(given, rates, two, three, total)
    torch.testing.assert_close(ours, theirs)
    assert total.tolist() == [18.0] * models
    other = Update(ours.clone(), sizes, own)
    other.load(update.moments)
    for name, x in adam.moments.items():
        torch.testing.assert_close(other.moments[name], x, check_dtype=False)


def test_a_batch_is_what_was_packed():
    from fwp.training.triton_batches import packed, unpacked

    rng = np.random.default_rng(0)
    tokens = torch.from_numpy(rng.integers(5, size=(20, 200))).to(DEVICE)
    targets = torch.from_numpy(rng.integers(-1, 5, size=(20, 200))).to(DEVICE)
    rows, weights = rng.integers(20, size=(2, 4)), rng.random((2, 4))
    numbers = np.array([3.0, 7.0]), np.array([1e-2, 1e-3])
    batch = torch.from_numpy(packed(rows, weights, *numbers)).to(DEVICE)
    chosen = torch.from_numpy(rows).to(DEVICE)
    for length in (7, 150):
        *found, given, others = unpacked(batch, tokens, targets, length, torch.float64)
        for x, y in zip(found, (tokens, targets), strict=True):
            assert torch.equal(x, y[chosen, :length])
        assert torch.equal(given.cpu(), torch.from_numpy(weights))
        assert np.array_equal(others.cpu().numpy(), numbers)
