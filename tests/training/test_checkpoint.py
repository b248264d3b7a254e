"""A job that dies, however it dies, is resumed and gives the same bits."""

import csv
import json
import os
import random
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tiny import cell, draw

from fwp.datasets.dataset import save_dataset
from fwp.status.progress import logging_to
from fwp.training.checkpoint import Checkpoint, checkpoint_path, remove_checkpoint
from fwp.training.history import HistoryError, HistoryParts
from fwp.training.train import is_trained, train_cell

# The LSTM's seeds are solved in different epochs, so that they leave the pack one by one.
CASES = {
    "one by one": {"seeds": [0, 1], "pack": 1, "mixer": "deltanet", "epochs": 3},
    "pack": {"seeds": [0, 1, 2], "pack": 3, "mixer": "linear_transformer", "epochs": 3},
    "pack that shrinks": {"seeds": [1, 2, 3], "pack": 3, "mixer": "lstm", "epochs": 20, "every": 4},
}


# All that changes in the course of a training.
COURSE = {"schedule": "cosine", "warmup": 0.1, "curriculum": 0.4, "clip": 1.0, "weight_decay": 0.1}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "data.npz"
    save_dataset(draw(language="aa_star"), path)
    return path


class Case:
    """A cell in a folder."""

    def __init__(self, folder: Path, dataset: Path, seeds, pack, mixer, epochs, every=None):
        self.seeds, self.pack = seeds, pack
        self.folder = folder
        course = COURSE | {"epochs": epochs, "batch_size": 32, "validate_every": every}
        self.cell = cell(mixer, language="aa_star", **course)
        names = {"weights": "model.safetensors", "history": "history.csv", "record": "cell.json"}
        self.files = {"dataset": dataset} | {kind: folder / name for kind, name in names.items()}

    def train(self, checkpoint=None):
        settings = {"device": "cpu", "pack": self.pack, "checkpoint": checkpoint}
        return train_cell(self.cell, self.seeds, **self.files, **settings)

    def result(self):
        """What must not depend on interruptions: everything but times."""
        with self.files["history"].open(newline="") as file:
            rows = list(csv.DictReader(file))
        return self.files["weights"].read_bytes(), [row | {"seconds": None} for row in rows]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, dataset):
    """The cases' results."""
    results = {}
    for name, settings in CASES.items():
        case = Case(tmp_path_factory.mktemp("undisturbed"), dataset, **settings)
        case.runs = case.train()
        results[name] = case
    return results


def test_the_cases_are_what_they_should_be(undisturbed):
    runs = undisturbed["pack that shrinks"].runs
    assert {run.status for run in runs} == {"solved"}
    assert len({run.epochs for run in runs}) == 3


class Alarm(Checkpoint):
    """Asks the process to end after some steps."""

    def __init__(self, path, steps):
        super().__init__(path, every=1e9)
        self.steps = steps

    @property
    def due(self):
        self.steps -= 1
        if self.steps == 0:
            signal.raise_signal(random.choice([signal.SIGTERM, signal.SIGINT]))
        return False


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("steps", [3, 7, 10, 13])  # ten steps are an epoch
def test_a_cell_interrupted_again_and_again_gives_the_same_bits(
    tmp_path, dataset, undisturbed, name, steps
):
    random.seed(0)
    case, path, times = Case(tmp_path, dataset, **CASES[name]), checkpoint_path(tmp_path), 0
    while True:
        try:
            runs = case.train(Alarm(path, steps))
        except KeyboardInterrupt:
            times += 1
            assert path.is_file() and not case.files["record"].exists()
        else:
            break
    assert times >= 2
    assert case.result() == undisturbed[name].result()
    assert [run.status for run in runs] == [run.status for run in undisturbed[name].runs]
    assert is_trained(case.cell, case.seeds, **case.files)


def test_signals_are_the_systems_own_afterwards(tmp_path, dataset):
    before = signal.getsignal(signal.SIGTERM)
    Case(tmp_path, dataset, **CASES["one by one"]).train(Checkpoint(checkpoint_path(tmp_path)))
    assert signal.getsignal(signal.SIGTERM) == before
    assert not checkpoint_path(tmp_path).exists()  # it did not take a minute


