"""Positions of attention: equations, slopes, and what happens after the last learnt place."""

import math

import pytest
import torch

from fwp import mixers
from fwp.nn.positions import sinusoidal, slopes, with_distances


def example(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("width", [6, 5])
def test_sines_and_cosines_of_a_place(width):
    places = torch.tensor([[0.0, 7.0, 2.0**20]])
    found = sinusoidal(places, width)
    for n, row in zip(places[0].tolist(), found[0], strict=True):
        for i, p in enumerate(row.tolist()):
            wave = math.cos if i % 2 else math.sin
            assert p == pytest.approx(wave(n * 10000 ** (-2 * (i // 2) / width)), abs=1e-6)


def test_slopes_fall_by_the_same_factor_for_a_power_of_two_heads():
    assert slopes(8) == [2.0**-n for n in range(1, 9)]
    assert slopes(1) == [2.0**-8]
    assert slopes(6) == [2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3]


@pytest.mark.parametrize("heads", [2, 3])
def test_distances_lower_scores(heads):
    q, k = example(2, 1, 7, heads, 4)
    wide, keys, _ = with_distances(q, k, k)
    found = torch.einsum("bthd,bshd->bhts", wide, keys) / 5**0.5
    n = torch.arange(7)
    far = torch.tensor(slopes(heads))[:, None, None] * (n[:, None] - n)
    expected = torch.einsum("bthd,bshd->bhts", q, k) / 4**0.5 - far
    torch.testing.assert_close(found.softmax(-1), expected.softmax(-1))


def attend(q, k, v, bias):
    future = torch.ones(len(q), len(q), dtype=torch.bool).triu(1)
    scores = (q @ k.T / q.shape[1] ** 0.5 + bias).masked_fill(future, -torch.inf)
    return scores.softmax(-1) @ v


@pytest.mark.parametrize("positions", ["sinusoidal", "learnt", "alibi"])
def test_the_mixer_uses_them_as_published(positions):
    torch.manual_seed(0)
    mixer = mixers.get("transformer")(6, heads=2, positions=positions, places=4).double()
    x, bias = example(9, 6), torch.zeros(2, 1, 1)
    n = torch.arange(9)
    if positions == "alibi":
        bias = -torch.tensor([2.0**-4, 2.0**-8])[:, None, None] * (n[:, None] - n)
        inner = x
    elif positions == "learnt":
        inner = x + mixer.place[n.clamp(max=3)]
    else:
        inner = x + sinusoidal(n[None].double(), 6)[0]
    q, k, v = mixer.qkv(inner[None])[0].split(6, 1)
    y = [
        attend(*(part.split(3, 1)[h] for part in (q, k, v)), bias[h if len(bias) > 1 else 0])
        for h in range(2)
    ]
    torch.testing.assert_close(mixer(x[None])[0], mixer.out(torch.cat(y, 1)[None]))


def test_places_after_the_last_share_its_vector():
    torch.manual_seed(0)
    mixer = mixers.get("transformer")(4, heads=1, positions="learnt", places=3, window=1).double()
    y, state = mixer(example(1, 1, 4).expand(1, 6, 4))  # a window of 1: no other symbol is seen
    torch.testing.assert_close(y[0, 2:], y[0, 2:3].expand(4, 4))
    assert not torch.isclose(y[0, 1], y[0, 2]).any()
    assert state[2].tolist() == [6]


def test_a_number_of_places_below_one_is_refused():
    with pytest.raises(ValueError, match="places must be at least 1, got 0"):
        mixers.get("transformer")(4, places=0)
