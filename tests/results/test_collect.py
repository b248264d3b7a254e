import json
import re

import pandas as pd
import pytest
import synthetic

from fwp.experiment.cell import Cell
from fwp.experiment.experiment import Experiment
from fwp.results import frames
from fwp.results.cells import Wanted
from fwp.results.collect import collect_results, read_results, write_results
from fwp.results.record import ResultsError

MODELS, TASKS = ["srwm", "lstm"], ["parity", "anbn"]


@pytest.fixture
def cells(tmp_path):
    """Two models × two tasks × two seeds, the names not in alphabetical order."""
    return synthetic.write_grid(
        tmp_path / "cells", MODELS, TASKS, [0, 1], bins=["2-50", "51-100"], epochs=5
    )


def edit(path, pattern, replacement, count=1):
    text = path.read_text()
    changed = re.sub(pattern, replacement, text, count=count)
    assert changed != text
    path.write_text(changed)


def test_collects_every_run(cells):
    accuracy, history, runs = collect_results(cells)
    assert len(runs) == 8
    assert list(runs["task"].unique()) == TASKS and list(runs["model"].unique()) == MODELS
    bins = accuracy[accuracy["length"].isna()]
    assert len(bins) == 8 * 2 and set(bins["bin"]) == {"2-50", "51-100"}
    assert not history.empty
    assert list(history.columns[-3:]) == ["accuracy 2-50", "accuracy 51-100", "selection"]


def test_columns_and_types_are_those_of_the_schema(cells):
    accuracy, history, runs = collect_results(cells)
    assert list(accuracy.columns) == [
        "task", "model", "seed", "status", "bin", "length", "strings",
        "sequence_accuracy", "position_accuracy",
    ]  # fmt: skip
    assert list(history.columns[:7]) == [
        "task", "model", "seed", "epoch", "strings", "seconds", "loss",
    ]  # fmt: skip
    assert list(runs.columns) == [
        "task", "model", "seed", "status", "epochs", "best_epoch", "selection", "seconds",
        "parameters", "mixer", "device", "machine", "cell",
    ]  # fmt: skip
    assert accuracy["length"].dtype == "Int64" and accuracy["strings"].dtype == "int64"


def test_values_are_those_of_the_files(cells):
    accuracy, _, runs = collect_results(cells)
    own = pd.read_csv(cells[3] / "accuracy.csv")  # lstm on anbn
    mine = accuracy[(accuracy["task"] == "anbn") & (accuracy["model"] == "lstm")]
    assert mine["sequence_accuracy"].tolist() == own["sequence_accuracy"].tolist()
    record = json.loads((cells[3] / "cell.json").read_text())
    row = runs[(runs["task"] == "anbn") & (runs["model"] == "lstm")].iloc[1]
    assert (row["epochs"], row["seconds"]) == tuple(
        record["runs"][1][key] for key in ("epochs", "seconds")
    )
    assert row["cell"] == "anbn/lstm/seeds-0-1"


def test_written_tables_read_back_the_same(cells, tmp_path):
    collected = collect_results(cells)
    write_results(collected, tmp_path / "tables")
    synthetic.seal_tables(tmp_path / "tables")
    for before, after in zip(collected, read_results(tmp_path / "tables"), strict=True):
        pd.testing.assert_frame_equal(before, after)


def test_order_of_models_is_that_of_the_cells(cells):
    accuracy, _, runs = collect_results(cells[::-1])
    assert list(runs["model"].cat.categories) == MODELS[::-1]
    assert list(accuracy["task"].cat.categories) == TASKS[::-1]


def test_bins_are_ordered_by_length_not_by_name(tmp_path):
    cell = synthetic.write_cell(tmp_path, "parity", "lstm", [0], bins=["2-50", "100-200", "51-99"])
    accuracy = collect_results([cell]).accuracy
    assert list(accuracy["bin"].cat.categories) == ["2-50", "51-99", "100-200"]


def test_tasks_may_have_their_own_validation_bins(tmp_path):
    cells = [
        synthetic.write_cell(tmp_path, task, model, [0], bins=bins, epochs=4, lengths=False)
        for model in ("lstm", "srwm")
        for task, bins in (("parity", ["2-50", "51-100"]), ("anbn", ["4-200", "204-400"]))
    ]
    history = collect_results(cells).history
    pairs = history[["model", "task"]].drop_duplicates().astype(str).to_numpy().tolist()
    assert pairs == [["lstm", "parity"], ["lstm", "anbn"], ["srwm", "parity"], ["srwm", "anbn"]]
    assert history.loc[history["task"] == "anbn", "accuracy 2-50"].isna().all()
    assert history.loc[history["task"] == "anbn", "accuracy 4-200"].notna().all()


def test_diverged_runs_are_rows_even_without_accuracies(tmp_path):
    cell = synthetic.write_cell(
        tmp_path, "parity", "lstm", [0, 1], diverged=(1,), bins=["2-50", "51-100"]
    )
    edit(cell / "accuracy.csv", r"(diverged,[^,]*,[^,]*,[^,]*),.*", r"\1,,", count=0)
    synthetic.seal(cell)
    accuracy, _, runs = collect_results([cell])
    assert runs["status"].tolist()[1] == "diverged"
    rows = accuracy[accuracy["seed"] == 1]
    assert len(rows) > 2 and rows["sequence_accuracy"].isna().all()


def test_line_ends_of_windows_are_read(cells):
    path = cells[0] / "accuracy.csv"
    before, _ = frames.parse([path], frames.ACCURACY)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    after, _ = frames.parse([path], frames.ACCURACY)
    pd.testing.assert_frame_equal(after, before)