def forked(case: Case, log: Path) -> int:
    """Train in a process of its own, with a checkpoint after every step; its number."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            with logging_to(log):
                case.train(Checkpoint(checkpoint_path(case.folder), every=0))
                code = 0
        except SystemExit as error:
            code = error.code
        finally:
            os._exit(code)
    return process


def test_a_cell_killed_at_random_moments_gives_the_same_bits(tmp_path, dataset, undisturbed):
    rng, kills, rounds = random.Random(0), 0, 0
    while kills < 20:
        for name, settings in CASES.items():
            case = Case(tmp_path / f"{name} {rounds}", dataset, **settings)
            case.folder.mkdir()
            for patience in range(1, 100):  # longer each time, so that it ends
                process = forked(case, tmp_path / "train.log")
                time.sleep(rng.uniform(0, 0.03 * patience))
                os.kill(process, signal.SIGKILL)
                _, status = os.waitpid(process, 0)
                if not os.WIFSIGNALED(status):
                    break
                kills += 1
            assert os.WEXITSTATUS(status) == 0, (tmp_path / "train.log").read_text()
            assert case.result() == undisturbed[name].result()
        rounds += 1
    assert not list(tmp_path.rglob("*.damaged"))


def test_a_scheduler_that_ends_a_job_finds_one_line_in_the_log(tmp_path, dataset):
    case = Case(tmp_path, dataset, **CASES["one by one"] | {"epochs": 10_000})
    log = tmp_path / "train.log"
    process = forked(case, log)
    while not checkpoint_path(tmp_path).exists():
        time.sleep(0.01)
    os.kill(process, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 128 + signal.SIGTERM
    assert log.read_text() == "interrupted by SIGTERM\n"


# Checkpoints that are of no use -------------------------------------------------------------------


@pytest.fixture
def interrupted(tmp_path, dataset):
    """A cell with a checkpoint."""
    case = Case(tmp_path, dataset, **CASES["one by one"])
    with pytest.raises(KeyboardInterrupt):
        case.train(Alarm(checkpoint_path(tmp_path), 15))
    return case


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[: len(data) // 2], "buffer length"),
        (lambda data: b"", "no checkpoint"),
        (lambda data: b"{}" * 100, "no checkpoint"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "do not match the hash"),
    ],
)
def test_a_damaged_checkpoint_is_set_aside(interrupted, undisturbed, capsys, damage, reason):
    path = checkpoint_path(interrupted.folder)
    path.write_bytes(damage(path.read_bytes()))
    interrupted.train(Checkpoint(path))
    assert interrupted.result() == undisturbed["one by one"].result()
    assert path.with_suffix(".damaged").exists() and not path.exists()
    (line,) = capsys.readouterr().out.splitlines()
    assert str(path) in line and "renamed to checkpoint.damaged" in line


def test_a_checkpoint_of_something_else_is_not_used(interrupted, undisturbed, capsys):
    path = checkpoint_path(interrupted.folder)
    cell, interrupted.seeds = interrupted.cell, [0]
    interrupted.cell = replace(cell, training=replace(cell.training, learning_rate=0.5))
    interrupted.train(Checkpoint(path))
    assert capsys.readouterr().out == f"{path}: of another seeds and training: not used\n"
    assert path.exists()
    interrupted.cell, interrupted.seeds = cell, [0, 1]
    interrupted.train(Checkpoint(path))
    assert "going on" in capsys.readouterr().out
    assert interrupted.result() == undisturbed["one by one"].result()


def test_a_checkpoint_that_cannot_be_written_stops_nothing(tmp_path, dataset, capsys, monkeypatch):
    def refuse(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    checkpoint = Checkpoint(checkpoint_path(tmp_path), every=0)
    case = Case(tmp_path / "cell", dataset, **CASES["one by one"])
    case.folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fwp.training.train.write_weights", lambda path, _: path.touch())
        case.train(checkpoint)
    assert "the checkpoint could not be written" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [case.folder]


def test_files_of_another_cell_are_not_taken_for_it(tmp_path, dataset):
    case = Case(tmp_path, dataset, **CASES["one by one"])
    assert not is_trained(case.cell, case.seeds, **case.files)
    case.train()
    assert is_trained(case.cell, case.seeds, **case.files)
    assert not is_trained(case.cell, [0], **case.files)
    weights = case.files["weights"]
    weights.write_bytes(weights.read_bytes()[:-8])
    assert not is_trained(case.cell, case.seeds, **case.files)


# The history --------------------------------------------------------------------------------------


def rows_of(parts, epochs, seeds=(0, 1)):
    for epoch in epochs:
        for seed in seeds:
            parts.append(seed, {"epoch": epoch, "loss": 1 / (epoch + seed), "selection": 0.5})


def test_a_history_goes_on_from_a_position_and_forgets_what_came_after(tmp_path):
    whole = HistoryParts(tmp_path / "whole/history.csv", {"task": "t", "model": "m"})
    rows_of(whole, range(1, 3001))
    whole.write([0, 1])
    first = HistoryParts(tmp_path / "history.csv", {"task": "t", "model": "m"})
    rows_of(first, range(1, 1501))
    position = json.loads(json.dumps(first.position()))
    rows_of(first, range(1501, 2900))  # lost, as the process dies now
    for _ in range(2):  # two jobs go on from the same checkpoint, and do not disturb each other
        second = HistoryParts(tmp_path / "history.csv", {"task": "t", "model": "m"})
        second.resume(position)
        rows_of(first, range(2900, 2950))
        rows_of(second, range(1501, 3001))
        second.write([0, 1])
        assert (tmp_path / "history.csv").read_bytes() == whole.path.read_bytes()
    with whole.path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6000 and [rows[0]["seed"], rows[-1]["seed"]] == ["0", "1"]
    assert rows[2]["loss"] == repr(1 / 3)


def test_a_damaged_part_of_a_history_is_noticed(tmp_path):
    parts = HistoryParts(tmp_path / "history.csv", {})
    rows_of(parts, range(1, 100))
    position = parts.position()
    path = next(parts.folder.iterdir())
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6", 1))
    with pytest.raises(HistoryError, match=rf"{path}: has changed"):
        HistoryParts(tmp_path / "history.csv", {}).resume(position)
    with pytest.raises(HistoryError, match="has changed"):
        parts.write([0, 1])


def test_a_full_disk_keeps_the_rows_in_memory(tmp_path, monkeypatch):
    parts, opened = HistoryParts(tmp_path / "history.csv", {}), Path.open

    def refuse(self, mode="r", *rest, **others):
        if "parts" in str(self):
            raise OSError(28, "No space left on device")
        return opened(self, mode, *rest, **others)

    monkeypatch.setattr(Path, "open", refuse)
    rows_of(parts, range(1, 5000))
    with pytest.raises(OSError, match="No space"):
        parts.position()
    monkeypatch.setattr(Path, "open", opened)
    parts.write([0, 1])
    assert (tmp_path / "history.csv").read_bytes().count(b"\n") == 2 * 4999 + 1


def test_a_lost_history_starts_the_cell_anew(interrupted, undisturbed, capsys):
    shutil.rmtree(interrupted.folder / "history.parts")
    interrupted.train(Checkpoint(checkpoint_path(interrupted.folder)))
    assert interrupted.result() == undisturbed["one by one"].result()
    assert "trained from the beginning" in capsys.readouterr().out


def test_checkpoint_and_memory_do_not_grow_with_the_epochs(tmp_path, dataset):
    sizes = {}

    class Watch(Checkpoint):
        due = True

        def save(self, key, saved, history):
            super().save(key, saved, history)
            epochs = saved.trainer.facts["runs"]["runs"][0]["epochs"] if saved.trainer else 0
            rows = saved.trainer.facts["runs"]["runs"][0]["history"] if saved.trainer else []
            sizes[epochs] = self.path.stat().st_size, len(rows)

    # Too slow a rate to be solved.
    case = Case(tmp_path, dataset, **CASES["one by one"] | {"seeds": [0], "epochs": 40})
    training = replace(case.cell.training, learning_rate=1e-9, batch_size=300)
    case.cell = replace(case.cell, training=training)
    case.train(Watch(checkpoint_path(tmp_path)))
    assert sizes[39][1] == sizes[2][1] == 1
    assert sizes[39][0] < sizes[2][0] + 200
    remove_checkpoint(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("cell.json", "history.csv", "model.safetensors"),
    ]
