"""Runs without results, in the table of them and in what is made of it."""

import json
import types
from pathlib import Path

import pytest
import synthetic

from fwp.experiment.experiment import TrainJob
from fwp.report.figures.heatmap import heatmap
from fwp.report.labels import listed
from fwp.report.tables.summary import write_summary
from fwp.results import unfinished
from fwp.results.collect import collect_results
from fwp.results.integrity import ResultsError
from fwp.results.summary import summarise
from fwp.results.unfinished import read_unfinished, split_finished, write_unfinished

ROWS = [
    *(("parity", "lstm", seed, "failed", "no space left", "cells/train.log") for seed in (0, 1)),
    ("parity", "lstm", 7, "waiting", "", ""),
    ("anbn", "srwm", 0, "interrupted", "", ""),
    ("anbn", "elstm", 1, "failed", "why", ""),
]
ROWS = [dict(zip(unfinished.COLUMNS, row, strict=True)) for row in ROWS]


def test_a_table_reads_back_the_same(tmp_path):
    write_unfinished(ROWS, tmp_path / "missing.csv")
    synthetic.seal_tables(tmp_path)
    assert read_unfinished(tmp_path / "missing.csv") == ROWS
    write_unfinished([], tmp_path / "missing.csv")
    synthetic.seal_tables(tmp_path)
    assert read_unfinished(tmp_path / "missing.csv") == []


def test_one_failed_seed_makes_a_failed_cell():
    assert unfinished.by_cell(ROWS) == {
        ("lstm", "parity"): "failed",
        ("srwm", "anbn"): "missing",
        ("elstm", "anbn"): "failed",
    }


def test_jobs_are_listed_in_words():
    assert [entry["what"] for entry in listed(ROWS)] == [
        "LSTM on Parity, seeds 0, 1",
        "LSTM on Parity, seed 7",
        "SRWM on aⁿbⁿ, seed 0",
        "e-LSTM on aⁿbⁿ, seed 1",
    ]


@pytest.fixture
def experiment(tmp_path):
    """Three cells: finished, failed, and trained anew since its accuracy was measured."""
    jobs = []
    for model in ("lstm", "srwm", "elstm"):
        cell = synthetic.write_cell(tmp_path, "parity", model, [0, 1], bins=["2-50", "51-100"])
        jobs.append(TrainJob("parity", model, cell.name, [0, 1], str(cell)))
    failed, outdated = tmp_path / "parity/srwm/seeds-0-1", tmp_path / "parity/elstm/seeds-0-1"
    (failed / "cell.json").unlink()
    seeds = {str(seed): {"status": "running", "epochs": 5} for seed in (0, 1)}
    report = {"state": "failed", "stage": "train", "error": "it broke", "seeds": seeds}
    (failed / "progress.json").write_text(json.dumps(report))
    (failed / "train.log").touch()
    evaluated = (outdated / "evaluation.json").read_bytes()
    record = json.loads((outdated / "cell.json").read_text())
    (outdated / "cell.json").write_text(json.dumps(record | {"seconds": 1.0}))
    synthetic.seal(outdated)
    (outdated / "evaluation.json").write_bytes(evaluated)
    return types.SimpleNamespace(
        jobs=lambda: jobs,
        is_current=lambda model, task, config: config == synthetic.config(model),
    )


def test_finished_cells_are_told_from_the_others(experiment, tmp_path):
    finished, rows = split_finished(experiment)
    assert [job.model for job in finished] == ["lstm"]
    assert [tuple(row.values()) for row in rows] == [
        ("parity", "srwm", 0, "failed", "it broke", f"{tmp_path}/parity/srwm/seeds-0-1/train.log"),
        ("parity", "srwm", 1, "failed", "it broke", f"{tmp_path}/parity/srwm/seeds-0-1/train.log"),
        ("parity", "elstm", 0, "trained", "", ""),
        ("parity", "elstm", 1, "trained", "", ""),
    ]


def test_tables_of_what_is_finished_do_without_weights(experiment, tmp_path):
    """A large grid may come from another machine without them."""
    folder = tmp_path / "parity/lstm/seeds-0-1"
    whole = collect_results([folder])
    (folder / "model.safetensors").unlink()
    assert [job.model for job in split_finished(experiment)[0]] == ["lstm"]
    for before, after in zip(whole, collect_results([folder]), strict=True):
        assert before.equals(after)
    (folder / "history.csv").unlink()  # which tables are made of
    assert split_finished(experiment)[0] == []
    with pytest.raises(ResultsError, match=r"history\.csv"):
        collect_results([folder])


def test_deleted_files_of_cells_and_searches_are_told(experiment, tmp_path):
    # Before there are tables, nothing has been deleted: it is still to come.
    experiment.partial, experiment.results = False, str(tmp_path)
    experiment.searches = lambda: [("parity", "lstm")]
    experiment.search_dir = lambda task, model: f"{experiment.results}/search/{task}/{model}"
    assert unfinished.deleted(experiment) == []
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/accuracy.csv").touch()
    search = tmp_path / "search/parity/lstm"
    search.mkdir(parents=True)
    for job in experiment.jobs():
        for name in unfinished.CELL_FILES:
            (Path(job.directory) / name).touch()
    for name in ("chosen.json", "trials.csv"):
        (search / name).touch()
    assert unfinished.deleted(experiment) == []
    weights = tmp_path / "parity/lstm/seeds-0-1/model.safetensors"
    for path in (weights, search / "chosen.json", search / "trials.csv"):
        path.unlink()
        assert unfinished.deleted(experiment) == [str(path)]
        path.touch()


@pytest.fixture
def grid(tmp_path):
    """Results of LSTM and SRWM on parity alone."""
    return collect_results(synthetic.write_grid(tmp_path, ["lstm", "srwm"], ["parity"], (2, 3)))


def test_tables_have_a_mark_in_every_cell_that_lacks_seeds(grid, tmp_path):
    path = tmp_path / "summary.md"
    write_summary(summarise(grid), grid.runs, markdown=path, latex=tmp_path / "x.tex", missing=ROWS)
    text = path.read_text()
    first = text.split("\n## ")[1].splitlines()
    cells = [[part.strip() for part in line.split("|")[1:-1]] for line in first if "|" in line]
    rows = {name: entries for name, *entries in cells}
    assert rows["LSTM"][0].endswith("‡**") and rows["LSTM"][1] == "–"
    assert rows["SRWM"][1] == "missing" and "‡" not in rows["SRWM"][0]
    assert rows["e-LSTM"] == ["–", "failed"]
    assert "missing.csv lists them" in text
    assert r"$^\ddagger$" in (tmp_path / "x.tex").read_text()
    write_summary(summarise(grid), grid.runs, markdown=path)
    assert "‡" not in path.read_text()


def test_the_heat_map_shows_failed_cells(grid):
    figure = heatmap(grid.accuracy, ROWS)
    panel = figure.axes[0]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["LSTM", "SRWM", "e-LSTM"]
    texts = [text.get_text() for text in panel.texts]
    assert texts.count("fail.") == 1 and texts.count("–") == 3
    assert "fail.: the jobs of the cell failed" in figure.axes[-1].get_title(loc="left")
