"""The training loop: Adam on the cross-entropy of every position.

After every epoch the sequence accuracy is measured on the validation strings of each bin; their
mean is the *selection* accuracy. Training stops when it reaches 100 % (`solved`) or when the epochs
are used up (`budget`), and the weights of the best epoch are kept. The paper does the same on the
sets that it reports; here they are separate strings.
"""

import csv
import functools
import math
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from fwp import datasets, devices, graphs
from fwp.accuracy import Exam
from fwp.batches import Strings
from fwp.datasets import Dataset
from fwp.files import atomic, write_json
from fwp.learner import Learner
from fwp.model import SequenceModel, build
from fwp.packs import Pack
from fwp.weights import write_weights


@dataclass
class Run:
    """What one training run left behind.

    Attributes:
        seed: the seed of the data order (and, in a cell, of the initial weights).
        status: "solved" (100 % of the validation strings), "budget" (epochs used up) or "diverged"
            (the loss was no longer a finite number; the weights are the best before that).
        history: one row per epoch: epoch, strings, seconds, loss, one accuracy per validation bin,
            selection.
        best_epoch: the epoch that the weights are from; 0 = the initial ones.
        selection: mean accuracy on the validation bins in that epoch.
        weights: parameters of the best epoch.
        seconds: wall time.
    """

    seed: int
    status: str = "budget"
    history: list[dict] = field(default_factory=list)
    best_epoch: int = 0
    selection: float = 0.0
    weights: dict[str, Tensor] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def epochs(self) -> int:
        """Epochs that were run."""
        return len(self.history)


