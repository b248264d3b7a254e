"""The update in one pass is clipping and Adam by PyTorch's functions."""

import pytest
import torch
from tiny import settings

from fwp.training.adam import Adam
from fwp.training.clipping import clipped
from fwp.training.update import native

SHAPES = [(5, 3), (1,), (40, 2)]
BETAS, EPS = (0.9, 0.995), 1e-8


@pytest.fixture(autouse=True)
def needs_compiler():
    reason = native.unusable(torch.zeros(1))
    if reason is not None:
        pytest.skip(reason)


def example(models, dtype, steps=4):
    """Weights, and the gradients of each step; one of them is not contiguous."""
    generator = torch.Generator().manual_seed(0)
    numbers = models * sum(a * b for a, b in ((*s, 1)[:2] for s in SHAPES))
    weights = torch.randn(numbers, generator=generator, dtype=dtype)
    pack = () if models == 1 else (models,)
    gradients = [
        [torch.randn(*pack, *s, generator=generator, dtype=dtype) for s in SHAPES]
        for _ in range(steps)
    ]
    return weights, [[a.mT.contiguous().mT, b, c] for a, b, c in gradients]


def own(**changes):
    return settings(betas=BETAS, eps=EPS, **changes)


def ours(weights, sizes, all_settings):
    return native.Update(weights, sizes, all_settings)


def theirs(weights, models, gradients, rates, of_each):
    """Each model by itself, by the functions that the kernel replaces."""
    sizes = [torch.Size(s).numel() for s in SHAPES]
    parts = [x.view(models, -1) for x in weights.split([models * n for n in sizes])]
    for i, chosen in enumerate(of_each):
        flat = torch.cat([x[i] for x in parts])
        adam = Adam(flat, betas=chosen.betas, eps=chosen.eps, weight_decay=chosen.weight_decay)
        for step, rate in zip(gradients, rates, strict=True):
            mine = [g if models == 1 else g[i] for g in step]
            if chosen.clip is not None:
                mine = clipped(mine, 1, chosen.clip)
            torch.cat([g.flatten() for g in mine], out=adam.gradient)
            adam.step(rate[i])
        for part, x in zip(parts, flat.split(sizes), strict=True):
            part[i] = x


@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-11), (torch.float32, 2e-5)])
@pytest.mark.parametrize(
    "of_each",
    [
        [own()],
        [own(clip=0.1, weight_decay=0.1)],
        [own(clip=1e6), own(clip=None), own(clip=1e-3, weight_decay=0.2)],
    ],
)
def test_weights_are_those_of_clipping_and_adam(of_each, dtype, rtol):
    models = len(of_each)
    weights, gradients = example(models, dtype)
    expected = weights.clone()
    rates = [[1e-2 / (i + 1) / (k + 1) for i in range(models)] for k in range(len(gradients))]
    adam = ours(weights, [torch.Size(s).numel() for s in SHAPES], of_each)
    for step, rate in zip(gradients, rates, strict=True):
        adam.step(step, rate if models > 1 else rate[0])
    theirs(expected, models, gradients, rates, of_each)
    torch.testing.assert_close(weights, expected, rtol=rtol, atol=rtol)
    assert adam.moments["step"] == len(gradients)


def test_a_model_of_a_pack_changes_as_it_does_alone_bit_by_bit():
    weights, gradients = example(3, torch.float32)
    sizes = [torch.Size(s).numel() for s in SHAPES]
    second = torch.cat([x.view(3, -1)[1] for x in weights.split([3 * n for n in sizes])])
    pack, alone = ours(weights, sizes, [own(clip=0.1)] * 3), ours(second, sizes, [own(clip=0.1)])
    for step in gradients:
        pack.step(step, 1e-2)
        alone.step([g[1] for g in step], 1e-2)
    parts = [x.view(3, -1)[1] for x in weights.split([3 * n for n in sizes])]
    assert torch.equal(torch.cat(parts), second)


def test_another_goes_on_from_the_moments_bit_by_bit():
    whole, gradients = example(1, torch.float32)
    sizes = [torch.Size(s).numel() for s in SHAPES]
    one = ours(whole, sizes, [own()])
    for step in gradients[:2]:
        one.step(step, 1e-2)
    rest = whole.clone()
    other = ours(rest, sizes, [own()])
    other.load({name: x.clone() for name, x in one.moments.items()})
    for step in gradients[2:]:
        one.step(step, 1e-2)
        other.step(step, 1e-2)
    assert torch.equal(whole, rest)


def test_a_gradient_that_is_no_number_is_not_hidden():
    weights, (gradients, *_) = example(1, torch.float32)
    gradients[1][0] = torch.nan
    ours(weights, [torch.Size(s).numel() for s in SHAPES], [own(clip=0.1)]).step(gradients, 1e-2)
    assert weights.isnan().all()
