"""Logits in parts: the loss and the gradients of all at once, in memory that is bounded."""

import pytest
import torch
from tiny import model as settings_of

from fwp.models.pack import Pack
from fwp.models.sequence_model import SequenceModel
from fwp.training import bptt, readout
from fwp.utils.targets import NO_TARGET

CLASSES = 11


def pack(models, mixer="deltanet", **changes):
    nets = []
    for seed in range(models):
        torch.manual_seed(seed)
        settings = settings_of(mixer, hidden=8, layers=2, feed_forward=1, **changes)
        nets.append(SequenceModel(CLASSES, CLASSES, settings).double())
    return Pack(nets)


def batch(models, batch=3, time=7):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(CLASSES, (models, batch, time), generator=generator)
    targets = torch.randint(-1, CLASSES, (models, batch, time), generator=generator)
    targets[targets < 0] = NO_TARGET
    return tokens, targets, torch.rand(models, batch, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("models", [1, 3])
@pytest.mark.parametrize("changes", [{}, {"mixer": "transformer"}, {"dropout": 0.2}], ids=str)
@pytest.mark.parametrize("largest", [1, 100, 200])
def test_loss_and_gradients_are_those_of_all_logits_at_once(monkeypatch, models, changes, largest):
    one, given = pack(models, **changes), batch(models)
    loss, gradients = bptt.gradients(one, *given)
    monkeypatch.setitem(readout.LARGEST, "cpu", largest)
    own_loss, own = bptt.gradients(one, *given)
    torch.testing.assert_close(own_loss, loss)
    for found, expected in zip(own, gradients, strict=True):
        torch.testing.assert_close(found, expected)


def test_no_more_logits_are_computed_at_a_time_than_allowed(monkeypatch):
    one, given, sizes = pack(2), batch(2), []
    monkeypatch.setitem(readout.LARGEST, "cpu", 100)

    def seen(logits, *others):
        sizes.append(logits.numel())
        return plain(logits, *others)

    plain = readout.loss_and_gradient
    monkeypatch.setattr(readout, "loss_and_gradient", seen)
    bptt.gradients(one, *given)
    assert max(sizes) <= 100 and sum(sizes) == 2 * 3 * 7 * CLASSES


def test_small_vocabularies_are_computed_at_once(monkeypatch):
    monkeypatch.setattr(bptt, "loss_in_parts", None)
    bptt.gradients(pack(2), *batch(2))


def test_the_model_keeps_its_readout():
    one = pack(1)
    tokens, *_ = batch(1)
    before = one(tokens)[0]
    hidden, _ = one.changed(readout.without_readout)(tokens)
    assert hidden.shape == (1, 3, 7, 8)
    torch.testing.assert_close(one(tokens)[0], before, rtol=0, atol=0)
    torch.testing.assert_close(one.program.readout(hidden[0])[None], before)
