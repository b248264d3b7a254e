"""Tasks of recognition in a config: what they resolve to, what reruns, and what is refused."""

import pytest

from fwp.config.loading import read_config
from fwp.config.messages import ConfigError
from fwp.config.settings import TrainingSettings
from fwp.experiment import work
from fwp.experiment.cell import Cell
from fwp.experiment.experiment import Experiment
from fwp.results.chosen import agrees, settled

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
    assert own.tasks_of("strings") == ["mine"] and own.finite_tasks() == ["mine"]
    assert experiment({"language": "anbn"}).finite_tasks() == []
    assert own.dataset("mine").measure == {}
    assert work.epoch(own.cell("deltanet", "mine"), own.dataset("mine")) > 0


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


SPACE = {"training": {"next_symbols": {"low": 0.01, "high": 10.0, "log": True}}}


def test_further_losses_are_part_of_a_cell_that_has_them_alone():
    plain, own = experiment(), experiment({"training": {"next_symbols": 0.1}})
    training = own.cell("deltanet", "mine").training
    assert (training.next_symbols, training.language_modelling) == (0.1, 0.0)
    assert "next_symbols" not in plain.cell("deltanet", "mine").training.as_dict()
    assert own.train_params("deltanet", "mine") != plain.train_params("deltanet", "mine")
    assert TrainingSettings.from_dict(training.as_dict()) == training
    codes = [e.cell("deltanet", "mine").code for e in (plain, own)]
    assert codes[0]["train"] != codes[1]["train"]  # the language decides what may follow
    assert codes[0]["evaluate"] == codes[1]["evaluate"]


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_a_search_may_choose_their_weights(share):
    own = experiment(search={"space": SPACE})
    assert own.searched("deltanet", "mine") == ["training.next_symbols"]
    planned = own.train_params("deltanet", "mine")
    given = own.cell("deltanet", "mine").as_dict()
    cell = Cell.from_dict(settled(given, {"training.next_symbols": share}))
    assert cell.training.next_symbols == share
    record = cell.as_dict() | {"code": planned["code"]}
    assert agrees(record, planned)
    assert settled(record, {"training.next_symbols": share}) == record
    assert not agrees(record | {"training": cell.training.as_dict() | {"epochs": 1}}, planned)


@pytest.mark.parametrize(
    ("entry", "given", "message"),
    [
        (
            {"strings": "language"},
            {"training": {"next_symbols": 0.1}},
            "training.next_symbols: needs a task with strings: edits or balanced, mine is none",
        ),
        (
            {"strings": "language", "training": {"language_modelling": 0.1}},
            {},
            "tasks.mine.training.language_modelling: needs a task with strings",
        ),
        (
            {"strings": "language"},
            {"search": {"space": SPACE}},
            "search.space.training.next_symbols: needs a task with strings",
        ),
        (
            {},
            {
                "training": {"next_symbols": 0.1, "gradient": "rtrl"},
                "models": {"elstm": {"mixer": "elstm"}},
            },
            "training.next_symbols: needs training.gradient = bptt",
        ),
        ({"training": {"next_symbols": -1}}, {}, "next_symbols: must be at least 0"),
    ],
)
def test_where_further_losses_are_refused(entry, given, message):
    with pytest.raises(ConfigError, match=message):
        experiment(entry, **given)
