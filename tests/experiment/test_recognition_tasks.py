"""Tasks of recognition in a config: what they resolve to, what reruns, and what is refused."""

import pytest

from fwp.config.loading import read_config
from fwp.config.messages import ConfigError
from fwp.experiment import duration
from fwp.experiment.experiment import Experiment

MODELS = {"deltanet": {"mixer": "deltanet"}}
BINS = {"bins": [[2, 20], [21, 30]]}


def experiment(entry: dict | None = None, **given) -> Experiment:
    tasks = {"mine": {"language": "parity", "strings": "edits"} | (entry or {})}
    given = {"evaluation": BINS} | given
    return Experiment(read_config(top={"models": MODELS, "tasks": tasks, "claims": []} | given))


def test_a_task_of_recognition_is_one_of_strings():
    own = experiment()
    task = own.cell("deltanet", "mine").task
    assert (task.kind, task.language) == ("strings", "recognition")
    assert task.params == {"language": "parity", "params": {}, "strings": "edits"}
    assert own.tasks_of("strings") == ["mine"] and own.finite_tasks() == []
    assert own.dataset("mine").measure == {}
    assert duration.epoch(own.cell("deltanet", "mine"), own.dataset("mine")) > 0


def test_strings_of_the_language_are_a_task_as_without_the_key():
    plain, given = experiment({"strings": "language"}), experiment()
    other = Experiment(
        read_config(top={"models": MODELS, "tasks": {"mine": {"language": "parity"}}, "claims": []})
    )
    assert plain.data_params("mine") == other.data_params("mine") != given.data_params("mine")
    assert "strings" not in plain.cell("deltanet", "mine").task.as_dict()
    assert plain.finite_tasks() == ["mine"]


def test_pairs_are_measured_without_training():
    plain, pairs = experiment(), experiment({"evaluation": {"pairs": True}})
    every = experiment(evaluation=BINS | {"pairs": True})
    assert pairs.dataset("mine").measure == every.dataset("mine").measure == {"pairs": True}
    assert plain.data_params("mine") == pairs.data_params("mine")
    assert plain.test_data_params("mine") != pairs.test_data_params("mine")
    assert plain.train_params("deltanet", "mine") == pairs.train_params("deltanet", "mine")


@pytest.mark.parametrize(
    ("entry", "given", "message"),
    [
        ({"strings": "edit"}, {}, "tasks.mine.strings: must be one of language, edits"),
        (
            {"language": "even_pairs"},
            {},
            "tasks.mine.strings: a string must be able to be outside the language, even_pairs",
        ),
        (
            {"language": "dyck_1", "strings": "balanced"},
            {},
            "tasks.mine.strings: balanced needs a language of at most 1,000 states, dyck_1 has",
        ),
        (
            {"strings": "language", "evaluation": {"pairs": True}},
            {},
            "tasks.mine.evaluation.pairs: needs a task with strings: edits or balanced, got",
        ),
        (
            {"strings": "language"},
            {"evaluation": BINS | {"pairs": True}},
            "evaluation.pairs: needs a task with strings: edits or balanced, no task has these",
        ),
        ({"language": "parety"}, {}, "did you mean 'parity'"),
    ],
)
def test_what_is_refused(entry, given, message):
    with pytest.raises(ConfigError, match=message):
        experiment(entry, **given)
