"""Times of files that were copied, or computed elsewhere."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from fwp.experiment import copies

CELL = "cells/parity/lstm/seed-0"
ORDER = ["data/parity/train.npz", "search/parity/lstm/chosen.json", f"{CELL}/cell.json"]
ORDER += [f"{CELL}/evaluation.json"]


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """A cell that was searched elsewhere: its strings are newer than everything made of them."""
    names = [*ORDER, "data/parity/test.npz", "data/parity/card.json", f"{CELL}/accuracy.csv"]
    names += ["search/parity/lstm/trials.csv", *(f"{CELL}/{name}" for name in copies.TRAINED)]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (2e9, 2e9) if name.startswith("data") else (1e9, 1e9))
    for name in ("read_record", "read_evaluation"):
        monkeypatch.setattr(copies, name, lambda _: {"config": {}, "dataset": "d"})
    monkeypatch.setattr(copies, "check_file", lambda *_: None)
    monkeypatch.setattr(copies, "stored_hash", lambda _: "d")
    job = SimpleNamespace(task="parity", model="lstm", directory=str(tmp_path / CELL))
    return SimpleNamespace(
        tasks=["parity"],
        results=str(tmp_path),
        jobs=lambda: [job],
        searched=lambda *_: ["hidden"],
        search_dir=lambda *_: str(tmp_path / "search/parity/lstm"),
        is_current=lambda *_: True,
        evaluate_params=lambda *_: {},
    )


def times(folder):
    return [Path(folder, name).stat().st_mtime_ns for name in ORDER]


def test_a_search_that_was_made_elsewhere_is_put_in_order(experiment):
    assert copies.put_times_in_order(experiment) == 1
    found = times(experiment.results)
    assert found == sorted(found)
    assert copies.put_times_in_order(experiment) == 0


def test_a_search_that_chose_other_settings_runs_again(experiment):
    experiment.is_current = lambda *_: False
    before = times(experiment.results)
    assert copies.put_times_in_order(experiment) == 0 and times(experiment.results) == before
