"""Sizes of models, and the width within a budget: for every mixer."""

from dataclasses import replace

import pytest

from fwp import mixers
from fwp.experiment.resolve import model_settings
from fwp.mixers._signature import read_signature
from fwp.models.budget import size, solve_size, solve_width, state_size
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


@pytest.mark.parametrize("name", mixers.names())
def test_a_size_that_is_given_is_met_within_two_per_cent(name):
    given = model_settings(name, layers=2, parameters=100_000)
    solved = solve_size(given, 50, 50)
    assert 98_000 <= size(solved, 50, 50).parameters <= 100_000
    assert solved.hidden % 4 == 0 or "heads" not in read_signature(name).options  # 4 by default
    assert solved.feed_forward == 4 or 2 < solved.feed_forward < 7  # 4 is the given one
    assert solve_size(solved, 50, 50) == solved  # what is solved already stays
    assert solve_size(replace(given, parameters=None), 50, 50).hidden == given.hidden


def test_the_symbols_of_a_text_count():
    few, many = (
        solve_size(model_settings("deltanet", layers=2, parameters=100_000), n, n) for n in (2, 256)
    )
    assert many.hidden < few.hidden


def test_without_feed_forward_part_only_the_width_is_solved():
    given = model_settings("selective_ssm", feed_forward=0, parameters=1_000_000)
    solved = solve_size(given, 3, 2)
    assert solved.feed_forward == 0 and solved.hidden % 2 == 0
    assert 990_000 <= size(solved, 3, 2).parameters <= 1_000_000


def test_a_size_that_nothing_fits_is_refused():
    with pytest.raises(ValueError, match=r"^parameters: srwm has \d+ parameters at its smallest w"):
        solve_size(model_settings("srwm", parameters=50), 3, 2)


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
