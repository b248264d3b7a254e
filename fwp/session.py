"""A pack in training: epochs of Adam, measured after each, that can be stopped between two steps.

After every epoch the sequence accuracy is measured on the validation strings of each bin; their
mean is the *selection* accuracy. Training stops when it reaches 100 % (`solved`) or when the epochs
are used up (`budget`), and the weights of the best epoch are kept. The paper does the same on the
sets that it reports; here they are separate strings.
"""

import contextlib
import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

from torch import Tensor

from fwp import devices, graphs, interrupts, rtrl
from fwp.accuracy import Exam
from fwp.batches import Batch, Strings
from fwp.curriculum import shown
from fwp.datasets import Dataset
from fwp.learner import Learner
from fwp.model import SequenceModel
from fwp.packs import Pack


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


class State(NamedTuple):
    """All that is needed to go on: `facts`, ready for JSON, and `tensors` by name, on the CPU."""

    facts: dict
    tensors: dict[str, Tensor]

    @classmethod
    def of(cls, **parts: "State") -> "State":
        """Several states as one."""
        tensors = {f"{n}/{k}": x for n, part in parts.items() for k, x in part.tensors.items()}
        return cls({name: part.facts for name, part in parts.items()}, tensors)

    def part(self, name: str) -> "State":
        """One of the states that `of` joined."""
        prefix = f"{name}/"
        own = {k.removeprefix(prefix): x for k, x in self.tensors.items() if k.startswith(prefix)}
        return State(self.facts[name], own)


def runs_to_state(runs: Sequence[Run]) -> State:
    """Runs as a state."""
    facts = [{k: v for k, v in asdict(run).items() if k != "weights"} for run in runs]
    parts = {str(run.seed): State({}, run.weights) for run in runs}
    return State({"runs": facts}, {k: x.cpu() for k, x in State.of(**parts).tensors.items()})


def runs_from_state(state: State) -> list[Run]:
    """The runs that `runs_to_state` was given."""
    runs = [Run(**facts) for facts in state.facts["runs"]]
    weights = State({str(run.seed): {} for run in runs}, state.tensors)
    for run in runs:
        run.weights = weights.part(str(run.seed)).tensors
    return runs


@dataclass
class Saved:
    """How far the training of a cell is.

    Attributes:
        seconds: wall time so far.
        runs: those that are over.
        session: the state of the session at work, if there is one.
    """

    seconds: float = 0.0
    runs: list[Run] = field(default_factory=list)
    session: State | None = None


