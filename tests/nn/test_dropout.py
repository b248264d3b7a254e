"""Dropout: how much is dropped, and that it depends on key, step, place and index alone."""

import pytest
import torch

from fwp.nn.dropout import Dropout, dropout


def dropped(key=3, step=5, place=0, shape=(8, 16, 32), rate=0.25):
    x = torch.ones(shape, dtype=torch.float64)
    return dropout(x, torch.tensor([key, step]), rate=rate, place=place) == 0


def mix(x):
    x = ((x ^ (x >> 16)) * 0x7FEB352D) % 2**32
    x = ((x ^ (x >> 15)) * 0x846CA68B) % 2**32
    return x ^ (x >> 16)


@pytest.mark.parametrize("backend", ["reference", "native"])
def test_the_hash_is_that_of_plain_integers(backend):
    if backend == "native" and dropout.backends[backend].unusable({"x": torch.ones(1, 1, 1)}):
        pytest.skip("there is no compiler")
    x = torch.randn(2, 3, 20, generator=torch.Generator().manual_seed(0))
    y = dropout(x, torch.tensor([2**31 - 1, 9]), rate=0.5, place=4, backend=backend)
    for b, t, d in [(0, 0, 0), (1, 2, 19), (0, 1, 7), (1, 0, 8)]:
        h = 0
        for number in (2**31 - 1, 9, 4, b, t):
            h = mix(h ^ number)
        kept = mix((h + d * 0x9E3779B9) % 2**32) >= 2**31
        assert y[b, t, d] == (2 * x[b, t, d] if kept else 0)


def test_as_many_are_dropped_as_the_rate_says_in_every_direction():
    found = dropped(shape=(32, 32, 64)).double()
    assert found.mean() == pytest.approx(0.25, abs=0.005)
    for dims in ((0, 1), (0, 2), (1, 2)):
        means = found.mean(dims)
        deviation = (0.25 * 0.75 / (found.numel() / len(means))) ** 0.5
        assert (means - 0.25).abs().max() < 5 * deviation


@pytest.mark.parametrize("other", [{"key": 4}, {"step": 6}, {"place": 1}])
def test_each_key_step_and_place_drops_others(other):
    one, two = dropped().double(), dropped(**other).double()
    both = (one * two).mean()
    assert both == pytest.approx(0.25**2, abs=0.015)


def test_padding_and_further_strings_change_nothing():
    assert torch.equal(dropped(shape=(8, 16, 32))[:3, :5], dropped(shape=(3, 5, 32)))


def test_what_is_kept_has_the_mean_of_all():
    x = torch.full((8, 64, 64), 2.0)
    y = dropout(x, torch.tensor([1, 2]), rate=0.2)
    assert y.mean().item() == pytest.approx(2, rel=0.01)
    torch.testing.assert_close(y.unique(), torch.tensor([0, 2.5]))


def test_the_gradient_drops_the_same():
    x = torch.ones(3, 4, 5, requires_grad=True)
    y = dropout(x, torch.tensor([1, 2]), rate=0.5)
    (slope,) = torch.autograd.grad(y, x, torch.full_like(y, 3))
    torch.testing.assert_close(slope, 3 * y)


def test_places_follow_each_other_in_a_model():
    torch.manual_seed(0)
    layer, x = Dropout(0.5), torch.ones(2, 3, 8)
    drop = layer.in_turn()
    for place in range(3):
        assert torch.equal(drop(x), dropout(x, layer.seed, rate=0.5, place=place))


@pytest.mark.parametrize("rate", [-0.1, 1])
def test_other_rates_are_refused(rate):
    with pytest.raises(ValueError, match="rate must be at least 0 and below 1"):
        dropout(torch.ones(1, 1, 1), torch.tensor([0, 0]), rate=rate)
