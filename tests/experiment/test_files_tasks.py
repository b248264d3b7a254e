"""Files of strings and of automata in a config: what they decide, and what is refused."""

from pathlib import Path

import pytest

import fwp
from fwp.config.loading import read_config
from fwp.config.messages import ConfigError
from fwp.datasets.card_reader import read
from fwp.datasets.files import check
from fwp.datasets.make import make_data, make_test, make_training
from fwp.experiment import resources, work
from fwp.experiment.experiment import Experiment
from fwp.report import overview
from fwp.report.tables.datasets import html_tables, table

MODELS = {"deltanet": {"mixer": "deltanet"}}
ROWS = [f"{i:b},{'e' if i.bit_count() % 2 == 0 else 'o'}" for i in range(4, 40)]
ATT = "0 0 0\n0 1 1\n1 1 0\n1 0 1\n0\n"


def write(path, rows=ROWS):
    Path(path).write_text("\n".join(["string,label", *rows]) + "\n")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("train.csv")
    write("test.csv", ROWS[20:])
    return tmp_path


def experiment(files=None, *, folders=(), **tasks) -> Experiment:
    given = {"train": "train.csv", "test": "test.csv"} if files is None else files
    every = {"mine": {"files": given}} | tasks
    return Experiment(
        read_config(top={"models": MODELS, "tasks": every, "claims": []}), folders=folders
    )


def test_files_are_strings_of_a_language_without_a_name(here):
    own = experiment(parity={"language": "parity"})
    assert own.tasks_of("strings") == ["mine", "parity"]
    task = own.cell("deltanet", "mine").task
    assert (task.kind, task.language) == ("strings", "files")
    assert set(task.params) == {"files"} and "test" not in task.params["files"]
    assert own.finite_tasks() == ["parity"]
    assert next(name.title for name in own.names() if name.kind == "task") == "mine"


def test_what_is_measured_trains_nothing(here):
    first, second = experiment(), experiment({"train": "train.csv", "test": {"3-6": "test.csv"}})
    assert first.train_params("deltanet", "mine") == second.train_params("deltanet", "mine")
    assert first.data_params("mine") == second.data_params("mine")
    assert first.test_data_params("mine") != second.test_data_params("mine")
    other = experiment({"train": "train.csv", "test": "test.csv", "seed": 1})
    assert first.train_params("deltanet", "mine") != other.train_params("deltanet", "mine")


def test_inputs_are_those_of_the_sets(here):
    own = experiment()
    assert own.text_files("mine", "train", "validation") == ["train.csv"]
    assert own.text_files("mine", "test") == ["test.csv"]


def test_a_changed_file_is_read_again(here):
    before = experiment().dataset("mine").train.count
    write("train.csv", ROWS * 2)
    assert experiment().dataset("mine").train.count == pytest.approx(2 * before, abs=1)


def test_paths_beside_the_config(here, monkeypatch):
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    (here / "even.att").write_text(ATT)
    own = experiment(folders=[here], even={"language": "automaton", "params": {"file": "even.att"}})
    assert own.text_files("mine", "test") == [str(Path("..", "test.csv"))]
    assert own.cell("deltanet", "even").task.params["text"] == ATT


def test_what_an_automaton_file_holds_decides_the_strings(here):
    (here / "even.att").write_text(ATT)
    even = {"language": "automaton", "params": {"file": "even.att"}}
    first = experiment(even=even)
    assert "even" in first.finite_tasks() and first.data_params("even")
    (here / "even.att").write_text(ATT.replace("0 0 0", "0 0 2"))
    second = experiment(even=even)
    assert first.data_params("even") != second.data_params("even")
    (here / "even.att").unlink()
    with pytest.raises(ConfigError, match=r"tasks.even.params.file: even.att cannot be read: No"):
        experiment(even=even)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"train": "trian.csv"}, "files.train: trian.csv does not exist (did you mean 'train.csv'"),
        ({"test": ["train.csv"]}, "files.test: train.csv is read for files.train, too"),
        ({"test": "."}, "main.tok does not exist"),
        ({"format": "xml"}, "files.format: must be one of csv, tsv, jsonl, src-tgt, mlregtest"),
        ({"string": "word"}, "files.train: train.csv:1:1: must have the column 'word'"),
        ({"per": "position"}, "files.train: train.csv:2:5: a string of 3 symbols must have 3 lab"),
        ({"holdout": 1}, "files.holdout: must be less than 1"),
        ({"sep": 1}, "files.sep: unknown key"),
        ({"train": None}, "files.train: must be text or a list, got null"),
    ],
)
def test_mistakes_are_told_before_any_job(here, task, message):
    given = {"train": "train.csv", "test": "test.csv"} | task
    with pytest.raises(ConfigError) as caught:
        experiment(given)
    assert f"tasks.mine.{message}" in str(caught.value) or message in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"data": {"seed": 1}}, "tasks.mine.data: is for languages alone"),
        ({"params": {}}, "tasks.mine.params: is for languages alone"),
        ({"evaluation": {"count": 3}}, "tasks.mine.evaluation.count: is for languages alone"),
    ],
)
def test_keys_of_languages_are_refused(here, given, message):
    entry = {"files": {"train": "train.csv", "test": "test.csv"}} | given
    with pytest.raises(ConfigError, match=message):
        experiment(mine=entry)


def test_large_files_are_looked_at_in_part(here, monkeypatch):
    monkeypatch.setattr(check, "SMALL", 100)
    monkeypatch.setattr(check, "build_files", None)  # is not called
    assert experiment().remarks() == []
    write("test.csv", ["01"])
    with pytest.raises(ConfigError, match=r"test.csv:2:1: must have 2 cells"):
        experiment()


def test_the_plan_warns_of_test_strings_that_are_trained_on(here):
    told = experiment().remarks()
    assert told[0].startswith("task mine: ") and "are training strings, too" in told[0]


def test_from_files_to_accuracies_and_a_row_of_the_report(here):
    own = experiment()
    spec, cell = own.dataset("mine"), own.cell("deltanet", "mine")
    assert resources.drawing(spec).mem_mb > 0 and work.epoch(cell, spec) > 0
    make_training(spec.without_test(), "mine/train.npz")
    make_test(spec, train="mine/train.npz", test="mine/test.npz", card="mine/card.json")
    card = read("mine/card.json")
    row = overview.task(card)
    assert len(row["example"]) == len(row["labels"]) and row["labels"][-1] in "eo"
    assert table([card])["possible_lengths"].isna().all()
    assert html_tables([card])["tables"][0]["rows"][0][4] == "4"
    data = make_data(spec, here)
    model = fwp.build_model("elstm", data, hidden=8)
    fwp.train(model, data, epochs=1)
    assert len(fwp.evaluate(model, data)) == 3