@devices.flushing_denormals()
def train(
    models: Sequence[SequenceModel],
    dataset: Dataset,
    *,
    seeds: Sequence[int],
    epochs: int = 30,
    batch_size: int = 64,
    learning_rate: float = 3e-3,
    schedule: str = "constant",
    betas: tuple[float, float] = (0.9, 0.995),
    eps: float = 1e-9,
    device: str = "cpu",
    on_epoch: Callable[[Run, dict], None] | None = None,
) -> list[Run]:
    """Train models of one shape as one pack and leave the best epoch's weights in them.

    Each run is what it would be alone, up to rounding.

    Args:
        models: their initial weights are the caller's matter.
        dataset: strings to train on and to select by.
        seeds: of each model, the seed that decides the order of the strings, and nothing else.
        epochs: budget; an epoch shows every training string once.
        batch_size: strings per step.
        learning_rate: Adam's rate; β and ε default to the paper's. No clipping, no weight decay.
        schedule: "constant", or "cosine": down to zero at the end of the budget.
        betas: Adam's decay rates.
        eps: Adam's ε.
        device: "cpu" or "cuda".
        on_epoch: called with the run and every new row of its history.
    """
    began = time.perf_counter()
    with graphs.stream(device):
        pack = Pack([model.to(device) for model in models])
        strings = Strings.of(dataset.train, device)
        learner = Learner(
            pack,
            strings,
            [Exam(split, device=device, models=pack.size) for split in dataset.validation],
            learning_rate=learning_rate,
            betas=betas,
            eps=eps,
            schedule=schedule,
            steps=epochs * -(-len(strings) // batch_size),
        )
        runs = [Run(seed, weights=pack.state_dict(i)) for i, seed in enumerate(seeds)]
        active = list(runs)
        for epoch in range(1, epochs + 1):
            losses = learner.epoch([strings.epoch(batch_size, r.seed, epoch) for r in active])
            accuracies = learner.accuracies()
            for i, run in enumerate(active):
                row = _row(epoch, len(strings), losses[i], accuracies[i], dataset.validation)
                row["seconds"] = run.seconds = time.perf_counter() - began
                _record(run, row, functools.partial(pack.state_dict, i))
                if on_epoch is not None:
                    on_epoch(run, row)
            going = [i for i, run in enumerate(active) if run.status == "budget"]
            if not going:
                break
            if len(going) < len(active):
                active = [active[i] for i in going]
                learner.keep(going)
    for model, run in zip(models, runs, strict=True):
        run.weights = {name: tensor.cpu() for name, tensor in run.weights.items()}
        model.load_state_dict(run.weights)
    return runs


def _row(epoch: int, strings: int, loss: float, accuracies, validation) -> dict:
    diverged = not math.isfinite(loss)
    bins = {
        f"accuracy {split.bin}": 0.0 if diverged else float(accuracy)
        for split, accuracy in zip(validation, accuracies, strict=True)
    }
    return {
        "epoch": epoch,
        "strings": epoch * strings,
        "seconds": 0.0,
        "loss": float(loss),
        **bins,
        "selection": sum(bins.values()) / len(bins),
    }


def _record(run: Run, row: dict, weights: Callable[[], dict[str, Tensor]]) -> None:
    run.history.append(row)
    if row["selection"] > run.selection:
        run.best_epoch, run.selection, run.weights = row["epoch"], row["selection"], weights()
    if not math.isfinite(row["loss"]):
        run.status = "diverged"
    elif row["selection"] == 1:
        run.status = "solved"


def _tell(observer: "Observer | None", run: Run, row: dict) -> None:
    if observer is None:
        return
    accuracy = {k[9:]: v for k, v in row.items() if k.startswith("accuracy ")}
    facts = {k: row[k] for k in ("epoch", "loss", "selection")}
    observer.update(run.seed, **facts, accuracy=accuracy)
    if run.status != "budget":
        observer.finish(run.seed, run.status)


class Observer(Protocol):
    """Whoever wants to follow a cell's training, such as `fwp.progress.Progress`."""

    def start(self, seeds: Sequence[int], total: int) -> None:
        """Seeds begin, to be trained together; each has `total` epochs at most."""

    def update(self, seed: int, **facts) -> None:
        """An epoch of a seed is over: epoch, loss, selection, accuracy by bin."""

    def finish(self, seed: int, status: str) -> None:
        """A seed is over."""


def train_cell(
    cell: dict,
    seeds: list[int],
    *,
    dataset: str | Path,
    weights: str | Path,
    history: str | Path,
    record: str | Path,
    device: str = "auto",
    pack: int | None = None,
    observer: Observer | None = None,
) -> list[Run]:
    """Train a cell once per seed and write its weights, history and record.

    Args:
        cell: the resolved cell (see `fwp.experiment`).
        seeds: each decides the initial weights and the data order of one run, and nothing else.
        dataset: the task's dataset file.
        weights: where the best weights of all seeds go (safetensors).
        history: where the history goes (CSV, one row per seed × epoch).
        record: where the record goes (JSON).
        device: auto, cpu or cuda.
        pack: how many seeds are trained at a time; None for all on a GPU, one on a CPU.
        observer: is told of every epoch.
    """
    began = time.perf_counter()
    device = devices.pick(device)
    data = datasets.load(dataset)
    settings = dict(cell["training"])
    dtype = settings.pop("dtype")
    pack = pack or (len(seeds) if device == "cuda" else 1)
    runs = []
    for begin in range(0, len(seeds), pack):
        chosen = seeds[begin : begin + pack]
        models = [build(cell["model"], data, seed=seed, dtype=dtype) for seed in chosen]
        if observer is not None:
            observer.start(chosen, settings["epochs"])
        tell = functools.partial(_tell, observer)
        with devices.explaining_memory(len(chosen)):
            done = train(models, data, seeds=chosen, device=device, on_epoch=tell, **settings)
        for run in done:
            if observer is not None and run.status == "budget":
                observer.finish(run.seed, run.status)
        runs += done

    names = {"task": cell["task"]["name"], "model": cell["model"]["name"]}
    write_weights(weights, {run.seed: run.weights for run in runs})
    rows = [names | {"seed": run.seed} | row for run in runs for row in run.history]
    with atomic(history) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    facts = ("seed", "status", "epochs", "best_epoch", "selection", "seconds")
    write_json(
        record,
        names
        | {
            "seeds": list(seeds),
            "config": cell,
            "dataset": data.hash,
            "parameters": models[0].parameter_count,
            "runs": [{fact: getattr(run, fact) for fact in facts} for run in runs],
            "versions": {"python": platform.python_version()}
            | {name: metadata.version(name) for name in ("torch", "numpy")},
            "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
            "pack": pack,
            "seconds": time.perf_counter() - began,
        },
    )
    return runs
