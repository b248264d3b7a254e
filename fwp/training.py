"""The training loop: Adam on the cross-entropy of every position.

After every epoch the sequence accuracy is measured on the validation strings of each bin; their
mean is the *selection* accuracy. Training stops when it reaches 100 % (`solved`) or when the epochs
are used up (`budget`), and the weights of the best epoch are kept. The paper does the same on the
sets that it reports; here they are separate strings.
"""

import csv
import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fwp import datasets, devices
from fwp.accuracy import sequence_accuracy
from fwp.batches import IGNORE, pad, shuffled
from fwp.datasets import Dataset
from fwp.files import atomic, write_json
from fwp.model import SequenceModel, build
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
    model: SequenceModel,
    dataset: Dataset,
    *,
    seed: int = 0,
    epochs: int = 30,
    batch_size: int = 64,
    learning_rate: float = 3e-3,
    betas: tuple[float, float] = (0.9, 0.995),
    eps: float = 1e-9,
    device: str = "cpu",
    on_epoch: Callable[[dict], None] | None = None,
) -> Run:
    """Train `model` in place and leave the best epoch's weights in it.

    Args:
        model: its initial weights are the caller's matter.
        dataset: strings to train on and to select by.
        seed: decides the order of the strings in every epoch, and nothing else.
        epochs: budget; an epoch shows every training string once.
        batch_size: strings per step.
        learning_rate: Adam's constant rate; β and ε default to the paper's. No clipping, no weight
            decay.
        betas: Adam's decay rates.
        eps: Adam's ε.
        device: "cpu" or "cuda".
        on_epoch: called with every row of the history.
    """
    began = time.perf_counter()
    model.to(device)
    # Adam's small updates can cost as much as a small model's step; one fused call does them all.
    optimiser = torch.optim.Adam(
        model.parameters(), lr=learning_rate, betas=tuple(betas), eps=eps, fused=True
    )
    run = Run(seed, weights=_copy(model))
    for epoch in range(1, epochs + 1):
        # A generator per epoch: its order does not depend on what was drawn before.
        order = shuffled(dataset.train, batch_size, np.random.default_rng([seed, epoch]))
        loss = _train_epoch(model, optimiser, dataset.train, order, device)
        diverged = not math.isfinite(loss)
        accuracy = {
            f"accuracy {split.bin}": 0.0
            if diverged
            else sequence_accuracy(model, split, device=device)
            for split in dataset.validation
        }
        row = {
            "epoch": epoch,
            "strings": epoch * len(dataset.train),
            "seconds": time.perf_counter() - began,
            "loss": loss,
            **accuracy,
            "selection": sum(accuracy.values()) / len(accuracy),
        }
        run.history.append(row)
        if row["selection"] > run.selection:
            run.best_epoch, run.selection, run.weights = epoch, row["selection"], _copy(model)
        if on_epoch is not None:
            on_epoch(row)
        if diverged or row["selection"] == 1:
            run.status = "diverged" if diverged else "solved"
            break
    model.load_state_dict(run.weights)
    run.seconds = time.perf_counter() - began
    return run


def _train_epoch(model, optimiser, split, order, device) -> float:
    """One pass over the strings; returns the mean loss per symbol in nats."""
    model.train()
    total, symbols = torch.zeros((), dtype=torch.float64, device=device), 0
    for chosen in order:
        tokens, targets = (torch.from_numpy(a).to(device).long() for a in pad(split, chosen))
        logits, _ = model(tokens)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        count = int(split.lengths[chosen].sum())
        total += loss.detach() * count
        symbols += count
    return float(total) / symbols


def _copy(model) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}


class Observer(Protocol):
    """Whoever wants to follow a cell's training, such as `fwp.progress.Progress`."""

    def start(self, seed: int, total: int) -> None:
        """A seed begins; it has `total` epochs at most."""

    def update(self, seed: int, **facts) -> None:
        """An epoch is over: epoch, loss, selection, accuracy by bin."""

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
        observer: is told of every epoch.
    """
    device = devices.pick(device)
    data = datasets.load(dataset)
    settings = dict(cell["training"])
    dtype = settings.pop("dtype")
    runs = []
    for seed in seeds:
        model = build(cell["model"], data, seed=seed, dtype=dtype)

        def report(row, seed=seed):
            if observer is not None:
                accuracy = {k[9:]: v for k, v in row.items() if k.startswith("accuracy ")}
                facts = {k: row[k] for k in ("epoch", "loss", "selection")}
                observer.update(seed, **facts, accuracy=accuracy)

        if observer is not None:
            observer.start(seed, settings["epochs"])
        run = train(model, data, seed=seed, device=device, on_epoch=report, **settings)
        if observer is not None:
            observer.finish(seed, run.status)
        runs.append(run)

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
            "parameters": model.parameter_count,
            "runs": [{fact: getattr(run, fact) for fact in facts} for run in runs],
            "versions": {"python": platform.python_version()}
            | {name: metadata.version(name) for name in ("torch", "numpy")},
            "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
            "seconds": sum(run.seconds for run in runs),
        },
    )
    return runs
