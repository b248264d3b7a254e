import csv
import functools
import io
import json
import math

import numpy as np
import pytest
import torch
from tiny import alone, cell, draw, net

from fwp import mixers
from fwp.datasets import dataset
from fwp.datasets.dataset import save_dataset
from fwp.models.weights import read_weights
from fwp.status.progress import Progress
from fwp.training.train import train_cell


@pytest.fixture(scope="module")
def data():
    return draw()


def model(data, seed=0, mixer="lstm", **settings):
    return net(data, mixer, seed=seed, **{"hidden": 16, "feed_forward": 1} | settings)


def test_an_lstm_learns_parity_and_stops(data):
    run = alone(model(data), data, epochs=60, batch_size=16, learning_rate=1e-2)
    assert run.status == "solved"
    assert run.epochs == run.best_epoch < 60
    assert run.selection == 1
    assert run.history[-1]["accuracy 2-12"] == run.history[-1]["accuracy 13-20"] == 1
    assert [row["epoch"] for row in run.history] == list(range(1, run.epochs + 1))
    assert run.history[-1]["strings"] == run.epochs * 300
    assert run.history[-1]["loss"] < run.history[0]["loss"]


@pytest.fixture(scope="module")
def short_run(data):
    """A short training of a mixer, run once for the tests that look at it."""
    return functools.cache(lambda mixer: train_shortly(data, mixer))


def train_shortly(data, mixer):
    return alone(model(data, mixer=mixer), data, epochs=3, batch_size=32)


@pytest.mark.parametrize("mixer", mixers.names())
def test_two_runs_give_the_same_bits(data, short_run, mixer):
    first, second = short_run(mixer), train_shortly(data, mixer)
    assert [r["loss"] for r in first.history] == [r["loss"] for r in second.history]
    for name, tensor in first.weights.items():
        assert torch.equal(tensor, second.weights[name]), name


@pytest.mark.parametrize("mixer", mixers.names())
def test_the_loss_falls(short_run, mixer):
    run = short_run(mixer)
    assert run.history[-1]["loss"] < run.history[0]["loss"]


def test_the_seed_decides_weights_and_order(data):
    settings = {"epochs": 1, "batch_size": 32}
    base = alone(model(data), data, seed=0, **settings).history[0]["loss"]
    assert alone(model(data), data, seed=1, **settings).history[0]["loss"] != base
    assert alone(model(data, seed=1), data, seed=0, **settings).history[0]["loss"] != base


def test_the_global_generator_has_no_say(data):
    torch.manual_seed(1)
    first = model(data).embedding.weight
    torch.manual_seed(2)
    before = torch.random.get_rng_state()
    assert torch.equal(model(data).embedding.weight, first)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_best_epoch_is_kept(data):
    trained = model(data, mixer="deltanet")
    snapshots = {}

    def remember(row):
        snapshots[row["epoch"]] = trained.embedding.weight.detach().clone()

    run = alone(trained, data, epochs=5, batch_size=16, on_epoch=remember)
    selections = [0.0] + [row["selection"] for row in run.history]
    assert run.best_epoch == int(np.argmax(selections))
    assert run.selection == max(selections)
    if run.best_epoch:
        assert torch.equal(run.weights["embedding.weight"], snapshots[run.best_epoch])
    assert torch.equal(trained.embedding.weight, run.weights["embedding.weight"])


def test_divergence_is_recorded_and_ends_the_run(data):
    run = alone(model(data, mixer="linear_transformer"), data, epochs=5, learning_rate=1e30)
    assert run.status == "diverged"
    assert not math.isfinite(run.history[-1]["loss"])
    assert run.history[-1]["selection"] == 0
    assert run.epochs < 5
    assert all(tensor.isfinite().all() for tensor in run.weights.values())


class Watcher:
    def __init__(self):
        self.calls = []

    def start(self, seeds, total):
        self.calls.append(("start", seeds, total))

    def update(self, seed, **facts):
        self.calls.append(("update", seed, facts["epoch"]))

    def finish(self, seed, status):
        self.calls.append(("finish", seed, status))


