import numpy as np
import pytest
import torch
from tiny import SPEC

from fwp import datasets
from fwp.batches import Strings
from fwp.curriculum import shown
from fwp.model import build
from fwp.session import Session


@pytest.fixture(scope="module")
def data():
    return datasets.build(SPEC)


def test_lengths_grow_from_the_shortest_to_the_longest_by_equal_factors(data):
    strings = Strings.of(data.train)
    shortest, whole = strings.lengths.min(), strings.lengths.max()
    parts = [shown(strings, epoch, epochs=40, share=0.5) for epoch in range(1, 41)]
    assert all(part is strings for part in parts[20:])
    limits = [part.lengths.max() for part in parts]
    expected = shortest * (whole / shortest) ** (np.arange(20) / 20)
    np.testing.assert_allclose(limits[:20], expected, atol=0.5)
    assert limits[0] == shortest < limits[19] < whole


def test_there_is_none_unless_one_is_asked_for(data):
    strings = Strings.of(data.train)
    assert shown(strings, 1, epochs=10, share=0) is strings


def test_the_first_epoch_sees_the_beginnings_of_strings_alone(data):
    """What stands behind them makes no difference to a model that is trained on them."""
    other = Strings.of(data.train)
    for i, n in enumerate(data.train.lengths):
        other.targets[i, other.lengths.min() : n] = 0
    weights = []
    for strings in (Strings.of(data.train), other):
        (model,) = [build({"mixer": "deltanet", "hidden": 8}, data, seed=0)]
        session = Session([model], data, seeds=[0], epochs=1, curriculum=1.0)
        session.strings = session.learner.strings = strings
        session.run()
        weights.append(session.pack.state_dict(0))
    assert all(torch.equal(x, weights[1][name]) for name, x in weights[0].items())
