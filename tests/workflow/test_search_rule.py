"""A search in the workflow, through the real `snakemake` command: what it computes anew."""

import csv
import json
import re
from pathlib import Path

import pytest
from project import copy_project, planned, run

from fwp.results.chosen import read_chosen

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("search")]

CONFIG = """\
seeds: 2
compute: {device: cpu, seeds_per_job: 2}
data:
  train: {min_length: 2, max_length: 12, count: 100}
  validation: {bins: [[2, 12], [13, 20]], count: 20}
evaluation: {bins: [[2, 12], [13, 20]], count: 20}
training: {epochs: 1, batch_size: 32, learning_rate: 0.01}
model: {hidden: 8, layers: 1, feed_forward: 1}
models:
  lstm: {mixer: lstm}
tasks:
  parity: {language: parity}
search:
  trials: 2
  space: {training: {learning_rate: {low: 1.0e-3, high: 1.0e-1, log: true}}, hidden: [4, 8]}
"""
CELL = Path("results/search/parity/lstm")


def with_config(folder: Path, config: str) -> dict[str, int]:
    """Jobs that would run with another config."""
    path = folder / "config.yaml"
    before = path.read_text(encoding="utf-8")
    path.write_text(config, encoding="utf-8")
    try:
        return planned(folder)
    finally:
        path.write_text(before, encoding="utf-8")


def trials(folder: Path) -> list[dict]:
    with (folder / CELL / "trials.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def log(folder: Path, rule: str) -> str:
    where = CELL if rule == "search" else Path("results/cells/parity/lstm/seeds-0-1")
    return (folder / where / f"{rule}.log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A finished experiment whose settings were searched."""
    folder = copy_project(tmp_path_factory.mktemp("search") / "project", CONFIG)
    run(folder)
    return folder


def test_cells_are_trained_with_the_chosen_settings_and_fresh_seeds(project):
    tried, chosen = trials(project), read_chosen(project / CELL / "chosen.json")
    assert [int(row["trial"]) for row in tried] == [0, 1]
    (best,) = (row for row in tried if row["chosen"] == "True")
    assert best["selection"] == max(row["selection"] for row in tried)
    assert chosen["hidden"] == int(best["hidden"])
    assert chosen["training.learning_rate"] == float(best["training.learning_rate"])
    cell = json.loads((project / "results/cells/parity/lstm/seeds-0-1/cell.json").read_bytes())
    assert cell["config"]["model"]["hidden"] == chosen["hidden"]
    assert cell["config"]["training"]["learning_rate"] == chosen["training.learning_rate"]
    assert not {str(seed) for seed in cell["seeds"]} & {row["seed"] for row in tried}


def test_a_finished_search_is_not_repeated(project):
    assert planned(project) == {}


def test_only_what_a_search_leaves_open_may_change_for_nothing(project):
    config = (project / "config.yaml").read_text(encoding="utf-8")
    searched = "lstm: {mixer: lstm, hidden: 16, training: {learning_rate: 0.5}}"
    assert with_config(project, config.replace("lstm: {mixer: lstm}", searched)) == {}
    one_more = config.replace("lstm: {mixer: lstm}", "lstm: {mixer: lstm}\n  gru: {mixer: gru}")
    jobs = with_config(project, one_more)
    assert (jobs["search"], jobs["train"], jobs["evaluate"]) == (1, 1, 1)
    without = with_config(project, config.partition("search:")[0] + "search: null\n")
    assert "search" not in without and "search_tables" not in without
    assert (without["train"], without["evaluate"]) == (1, 1)


def test_further_trials_train_only_themselves_and_an_equal_choice_trains_nothing(project):
    before, config = trials(project), project / "config.yaml"
    # A third trial that cannot be better than a trial that has everything right.
    weights = project / "results/cells/parity/lstm/seeds-0-1/model.safetensors"
    held, chosen = weights.read_bytes(), read_chosen(project / CELL / "chosen.json")
    config.write_text(CONFIG.replace("trials: 2", "trials: 3"), encoding="utf-8")
    assert planned(project)["search"] == 1
    run(project, "--until", "evaluate")
    assert [row for row in trials(project) if row["trial"] != "2"] == before or (
        read_chosen(project / CELL / "chosen.json") != chosen
    )
    assert re.findall("^trial (.)", log(project, "search"), re.M) == ["2"]
    if read_chosen(project / CELL / "chosen.json") == chosen:
        assert "the search chose the same settings as before" in log(project, "train")
        assert weights.read_bytes() == held
    assert not planned(project).keys() & {"search", "train", "evaluate"}


def test_a_deleted_choice_is_made_again_and_trains_nothing(project):
    path = project / CELL / "chosen.json"
    before, rows = path.read_bytes(), trials(project)
    weights = project / "results/cells/parity/lstm/seeds-0-1/model.safetensors"
    held = weights.read_bytes()
    path.unlink()
    run(project, "--until", "train")
    assert (path.read_bytes(), trials(project), weights.read_bytes()) == (before, rows, held)
    known = f"{len(rows)} of {len(rows)} runs are known from before"
    assert log(project, "search").splitlines()[0] == known
    assert not re.search("^trial ", log(project, "search"), re.M)
    assert "the search chose the same settings as before" in log(project, "train")
