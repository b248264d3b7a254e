"""Models of a given size: what a config may say, and what a plan holds of it."""

import json

import pytest

from fwp.config.messages import ConfigError
from fwp.experiment.experiment import Experiment
from fwp.results.chosen import OPEN

SIZE = {"parameters": 100_000}
RATE = {"space": {"training": {"learning_rate": [0.001, 0.01]}}}


def config(**changes) -> dict:
    base = {
        "models": {"delta": {"mixer": "deltanet", "heads": 4}, "lstm": {"mixer": "lstm"}},
        "tasks": {"parity": {"language": "parity"}, "pairs": {"language": "aa_star"}},
    }
    return base | changes


def problems(**changes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Experiment(config(**changes))
    return caught.value.problems


def test_a_plan_leaves_open_what_the_size_decides_and_keeps_the_given_factor():
    experiment = Experiment(config(model=SIZE | {"feed_forward": 2.0}))
    for part in (experiment.train_params, experiment.evaluate_params):
        model = part("delta", "parity")["model"]
        assert (model["hidden"], model["feed_forward"]) == (OPEN, OPEN)
        assert (model["parameters"], model["share"]) == (100_000, 2)
    assert not experiment.chosen_inputs("delta", "parity")  # no search
    about = experiment.cell("delta", "parity").model.hidden
    assert 50 < about < 500  # for the estimates of time and memory


def test_a_model_without_a_size_has_the_settings_that_it_always_had():
    model = Experiment(config()).train_params("delta", "parity")["model"]
    assert list(model) == ["name", "mixer", "hidden", "layers", "feed_forward", "wiring", "options"]
    whole, same = (
        json.dumps(Experiment(config(model={"feed_forward": f})).train_params("delta", "parity"))
        for f in (2, 2.0)
    )
    assert whole == same


def test_the_code_that_solves_a_size_counts_for_models_of_a_given_size_alone():
    one = {"lstm": {"mixer": "lstm"}, "sized": {"mixer": "lstm"} | SIZE}
    experiment = Experiment(config(models=one))
    code = [experiment.cell(model, "parity").code for model in one]
    assert code[0]["train"] != code[1]["train"] and code[0]["evaluate"] == code[1]["evaluate"]


def test_a_search_chooses_the_widths_of_a_given_size_too():
    for size in ({"model": SIZE, "search": RATE}, {"search": RATE | {"budget": SIZE}}):
        experiment = Experiment(config(**size))
        keys = ["feed_forward", "hidden", "training.learning_rate"]
        assert experiment.searched("delta", "parity") == keys
        assert experiment.search_job("delta", "parity")["cell"]["model"]["parameters"] == 100_000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"parameters": 0}}, "model.parameters: must be at least 1, got 0"),
        (
            {"model": SIZE, "models": {"lstm": {"mixer": "lstm", "hidden": 9}}},
            "models.lstm.hidden: the width is solved from parameters; allowed: one of the two",
        ),
        (
            {"model": SIZE, "overrides": {"delta": {"pairs": {"hidden": 8}}}},
            "overrides.delta.pairs.hidden: the width is solved from parameters",
        ),
        (
            {"model": SIZE, "search": {"space": {"hidden": [32, 64]}}},
            "search.space.hidden: the width of delta on parity is solved from parameters",
        ),
        (
            {"model": SIZE, "search": RATE | {"budget": SIZE}},
            "search.budget: the size of delta on parity is given by parameters already",
        ),
        (
            {"search": {"space": {"parameters": [9, 10]}}},
            "search.space.parameters: is not searched",
        ),
        ({"model": {"feed_forward": 64.5}}, "model.feed_forward: must be at most 64, got 64.5"),
    ],
)
def test_what_contradicts_a_size_is_refused(changes, message):
    assert problems(**changes)[0].startswith(message)


def test_a_model_may_have_a_width_of_its_own_and_heads_need_not_divide_a_default():
    models = {
        "delta": {"mixer": "deltanet", "heads": 5},
        "lstm": {"mixer": "lstm", "hidden": 9, "parameters": None},
    }
    experiment = Experiment(config(model=SIZE, models=models))
    assert experiment.train_params("lstm", "parity")["model"]["hidden"] == 9
    assert experiment.left_open("lstm", "parity") == []
