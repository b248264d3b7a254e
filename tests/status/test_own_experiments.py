"""Experiments beside the grid on the board: retrieval, agents, metalearning."""

import json
from pathlib import Path

import pytest
from test_status import show

from fwp.experiment.experiment import load_experiment
from fwp.status import run as this_run
from fwp.status.snapshot import Watcher

POMDP = """
results: {results}
seeds: [0, 1]
targets: [{targets}]
models: {{ lstm: {{ mixer: lstm }} }}
tasks: {{ parity: {{ language: parity }} }}
pomdp: {{ seeds: 3, environments: {{ parity: {{ language: parity }} }} }}
"""


@pytest.fixture
def experiment(tmp_path):
    return made(tmp_path, "pomdp")


def made(folder, targets):
    path = folder / "config.yaml"
    path.write_text(POMDP.format(results=folder / "results", targets=targets))
    return load_experiment(path)


def agent(experiment, seed, suffix, text=""):
    path = Path(experiment.results, "pomdp", "parity", "lstm", f"seed-{seed}{suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_only_what_is_asked_for_is_shown(experiment, tmp_path):
    text = show(experiment)
    assert text.splitlines()[0] == "pomdp: 0 of 3 runs done, 3 waiting"
    assert "LSTM" not in text and "Parity" not in text
    both = show(made(tmp_path, "report, pomdp"))
    assert "0 of 2 runs done, 2 waiting\npomdp: 0 of 3 runs done, 3 waiting" in both
    grid = show(made(tmp_path, "report"))
    assert "2 waiting" in grid and "pomdp" not in grid


def test_what_has_begun_is_shown_whatever_the_targets_are(tmp_path):
    grid = made(tmp_path, "report")
    agent(grid, 1, ".json")
    assert "pomdp: 1 of 3 runs done, 2 waiting" in show(grid)
    own = made(tmp_path, "metalearning")
    assert "Parity" not in show(own)
    (tmp_path / "results" / "cells").mkdir()
    assert "Parity" in show(own)


def test_states_of_runs_follow_from_their_files(experiment):
    agent(experiment, 1, ".json")
    agent(experiment, 2, ".log")
    agent(experiment, 3, ".log", "Traceback\nValueError: no reward\n")
    text = show(experiment)
    assert "pomdp: 1 of 3 runs done, 1 failed, 1 interrupted" in text
    assert "failed: pomdp parity/lstm/seed-3: ValueError: no reward" in text
    assert f"see {experiment.results}/pomdp/parity/lstm/seed-3.log" in text
    this_run.begin(experiment.results, slots=1, executor="local")
    assert "pomdp: 1 of 3 runs done, 1 running, 1 failed" in show(experiment)
    found = Watcher(experiment, slurm=False).look().as_dict()
    own = {"name": "pomdp", "runs": 3, "done": 1, "running": 1, "failed": 1}
    assert found["experiments"] == [own | {"interrupted": 0, "waiting": 0}]
    assert found["jobs"] == [] and found["counts"]["runs"] == 0
    json.dumps(found, allow_nan=False)


def test_the_table_is_named_when_all_is_done(experiment):
    for seed in (1, 2, 3):
        agent(experiment, seed, ".json")
    Path(experiment.results, "pomdp", "pomdp.md").touch()
    assert f"Open {experiment.results}/pomdp/pomdp.md" in show(experiment)


@pytest.mark.parametrize("targets", ["retrieval", "metalearning"])
def test_runs_of_every_experiment_are_known(tmp_path, targets):
    assert f"{targets}: 0 of " in show(made(tmp_path, targets))
