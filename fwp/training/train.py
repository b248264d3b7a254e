"""Training: of models by themselves, and of a cell with its files.

Adam on the cross-entropy of every position; `fwp.training.trainer` has the loop.
"""

import platform
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from importlib import metadata
from pathlib import Path
from typing import Protocol

import torch

from fwp.datasets.spec import DatasetSpec
from fwp.experiment.cell import Cell
from fwp.models.sequence_model import SequenceModel, build_model
from fwp.models.weights import read_weights, write_weights
from fwp.results.integrity import check_file, read_sealed, write_sealed
from fwp.training import machine
from fwp.training.history import HistoryParts
from fwp.training.kind import Data, load_kind
from fwp.training.pack_settings import Settings
from fwp.training.run import Run
from fwp.training.state import TrainState
from fwp.training.trainer import Trainer
from fwp.utils import devices, signals
from fwp.utils.bins import bin_of_column


def train(
    models: Sequence[SequenceModel],
    dataset: Data,
    settings: Settings,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    on_epoch: Callable[[Run, dict], None] | None = None,
) -> list[Run]:
    """Train models of one shape as one pack and leave the best epoch's weights in them.

    Args:
        models: their initial weights are the caller's matter.
        dataset: strings to train on and to select by.
        settings: budget and optimiser, of all models or of each (`fwp.training.pack_settings`).
        seeds: of each model, the seed that decides the order of the strings, and nothing else.
        device: "cpu" or "cuda".
        on_epoch: called with the run and every new row of its history.
    """
    return Trainer(models, dataset, settings, seeds=seeds, device=device).run(on_epoch)


class Callback(Protocol):
    """Whoever wants to follow a cell's training, such as `fwp.status.progress.Progress`."""

    def start(self, seeds: Sequence[int], total: int) -> None:
        """Seeds begin, to be trained together; each has `total` epochs at most."""

    def update(self, seed: int, **facts) -> None:
        """A seed has been measured: epochs that are over, loss, selection, accuracy by bin.

        And the strings and seconds so far, and the epochs that have `passed`, with their fraction.
        """

    def finish(self, seed: int, status: str) -> None:
        """A seed is over."""


class Checkpointer(Protocol):
    """Whoever keeps the state of training, such as `fwp.training.checkpoint.Checkpoint`."""

    @property
    def due(self) -> bool:
        """Whether it is time to save."""
        ...

    def load(self, key: dict) -> TrainState | None:
        """What was saved under an equal key, if anything."""

    def save(self, key: dict, saved: TrainState, history: Callable[[], dict]) -> None:
        """Keep the state; `key` holds everything that it depends on, ready for JSON.

        `history` puts the history on disk and returns how far it goes.
        """


