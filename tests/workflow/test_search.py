"""A search in the workflow, through the real `snakemake` command: what it computes anew."""

import csv
import json
import re
from pathlib import Path

import pytest
from project import copy_project, snakemake

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


def run(folder: Path, *arguments: str) -> str:
    result = snakemake(folder, "--cores", "2", *arguments)
    assert result.returncode == 0, result.stdout
    return result.stdout


def planned(folder: Path) -> dict[str, int]:
    result = snakemake(folder, "--dry-run")
    assert result.returncode == 0, result.stdout
    if "Nothing to be done" in result.stdout:
        return {}
    table = re.search(r"^job +count\n-+ +-+\n(.*?)^total", result.stdout, re.S | re.M)
    return {rule: int(count) for rule, count in map(str.split, table[1].splitlines())}


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


def test_further_trials_train_only_themselves_and_an_equal_choice_trains_nothing(project):
    before, config = trials(project), project / "config.yaml"
    # A third trial that cannot be better than a trial that has everything right.
    weights = project / "results/cells/parity/lstm/seeds-0-1/model.safetensors"
    held, chosen = weights.read_bytes(), read_chosen(project / CELL / "chosen.json")
    config.write_text(CONFIG.replace("trials: 2", "trials: 3"), encoding="utf-8")
    assert planned(project)["search"] == 1
    run(project)
    assert [row for row in trials(project) if row["trial"] != "2"] == before or (
        read_chosen(project / CELL / "chosen.json") != chosen
    )
    assert log(project, "search").count("trial ") == 1  # the new one
    if read_chosen(project / CELL / "chosen.json") == chosen:
        assert "the search chose the same settings as before" in log(project, "train")
        assert weights.read_bytes() == held
    assert planned(project) == {}