class Session:
    """Models of one shape in training as one pack.

    Each run is what it would be alone, up to rounding.

    Args:
        models: their initial weights are the caller's matter.
        dataset: strings to train on and to select by.
        seeds: of each model, the seed that decides the order of the strings, and nothing else.
        epochs: budget; an epoch shows every training string once.
        batch_size: strings per step.
        learning_rate: Adam's rate; all else of the optimiser defaults to the paper's.
        schedule: "constant", or "cosine": down to zero at the end of the budget.
        warmup: share of the budget in which the rate first rises, from zero.
        curriculum: share of the budget in which strings are cut short (see `fwp.curriculum`).
        gradient: "bptt", or "rtrl", the same without going back in time (see `fwp.rtrl`).
        betas: Adam's decay rates.
        eps: Adam's ε.
        weight_decay: AdamW's: every step takes rate × weight_decay of each weight from it.
        clip: largest norm of the gradient; None for no bound.
        device: "cpu" or "cuda".
        state: where a session that was given the same arguments goes on.

    Attributes:
        runs: one per model.
        active: the places of those that the pack still holds.
        epoch: the one that is going on.
    """

    def __init__(
        self,
        models: Sequence[SequenceModel],
        dataset: Dataset,
        *,
        seeds: Sequence[int],
        epochs: int = 30,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        schedule: str = "constant",
        warmup: float = 0.0,
        curriculum: float = 0.0,
        gradient: str = "bptt",
        betas: tuple[float, float] = (0.9, 0.995),
        eps: float = 1e-9,
        weight_decay: float = 0.0,
        clip: float | None = None,
        device: str = "cpu",
        state: State | None = None,
    ):
        if gradient == "rtrl":
            rtrl.check(models[0])
        self.began = time.perf_counter()
        self.models, self.dataset = models, dataset
        self.epochs, self.batch_size, self.curriculum = epochs, batch_size, curriculum
        self.epoch, self.active = 1, list(range(len(models)))
        self._stream = graphs.stream(device)
        with self._stream:
            self.pack = Pack([model.to(device) for model in models])
            self.runs = [Run(seed, weights=self.pack.state_dict(i)) for i, seed in enumerate(seeds)]
            self.strings = Strings.of(dataset.train, device)
            if state is not None:
                self._resume(state)
            self.learner = Learner(
                self.pack,
                self.strings,
                [Exam(split, device=device, models=len(models)) for split in dataset.validation],
                learning_rate=learning_rate,
                betas=betas,
                eps=eps,
                weight_decay=weight_decay,
                clip=clip,
                schedule=schedule,
                warmup=warmup,
                gradient=gradient,
                steps=epochs * -(-len(self.strings) // batch_size),
            )
            if state is not None:
                self.learner.restore(state.part("learner").tensors, **state.facts["learner"])
            # The step that the epoch began with.
            self._first = self.learner.step - (state.facts["position"]["done"] if state else 0)

    @property
    def over(self) -> bool:
        """Whether there is nothing left to train."""
        ended = all(self.runs[i].status != "budget" for i in self.active)
        return ended or self.epoch > self.epochs

    def state(self) -> State:
        """Where the session stands; to be asked for between two steps."""
        seconds = time.perf_counter() - self.began
        position = {"epoch": self.epoch, "done": self._done, "active": self.active}
        learner = self.learner.state()  # first: it waits for all that the GPU has to do
        return State.of(
            position=State(position | {"seconds": seconds}, {}),
            runs=runs_to_state(self.runs),
            learner=State({"step": self.learner.step}, learner),
        )

    @property
    def _done(self) -> int:
        """Steps of the epoch that are over."""
        return self.learner.step - self._first

    def _resume(self, state: State) -> None:
        position = state.facts["position"]
        self.epoch, self.active = position["epoch"], position["active"]
        self.began -= position["seconds"]
        self.runs = runs_from_state(state.part("runs"))
        if len(self.active) < self.pack.size:
            self.pack.keep(self.active)

    @devices.flushing_denormals()
    def run(
        self,
        on_epoch: Callable[[Run, dict], None] | None = None,
        on_step: Callable[[], None] | None = None,
    ) -> list[Run]:
        """Train to the end and leave the best epoch's weights in the models.

        Args:
            on_epoch: called with the run and every new row of its history.
            on_step: called after every step.
        """
        with self._stream:
            while not self.over:
                losses = self.learner.epoch(self._batches(), begin=self._done, on_step=on_step)
                # A graph that is being captured must not be left.
                on_gpu = self.learner.on_gpu
                with interrupts.held() if on_gpu else contextlib.nullcontext():
                    accuracies = self.learner.accuracies()
                with interrupts.held():
                    self._end_epoch(losses, accuracies, on_epoch)
            # On the stream that copied the best epoch's weights: another would not wait for it.
            for model, run in zip(self.models, self.runs, strict=True):
                run.weights = {name: tensor.cpu() for name, tensor in run.weights.items()}
                model.load_state_dict(run.weights)
        return self.runs

    def _batches(self) -> list[list[Batch]]:
        """The epoch's, for each of the pack's models."""
        strings = shown(self.strings, self.epoch, epochs=self.epochs, share=self.curriculum)
        seeds = [self.runs[i].seed for i in self.active]
        return [strings.epoch(self.batch_size, seed, self.epoch) for seed in seeds]

    def _end_epoch(self, losses, accuracies, on_epoch) -> None:
        for i, run in enumerate(self.runs[k] for k in self.active):
            row = self._row(losses[i], accuracies[i])
            row["seconds"] = run.seconds = time.perf_counter() - self.began
            _record(run, row, functools.partial(self.pack.state_dict, i))
            if on_epoch is not None:
                on_epoch(run, row)
        going = [i for i, k in enumerate(self.active) if self.runs[k].status == "budget"]
        if 0 < len(going) < len(self.active):
            self.learner.keep(going)
            self.active = [self.active[i] for i in going]
        self.epoch += 1
        self._first = self.learner.step

    def _row(self, loss: float, accuracies) -> dict:
        diverged = not math.isfinite(loss)
        bins = {
            f"accuracy {split.bin}": 0.0 if diverged else float(accuracy)
            for split, accuracy in zip(self.dataset.validation, accuracies, strict=True)
        }
        return {
            "epoch": self.epoch,
            "strings": self.epoch * len(self.strings),
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