def train_cell(
    cell: Cell,
    seeds: Sequence[int],
    *,
    dataset: str | Path,
    weights: str | Path,
    history: str | Path,
    record: str | Path,
    spec: DatasetSpec | None = None,
    device: str = "auto",
    pack: int | None = None,
    callback: Callback | None = None,
    checkpoint: Checkpointer | None = None,
) -> list[Run]:
    """Train a cell once per seed and write its weights, history and record.

    Args:
        cell: model, task and settings.
        seeds: each decides the initial weights and the data order of one run, and nothing else.
        dataset: the task's dataset file.
        weights: where the best weights of all seeds go (safetensors).
        history: where the history goes (CSV, one row per seed × measurement).
        record: where the record goes (JSON), into the same folder as weights and history.
        spec: what the strings must have been drawn from.
        device: auto, cpu or cuda.
        pack: how many seeds are trained at a time; None for all on a GPU, one on a CPU.
        callback: is told of every epoch.
        checkpoint: where to go on from, and what the state is saved by; at SIGTERM and SIGINT too.
            On a CPU a resumed cell has the same weights, bit by bit, as an undisturbed one.
    """
    began = time.perf_counter()
    device = devices.pick(device)
    kind = load_kind(cell.task)
    data = kind.load(dataset, cell.task, spec)
    pack = pack or (len(seeds) if device == "cuda" else 1)
    key = cell.as_dict() | {"seeds": list(seeds), "dataset": data.hash, "device": device}
    key |= {"pack": pack, "torch": torch.__version__}
    saved = (None if checkpoint is None else checkpoint.load(key)) or TrainState()
    rows = HistoryParts(history, cell.names)
    if saved.history:
        try:
            rows.resume(saved.history)
        except (OSError, ValueError) as error:
            print(f"{error}: the cell is trained from the beginning")
            saved = TrainState()
    began -= saved.seconds
    trainer = None

    def tell(run: Run, row: dict) -> None:
        rows.append(run.seed, row)
        del run.history[:-1]
        _tell(callback, run, row, len(trainer.strings) if trainer else 1)

    def save(checkpoint: Checkpointer) -> None:
        with signals.deferred():
            saved.seconds = time.perf_counter() - began
            saved.trainer = saved.trainer if trainer is None else trainer.state()
            checkpoint.save(key, saved, rows.position)

    def save_if_due() -> None:
        if checkpoint is not None and checkpoint.due:
            save(checkpoint)

    with nullcontext() if checkpoint is None else signals.raising():
        try:
            for begin in range(len(saved.runs), len(seeds), pack):
                chosen = seeds[begin : begin + pack]
                with devices.explaining_memory(len(chosen)):
                    models = [
                        build_model(cell.model, data, seed=seed, dtype=cell.training.dtype)
                        for seed in chosen
                    ]
                    trainer = Trainer(
                        models,
                        data,
                        cell.training,
                        seeds=chosen,
                        device=device,
                        state=saved.trainer,
                    )
                    _begin(callback, trainer)
                    trainer.run(tell, save_if_due)
                _end(callback, trainer)
                with signals.deferred():
                    saved.runs += trainer.runs
                    trainer = saved.trainer = None
                save_if_due()
        except KeyboardInterrupt:
            if checkpoint is not None:
                save(checkpoint)
            raise
        with signals.deferred():
            write_weights(weights, {run.seed: run.weights for run in saved.runs})
            rows.write([run.seed for run in saved.runs])
            if checkpoint is None:
                shutil.rmtree(rows.folder, ignore_errors=True)
            _write_record(
                record,
                cell,
                saved.runs,
                files=(weights, history),
                dataset=data.hash,
                parameters=build_model(cell.model, data, seed=0, dtype="float32").parameter_count,
                device=torch.cuda.get_device_name() if device == "cuda" else "cpu",
                machine=machine.describe(device),
                pack=pack,
                seconds=time.perf_counter() - began,
            )
    return saved.runs


def is_trained(cell: Cell, seeds: Sequence[int], *, dataset, weights, history, record) -> bool:
    """Whether the files are there that `train_cell` would write, given the same arguments."""
    try:
        found = read_sealed(record)
        for file in (weights, history):
            check_file(file, found, record)
        for seed in seeds:
            read_weights(weights, seed)
        return (found["config"], found["seeds"], found["dataset"]) == (
            cell.as_dict(),
            list(seeds),
            load_kind(cell.task).load(dataset).hash,
        )
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _begin(callback: Callback | None, trainer: Trainer) -> None:
    if callback is None:
        return
    callback.start([run.seed for run in trainer.runs], trainer.epochs)
    for run in trainer.runs:  # a resumed trainer has rows already
        for row in run.history[-1:]:
            _tell(callback, run, row, len(trainer.strings))


def _tell(callback: Callback | None, run: Run, row: dict, strings: int) -> None:
    """Tell of a row, `strings` being an epoch."""
    if callback is None:
        return
    accuracy = {str(bin): row[key] for key in row if (bin := bin_of_column(key))}
    facts = {k: row[k] for k in ("loss", "selection", "strings", "seconds")}
    facts |= {"passed": row["strings"] / strings, "accuracy": accuracy}
    callback.update(run.seed, epoch=row["strings"] // strings, **facts)
    if run.status != "budget":
        callback.finish(run.seed, run.status)


def _end(callback: Callback | None, trainer: Trainer) -> None:
    for run in trainer.runs:
        if callback is not None and run.status == "budget":
            callback.finish(run.seed, run.status)


def _write_record(path: str | Path, cell: Cell, runs: list[Run], *, files, **facts) -> None:
    of_run = ("seed", "status", "epochs", "best_epoch", "selection", "seconds")
    write_sealed(
        path,
        cell.names
        | {
            "seeds": [run.seed for run in runs],
            "config": cell.as_dict(),
            "runs": [{fact: getattr(run, fact) for fact in of_run} for run in runs],
            "versions": {"python": platform.python_version()}
            | {name: metadata.version(name) for name in ("torch", "numpy")},
        }
        | facts,
        files,
    )