def run_cell(tmp_path, data, seeds, **training):
    save_dataset(data, tmp_path / "data.npz")
    files = {
        "weights": tmp_path / "model.safetensors",
        "history": tmp_path / "history.csv",
        "record": tmp_path / "cell.json",
    }
    watcher = Watcher()
    train_cell(
        cell(**training),
        seeds,
        dataset=tmp_path / "data.npz",
        **files,
        device="cpu",
        callback=watcher,
    )
    return files, watcher


def test_a_cell_writes_its_record(tmp_path, data):
    files, watcher = run_cell(tmp_path, data, [0, 4])
    record = json.loads(files["record"].read_text())
    assert record["config"] == cell().as_dict()
    assert record["dataset"] == data.hash
    assert [run["seed"] for run in record["runs"]] == record["seeds"] == [0, 4]
    assert {run["status"] for run in record["runs"]} <= {"solved", "budget"}
    assert record["parameters"] == model(data, mixer="elstm", hidden=8).parameter_count
    with files["history"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["seed"], r["epoch"]) for r in rows] == [
        ("0", "1"),
        ("0", "2"),
        ("4", "1"),
        ("4", "2"),
    ]
    assert set(read_weights(files["weights"], 4)) == set(model(data, mixer="elstm").state_dict())
    assert watcher.calls[:4] == [
        ("start", [0], 2),
        ("update", 0, 1),
        ("update", 0, 2),
        ("finish", 0, record["runs"][0]["status"]),
    ]


def test_measurements_within_epochs_are_told_and_kept(tmp_path, data):
    files, watcher = run_cell(tmp_path, data, [0], validate_every=2)  # of five steps
    with files["history"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 1, 1, 2, 2, 2]
    assert [int(row["strings"]) for row in rows[2::3]] == [300, 600]
    over = [call[2] for call in watcher.calls if call[0] == "update"]
    assert over == [0, 0, 1, 1, 1, 2]


def test_a_seed_does_not_depend_on_its_companions(tmp_path, data):
    both, _ = run_cell(tmp_path / "both", data, [3, 4])
    alone, _ = run_cell(tmp_path / "alone", data, [4])
    expected = read_weights(both["weights"], 4)
    for name, tensor in read_weights(alone["weights"], 4).items():
        assert torch.equal(tensor, expected[name])


def test_a_diverged_cell_has_a_record_too(tmp_path, data):
    files, _ = run_cell(tmp_path, data, [0], learning_rate=1e38)
    assert json.loads(files["record"].read_text())["runs"][0]["status"] == "diverged"


def test_a_diverged_cell_is_told_by_its_progress(tmp_path, data):
    save_dataset(data, tmp_path / "data.npz")
    path, changed = tmp_path / "progress.json", cell(learning_rate=1e38)
    with Progress(changed, [0], 2, path=path, stream=io.StringIO()) as progress:
        files = {kind: tmp_path / kind for kind in ("weights", "history", "record")}
        settings = {"dataset": tmp_path / "data.npz", "device": "cpu", "callback": progress}
        train_cell(changed, [0], **files, **settings)
    assert json.loads(path.read_text())["seeds"]["0"]["status"] == "diverged"


def test_strings_of_another_task_are_refused(tmp_path, data):
    save_dataset(data, tmp_path / "data.npz")
    other = cell(language="dyck_k", params={"k": 3})
    files = {kind: tmp_path / kind for kind in ("weights", "history", "record")}
    said = r'data.npz: holds strings of \["parity",{}\], not of \["dyck_k",{"k":3}\]'
    with pytest.raises(dataset.DatasetError, match=said):
        train_cell(other, [0], dataset=tmp_path / "data.npz", **files)


def test_float64(tmp_path, data):
    files, _ = run_cell(tmp_path, data, [0], dtype="float64")
    assert read_weights(files["weights"], 0)["embedding.weight"].dtype == torch.float64
