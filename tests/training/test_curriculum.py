import numpy as np
import pytest
import torch
from tiny import draw, net, settings

from fwp.training.batches import PaddedSplit
from fwp.training.curriculum import shortened
from fwp.training.trainer import Trainer


@pytest.fixture(scope="module")
def data():
    return draw()


def test_lengths_grow_from_the_shortest_to_the_longest_by_equal_factors(data):
    strings = PaddedSplit.of(data.train)
    shortest, whole = strings.lengths.min(), strings.lengths.max()
    parts = [shortened(strings, epoch, epochs=40, share=0.5) for epoch in range(1, 41)]
    assert all(part is strings for part in parts[20:])
    limits = [part.lengths.max() for part in parts]
    expected = shortest * (whole / shortest) ** (np.arange(20) / 20)
    np.testing.assert_allclose(limits[:20], expected, atol=0.5)
    assert limits[0] == shortest < limits[19] < whole


def test_there_is_none_unless_one_is_asked_for(data):
    strings = PaddedSplit.of(data.train)
    assert shortened(strings, 1, epochs=10, share=0) is strings


def test_the_first_epoch_sees_the_beginnings_of_strings_alone(data):
    """What stands behind them makes no difference to a model that is trained on them."""
    other = PaddedSplit.of(data.train)
    for i, n in enumerate(data.train.lengths):
        other.targets[i, other.lengths.min() : n] = 0
    weights = []
    for strings in (PaddedSplit.of(data.train), other):
        model = net(data, "deltanet", hidden=8)
        trainer = Trainer([model], data, settings(epochs=1, curriculum=1.0), seeds=[0])
        trainer.strings = trainer.train_step.strings = strings
        trainer.run()
        weights.append(trainer.pack.state_dict(0))
    assert all(torch.equal(x, weights[1][name]) for name, x in weights[0].items())
