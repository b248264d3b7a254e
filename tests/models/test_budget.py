"""Sizes of models, and the width within a budget: for every mixer."""

from dataclasses import replace

import pytest

from fwp import mixers
from fwp.experiment.resolve import model_settings
from fwp.mixers._signature import read_signature
from fwp.models.budget import size, solve_width, state_size
from fwp.models.sequence_model import SequenceModel

FIXED = [n for n in mixers.names() if not read_signature(n).facts.state_grows]


def settings(name: str, **given):
    if "heads" in read_signature(name).options:
        given = {"heads": 2} | given
    return model_settings(name, **{"feed_forward": 1} | given)


@pytest.mark.parametrize("name", mixers.names())
def test_the_width_is_the_largest_within_a_budget_of_parameters(name):
    given = settings(name, layers=2)
    width = solve_width(given, {"parameters": 20_000}, 3, 2)
    heads = given.options.get("heads", 1)
    assert width % heads == 0
    assert size(replace(given, hidden=width), 3, 2).parameters <= 20_000
    assert size(replace(given, hidden=width + heads), 3, 2).parameters > 20_000


@pytest.mark.parametrize("name", FIXED)
def test_the_width_is_the_largest_within_a_budget_of_state(name):
    given = settings(name)
    width = solve_width(given, {"state": 1000}, 3, 2)
    heads = given.options.get("heads", 1)
    within, beyond = (size(replace(given, hidden=w), 3, 2).state for w in (width, width + heads))
    assert within is not None and beyond is not None
    assert within <= 1000 < beyond


def test_sizes_are_those_of_the_model():
    given = settings("lstm", hidden=8, layers=2)
    model = SequenceModel(3, 2, given)
    assert size(given, 3, 2) == (model.parameter_count, 2 * 2 * 8)
    assert state_size(model) == 2 * 2 * 8  # of each layer, cell and output
    assert size(settings("transformer", hidden=8), 3, 2).state is None
    assert state_size(SequenceModel(3, 2, settings("transformer", hidden=8))) is None


def test_a_mixer_that_looks_at_numbers_is_built_for_real(monkeypatch):
    given = settings("elman", hidden=8)
    mix = mixers.get("elman").forward

    def looking(self, x, state=None):
        assert float(x.sum()) != 0.5
        return mix(self, x, state)

    monkeypatch.setattr(mixers.get("elman"), "forward", looking)
    assert size(given, 3, 2).state == 8


def test_a_budget_that_nothing_fits_is_refused():
    message = r"budget.parameters: srwm has \d+ parameters at its smallest width, 4, with 2 layers"
    with pytest.raises(ValueError, match=message):
        solve_width(settings("srwm", heads=4, layers=2), {"parameters": 50}, 3, 2)
    with pytest.raises(ValueError, match="the state of transformer grows with the string"):
        solve_width(settings("transformer"), {"state": 1000}, 3, 2)


def test_the_budget_may_be_larger_than_the_widest_model():
    assert solve_width(settings("elman"), {"state": 10**9}, 3, 2) == 65536