@pytest.mark.parametrize("name", ["cell.json", "accuracy.csv", "history.csv"])
def test_missing_file_is_named(cells, name):
    (cells[2] / name).unlink()
    with pytest.raises(ResultsError, match=rf"{cells[2]}/{name}: the file is missing"):
        collect_results(cells)


@pytest.mark.parametrize("name", ["cell.json", "accuracy.csv", "history.csv"])
@pytest.mark.parametrize("keep", [0, 0.5])
def test_truncated_file_is_named(cells, name, keep):
    path = cells[1] / name
    text = path.read_bytes()
    path.write_bytes(text[: int(keep * len(text)) // 10 * 10])
    with pytest.raises(ResultsError, match=re.escape(f"{path}: ") + ".*(cut short|empty)"):
        collect_results(cells)


def test_file_that_ends_after_a_whole_line_lacks_a_seed(cells):
    path = cells[1] / "accuracy.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if ",1," not in line[:20]))
    with pytest.raises(ResultsError, match=rf"{path}: lacks seed 1.*seeds \[0, 1\]"):
        collect_results(cells)


def test_accuracy_of_another_cell_is_refused(cells):
    foreign, path = cells[0] / "accuracy.csv", cells[1] / "accuracy.csv"
    path.write_bytes(foreign.read_bytes())
    with pytest.raises(ResultsError, match=rf"{path}: is of the model 'srwm'.* is of 'lstm'"):
        collect_results(cells)


def test_accuracy_of_another_training_is_refused(cells):
    edit(cells[0] / "cell.json", '"status": "solved"', '"status": "diverged"')
    synthetic.seal(cells[0])
    with pytest.raises(ResultsError, match=r"seed \d is solved, cell.json that it is div"):
        collect_results(cells)


def test_same_cell_twice_is_refused(cells):
    with pytest.raises(ResultsError, match="seed 0 of srwm on parity is in two"):
        collect_results([*cells, cells[0]])


def test_no_cells_is_an_error():
    with pytest.raises(ResultsError, match="no cells"):
        collect_results([])


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        ("strings", "string", "no column 'strings'"),
        (r"task,", "task,extra,", "unknown column 'extra'"),
        (r"(solved|budget),51-100,52,.*", r"\1,51-100,52,20,1.5,1", "accuracies lie between 0 and"),
        (r"(solved|budget),51-100,52,.*", r"\1,51-100,52,20,,1", "only a diverged run"),
        (r"(solved|budget),51-100,52,", r"\1,51-100,101,", "a length lies in its bin.* length 101"),
        (r"(solved|budget),51-100,52,", r"\1,51_100,52,", "a bin is written shortest-longest"),
        (r"(solved|budget),51-100,52,", "won,51-100,52,", "status is solved, budget or diverged"),
        (r"(solved|budget),51-100,52,40", r"\1,51-100,52,many", "many"),
        (r"(solved|budget),51-100,52,40", r"\1,51-100,52,40,1,1,1", "Expected 9 fields"),
        (r"\nparity,srwm", r"\n,srwm", "task must not be empty; line 2"),
    ],
)
def test_malformed_accuracies_are_named(cells, pattern, replacement, message):
    """The file and what is wrong with it, though all files are parsed in one go."""
    edit(cells[0] / "accuracy.csv", pattern, replacement)
    with pytest.raises(ResultsError, match=re.escape(str(cells[0] / "accuracy.csv")) + ".*"):
        collect_results(cells)
    with pytest.raises(ResultsError, match=message):
        collect_results(cells)


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        ('"mixer"', '"mix"', "not the record of a cell: no 'mixer'"),
        ('"status": "[a-z]*"', '"status": "won"', "a status is solved, budget or diverged"),
        (
            r'"seeds": \[\s*0,\s*1\s*\]',
            '"seeds": [0, 2]',
            r"runs of seeds \[0, 1\], but is for seeds",
        ),
        (r"(?s)^.*$", "[]", "not the record of a cell"),
    ],
)
def test_malformed_records_are_named(cells, pattern, replacement, message):
    edit(cells[0] / "cell.json", pattern, replacement)
    with pytest.raises(ResultsError, match=f"{cells[0]}/cell.json: .*{message}"):
        collect_results(cells)


def test_tables_do_not_change_with_the_size_of_batches(cells, monkeypatch):
    whole = collect_results(cells)
    monkeypatch.setattr(frames, "_BATCH", 1)
    for one, other in zip(whole, collect_results(cells), strict=True):
        pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(
    "training",
    [
        {"gradient": "rtrl"},
        {"gradient": "tbptt", "truncation": 3},
        {"gradient": "bptt", "schedule": "cosine", "warmup": 0},
    ],
    ids=lambda training: training["gradient"],
)
def test_a_record_is_of_the_settings_that_the_plan_wants(training):
    """As a job writes them: what its plan holds, through JSON and the classes of settings."""
    models = {"m": {"mixer": "elstm", "training": training}}
    lab = Experiment({"models": models, "tasks": {"parity": {"language": "parity"}}})
    (wanted,) = lab.wanted([next(lab.jobs())])
    planned = json.loads(json.dumps(lab.train_params("m", "parity")))
    record = {"config": Cell.from_dict(planned).as_dict(), "seeds": wanted["trained"]}
    cell = Wanted(**wanted)
    cell.check(json.loads(json.dumps(record)))
    record["config"]["training"]["truncation"] = 4
    with pytest.raises(ResultsError, match="was trained with other settings"):
        cell.check(record)
