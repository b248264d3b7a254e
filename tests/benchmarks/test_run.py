import json

import pandas as pd
import pytest

from fwp.benchmarks import growth, run
from fwp.cli import main

NOTHING = {axis: [] for axis in growth.STEP + growth.GRID}
CONFIG = {
    "models": {"a": {"mixer": "elstm"}, "b": {"mixer": "elstm", "hidden": 4}},
    "tasks": {"parity": {"language": "parity"}},
    "claims": [],
    "only": {"models": ["b"]},
    "benchmark": {
        "packs": [1, 2], "batches": [3], "lengths": [4], "peers": [], "ops": False, "seconds": 0,
        "symbols": 3,
        "growth": NOTHING | {"hidden": [8]},
    },
}  # fmt: skip


@pytest.fixture
def fwp(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(json.dumps(CONFIG), encoding="utf-8")
    return lambda *options: main(["benchmark", "--device", "cpu", "--output", "out", *options])


def test_the_command_measures_what_the_config_says(fwp, tmp_path, capsys):
    assert fwp("--set", "benchmark.packs=[1]") == 0
    found = pd.read_csv(tmp_path / "out/steps.csv")
    assert list(found["model"].unique()) == ["b"]
    assert list(found["symbols"].unique()) == [3]
    assert list(found["implementation"]) == ["fwp", "loops"] * 2
    assert sorted(found["batch"].unique()) == [3, 64]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"steps.csv", "README.md"}
    assert "PyTorch" in (tmp_path / "out/README.md").read_text(encoding="utf-8")
    assert "b fwp 1 64 4" in capsys.readouterr().out


def test_growth_is_of_the_same_config(fwp, tmp_path, monkeypatch):
    monkeypatch.setattr(growth, "_apart", lambda given: {"seconds": 1.0, "bytes": 2, "note": ""})
    assert fwp("--growth") == 0
    found = pd.read_csv(tmp_path / "out/growth.csv")
    assert found[["axis", "model", "size"]].values.tolist() == [["hidden", "b", 8]]


def test_ops_are_measured_if_wanted(tmp_path, monkeypatch):
    timed = {"op": "lstm", "backend": "reference", "pass": "training", "size": 16, "time": 16}
    timed |= {"seconds": 1.0, "gflops": 1.0, "floor_seconds": 0.1}
    monkeypatch.setattr(run.ops, "measure", lambda **_: iter([timed]))
    step = {"model": "lstm", "implementation": "fwp", "pack": 1, "batch": 1, "length": 1}
    step |= {"seconds": 1.0, "floor_seconds": 0.1, "note": ""}
    monkeypatch.setattr(run.steps, "measure", lambda *_, **__: iter([step]))
    settings = CONFIG["benchmark"] | {"packs": [1], "patience": 1, "ops": True}
    run.benchmark([], settings, "cpu", tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"steps.csv", "summary.md", "ops.csv", "ops.svg", "ops.pdf", "ops.png"}
