"""Cells as the dicts that jobs and records hold."""

import dataclasses
import json

import pytest
from tiny import cell

from fwp.experiment.cell import Cell, TrainedCell
from fwp.experiment.experiment import load_experiment

# What version 0.1.0 wrote to cell.json.
RECORD = """{
 "model": {"name": "net", "mixer": "deltanet", "hidden": 32, "layers": 1, "feed_forward": 2,
  "wiring": null, "options": {"heads": 4}},
 "task": {"name": "parity", "language": "parity", "params": {}},
 "training": {"epochs": 10, "batch_size": 64, "learning_rate": 0.002, "schedule": "cosine",
  "warmup": 0, "curriculum": 0, "clip": null, "weight_decay": 0, "gradient": "bptt",
  "betas": [0.9, 0.995], "eps": 1e-09, "dtype": "float32"},
 "code": {"train": "0123456789abcdef"}
}"""


def test_a_record_of_an_earlier_version_is_read():
    record = json.loads(RECORD)
    found = Cell.from_dict(record)
    assert found.model.options == {"heads": 4} and found.training.betas == (0.9, 0.995)
    record["training"] |= {"validate_every": None, "matmul": "float32"}  # keys of later versions
    assert found.as_dict() == record
    assert [*found.as_dict()["training"]] == [*record["training"]]


@pytest.mark.parametrize("model", ["lstm", "deltanet"])
def test_what_jobs_are_given_is_the_cell(model):
    experiment = load_experiment("config.yaml")
    whole = experiment.cell(model, "parity")
    given = experiment.train_job(model, "parity", "seeds-0-2")
    assert given["seeds"] == [0, 1, 2]
    code = {"train": whole.code["train"]}
    assert Cell.from_dict(given["cell"]) == dataclasses.replace(whole, code=code)
    trained = experiment.evaluate_params(model, "parity")
    assert TrainedCell.from_dict(trained) == dataclasses.replace(
        whole.trained, code={"evaluate": whole.code["evaluate"]}
    )
    for params in (given["cell"], trained):  # plain builtins: they are what JSON holds
        assert json.loads(json.dumps(params)) == params


def test_the_trained_part_is_read_from_the_whole():
    whole = cell(dtype="float64")
    assert TrainedCell.from_dict(whole.as_dict()) == whole.trained
    assert whole.trained.names == whole.names == {"task": "parity", "model": "net"}


@pytest.mark.parametrize("key", ["model", "task", "training"])
def test_cells_do_not_change(key):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(cell(), key, None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        getattr(cell(), key).name = "other"
