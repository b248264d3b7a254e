"""The space of a search: values, ranges, and what a model's own space changes."""

import json

import pytest

from fwp.experiment.experiment import Experiment
from fwp.search.seeds import FIRST, trial_seeds
from fwp.search.settings import SearchSettings, search_settings
from fwp.search.space import Choice, Range, flat, from_plain, nested, plain, space_of

RATE = {"low": 1.0e-4, "high": 1.0e-2, "log": True}
SEARCH = {
    "space": {"hidden": [32, 64], "training": {"learning_rate": RATE, "batch_size": [16, 64]}},
    "models": {
        "b": {"hidden": None, "layers": {"low": 1, "high": 3}, "training": {"batch_size": [8]}}
    },
}


def searched(**given) -> dict:
    models = {"a": {"mixer": "lstm"}, "b": {"mixer": "deltanet"}}
    whole = {"models": models, "tasks": {"parity": {"language": "parity"}}, "search": SEARCH}
    return Experiment(whole | given).config


def test_a_models_own_space_is_merged_key_by_key():
    rate = Range(1e-4, 1e-2, log=True)
    assert space_of(searched(), "a") == {
        "hidden": Choice((32, 64)),
        "training.batch_size": Choice((16, 64)),
        "training.learning_rate": rate,
    }
    assert space_of(searched(), "b") == {
        "layers": Range(1, 3, integer=True),
        "training.batch_size": Choice((8,)),
        "training.learning_rate": rate,
    }
    assert list(space_of(searched(), "b")) == sorted(space_of(searched(), "b"))


def test_without_a_search_nothing_is_searched():
    given = searched(search=None)
    assert given["search"] is None
    assert space_of(given, "a") == {}
    assert search_settings(given, "a") is None
    empty = {"hidden": None, "training": {"learning_rate": None, "batch_size": None}}
    given = searched(search=SEARCH | {"models": {"a": empty}})
    assert space_of(given, "a") == {} and search_settings(given, "a") is None
    assert search_settings(given, "b") is not None


def test_an_override_of_a_cell_is_not_searched():
    given = searched(overrides={"a": {"parity": {"hidden": 8, "training": {"batch_size": 4}}}})
    assert list(space_of(given, "a", "parity")) == ["training.learning_rate"]
    assert space_of(given, "b", "parity") == space_of(given, "b")


def test_settings_are_complete_and_survive_as_text():
    found = search_settings(searched(), "b")
    assert found is not None
    assert (found.trials, found.method, found.seeds, found.seed) == (24, "random", 1, 0)
    assert found.halving is None and found.budget is None
    again = SearchSettings.from_dict(json.loads(json.dumps(found.as_dict())))
    assert again == found
    assert again.dimensions == space_of(searched(), "b")


def test_a_grid_has_as_many_trials_as_points():
    space = {"hidden": [8, 16], "training": {"learning_rate": RATE | {"points": 3}}}
    found = search_settings(searched(search={"method": "grid", "space": space}), "a")
    assert found is not None and found.trials == 6


def test_dotted_keys_and_nested_settings_say_the_same():
    settings = {"hidden": 8, "heads": 2, "training.epochs": 3, "training.clip": None}
    there = nested(settings)
    assert there == {"hidden": 8, "heads": 2, "training": {"epochs": 3, "clip": None}}
    assert flat(there) == settings


@pytest.mark.parametrize(
    ("dimension", "values"),
    [
        (Choice(("a", None)), ("a", None)),
        (Range(2, 8, integer=True), (2, 3, 4, 5, 6, 7, 8)),
        (Range(2, 9, integer=True, step=3), (2, 5, 8)),
        (Range(0.1, 0.5, step=0.1), (0.1, 0.2, 0.3, 0.4, 0.5)),
        (Range(2, 8, integer=True, log=True), (2, 3, 4, 5, 6, 7, 8)),
        (Range(0.1, 0.5), None),
    ],
)
def test_all_values_are_drawn_and_no_other(dimension, values):
    assert dimension.listed() == values
    drawn = [dimension.at(i / 1000) for i in range(1000)]
    if values is None:
        assert min(drawn) == 0.1 and 0.499 < max(drawn) <= 0.5
    else:
        assert set(drawn) == set(values)
        assert [type(value) for value in drawn[-1:]] == [type(values[-1])]
    assert from_plain(json.loads(json.dumps(plain({"x": dimension})))) == {"x": dimension}


def test_equal_factors_are_equally_likely_on_a_log_scale():
    drawn = [Range(1e-4, 1e-2, log=True).at(i / 1000) for i in range(1000)]
    assert sum(value < 1e-3 for value in drawn) in (500, 501)
    assert all(value == float(f"{value:.3e}") for value in drawn)  # four digits


def test_points_of_a_grid_keep_their_values_when_points_are_added():
    three, five = (Range(1e-4, 1e-2, log=True, points=n).grid() for n in (3, 5))
    assert three == (1e-4, 1e-3, 1e-2) and five is not None and len(five) == 5
    assert three is not None and set(three) < set(five)
    assert Range(8, 64, integer=True, points=3).grid() == (8, 36, 64)
    assert Range(0.0, 1.0).grid() is None


def test_trials_have_seeds_of_their_own():
    assert trial_seeds(3, 2) == [FIRST + 3, FIRST + 100_003]
    all_of_them = [seed for trial in range(50) for seed in trial_seeds(trial, 4)]
    assert len(set(all_of_them)) == 200 and max(trial_seeds(99_999, 2949)) < 2**32
    for trial, n in ((100_000, 1), (0, 0), (0, 2950), (-1, 1)):
        with pytest.raises(ValueError, match="trials are 0 to 99999 with 1 to 2949 seeds"):
            trial_seeds(trial, n)
