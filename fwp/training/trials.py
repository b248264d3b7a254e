"""Trials of a search: settings that are trained to see how well they do on validation strings.

A *trial* is one point of the space, trained with seeds of its own. Runs whose models are one
program are trained as one pack, each with its own rate, schedule, clipping and so on.

*Successive halving* (Jamieson & Talwalkar 2016): after some epochs only the best part of the trials
goes on, several times over. All trials of a batch are compared at once, so that the outcome does
not depend on which of them ends first.

What is finished is kept in a file by the hash of settings, seed and strings. So further trials, and
a search that was killed, compute only what is missing.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from fwp.datasets.dataset import Dataset
from fwp.experiment.cell import Cell
from fwp.models.pack import same_program
from fwp.models.sequence_model import build_model
from fwp.results.integrity import MissingFile, ResultsError, read_sealed, write_sealed
from fwp.training.checkpoint import Checkpoint
from fwp.training.pack_settings import shared
from fwp.training.run import Run
from fwp.training.state import TrainState
from fwp.training.trainer import Trainer
from fwp.utils import devices, signals
from fwp.utils.bins import accuracy_column

MEMBERS = 32
"""Runs of a pack on a GPU, at most."""


@dataclass(frozen=True)
class Trial:
    """One point of the space.

    Attributes:
        number: of the trial, from 0.
        settings: those that are searched, by dotted key.
        cell: with these settings.
        seeds: one per run.
    """

    number: int
    settings: Mapping[str, Any]
    cell: Cell
    seeds: tuple[int, ...]


@dataclass
class TrialRun:
    """How a trial did with one seed.

    Attributes:
        status: solved, budget or diverged, as of a `Run`; pruned if successive halving ended it.
        epochs: how many were run.
        best_epoch, selection: the best epoch and its mean accuracy on the validation bins.
        accuracy: on each validation bin in the best epoch, by column of the history.
        inductive: accuracy on the longest bin in the epoch that is best on the shortest.
        expressive: highest accuracy on the longest bin in any epoch.
        loss: of the last epoch, in nats; None if it was no finite number.
        seconds: wall time of the pack, divided by its runs.
        curve: highest selection accuracy until the end of each epoch.
    """

    status: str
    epochs: int
    best_epoch: int
    selection: float
    accuracy: dict[str, float]
    inductive: float
    expressive: float
    loss: float | None
    seconds: float
    curve: list[float] = field(default_factory=list)

    def reached(self, epoch: int) -> bool:
        """Whether nothing is left to train until the end of an epoch."""
        return self.status in ("solved", "diverged") or self.epochs >= epoch

    def best(self, epoch: int) -> float:
        """Highest selection accuracy until the end of an epoch."""
        return max(self.curve[:epoch], default=0.0)


class Finished:
    """The finished runs of a search, in a file.

    Args:
        path: of the file; one that is damaged counts as none, with a line that says so.

    Attributes:
        runs: by the hash of what decides them.
        paused: the runs of each pack that may go on, by the name of its checkpoint.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.runs: dict[str, TrialRun] = {}
        self.paused: dict[str, list[str]] = {}
        try:
            record = read_sealed(self.path)
            self.runs = {key: TrialRun(**run) for key, run in record["runs"].items()}
            self.paused = record["paused"]
        except MissingFile:
            return
        except (ResultsError, LookupError, TypeError, AttributeError) as error:
            print(f"{error}: the search begins again")

    def write(self) -> None:
        """Put all on disk."""
        runs = {key: asdict(run) for key, run in self.runs.items()}
        write_sealed(self.path, {"runs": runs, "paused": self.paused})

    def reached(self, key: str, epoch: int) -> bool:
        """Whether a run needs no more training until the end of an epoch."""
        return key in self.runs and self.runs[key].reached(epoch)

    def pack_of(self, keys: Sequence[str]) -> str | None:
        """The checkpoint of a pack that holds all these runs."""
        return next((name for name, own in self.paused.items() if set(keys) <= set(own)), None)


class Member:
    """A trial with one of its seeds: a run of a pack."""

    def __init__(self, trial: Trial, seed: int, dataset: str):
        self.trial, self.seed, self.cell = trial, seed, trial.cell
        model = {k: v for k, v in self.cell.model.as_dict().items() if k != "name"}
        # Training is the same until any epoch, but for a schedule.
        decides = [model, self.cell.training.as_dict(), dict(self.cell.code), seed, dataset]
        text = json.dumps(decides, sort_keys=True)
        self.key = hashlib.sha256(text.encode()).hexdigest()[:24]


class Trials:
    """Trains trials, and remembers which are finished.

    Args:
        dataset: strings to train on and to select by.
        folder: where finished runs and checkpoints are kept.
        halving: {"factor", "epochs"}, or None.
        device: cpu or cuda.
        pack: runs of a pack, at most; None for `MEMBERS` on a GPU, one on a CPU.
        tell: is given a line for people about every pack that ends.
    """

    def __init__(
        self,
        dataset: Dataset,
        folder: str | Path,
        *,
        halving: Mapping[str, int] | None = None,
        device: str = "cpu",
        pack: int | None = None,
        tell: Callable[[str], None] = print,
    ):
        self.dataset, self.folder, self.halving = dataset, Path(folder), halving
        self.device, self.tell = device, tell
        self.size = pack or (MEMBERS if device == "cuda" else 1)
        self.finished = Finished(self.folder / "finished.json")
        self._pruned: set[int] = set()
        self._members: dict[str, Member] = {}

    def run(self, trials: Sequence[Trial]) -> None:
        """Train trials, all to the end or, with halving, the best of them."""
        members = [
            Member(trial, seed, self.dataset.hash) for trial in trials for seed in trial.seeds
        ]
        self._members |= {member.key: member for member in members}
        going = {trial.number for trial in trials}
        for epoch, last in self._stops(max((m.cell.training.epochs for m in members), default=0)):
            self._train([m for m in members if m.trial.number in going], epoch)
            if not last:
                kept = self._best([trial for trial in trials if trial.number in going], epoch)
                self.tell(f"after epoch {epoch}: trials {_numbers(kept)} go on")
                going = set(kept)
        self._pruned |= {trial.number for trial in trials} - going

    def runs(self, trial: Trial) -> list[TrialRun]:
        """How a trial did that `run` was given, by seed."""
        found = []
        for seed in trial.seeds:
            run = self.finished.runs[Member(trial, seed, self.dataset.hash).key]
            ended = run.status in ("solved", "diverged")
            pruned = trial.number in self._pruned and not ended
            found.append(replace(run, status="pruned") if pruned else run)
        return found

    def accuracy(self, trial: Trial) -> float:
        """The mean selection accuracy of a trial."""
        return _mean(run.selection for run in self.runs(trial))

    def clean(self) -> None:
        """Remove checkpoints: no pack will go on."""
        for path in self.folder.glob("pack-*.safetensors"):
            path.unlink(missing_ok=True)
        self.finished.paused.clear()
        self.finished.write()

    def _stops(self, epochs: int) -> Iterator[tuple[int, bool]]:
        """The epochs after which trials are compared, and the last; and whether it is the last."""
        stop = self.halving["epochs"] if self.halving else epochs
        while stop < epochs:
            yield stop, False
            stop *= self.halving["factor"] if self.halving else 1
        yield epochs, True

    def _best(self, trials: Sequence[Trial], epoch: int) -> list[int]:
        """The part of the trials that goes on after an epoch; of equal ones the first."""
        factor = self.halving["factor"] if self.halving else 1
        scores = {
            trial.number: _mean(
                self.finished.runs[Member(trial, seed, self.dataset.hash).key].best(epoch)
                for seed in trial.seeds
            )
            for trial in trials
        }
        ranked = sorted(scores, key=lambda number: (-scores[number], number))
        return sorted(ranked[: -(-len(ranked) // factor)])

    def _train(self, members: Sequence[Member], epoch: int) -> None:
        for pack in self._packs(members):
            todo = [m for m in pack if not self.finished.reached(m.key, self._until(m, epoch))]
            if todo:
                with devices.explaining_memory(len(todo)):
                    self._train_pack(todo, self._until(todo[0], epoch))

    @staticmethod
    def _until(member: Member, epoch: int) -> int:
        return min(epoch, member.cell.training.epochs)

    def _packs(self, members: Sequence[Member]) -> Iterator[list[Member]]:
        """Members that can be trained together, at most `size` each."""
        groups: list[list[Member]] = []
        for member in members:
            for group in groups:
                first = group[0].cell
                alike = same_program(first.model, member.cell.model)
                if alike and shared(first.training) == shared(member.cell.training):
                    group.append(member)
                    break
            else:
                groups.append([member])
        for group in groups:
            for begin in range(0, len(group), self.size):
                yield group[begin : begin + self.size]

    def _train_pack(self, todo: Sequence[Member], until: int) -> None:
        keys = [member.key for member in todo]
        name = self.finished.pack_of(keys) or f"pack-{keys[0]}.safetensors"
        checkpoint = Checkpoint(self.folder / name)
        held = self.finished.paused.get(name, keys)
        decides = {"device": self.device, "torch": torch.__version__}
        saved = None
        if all(key in self._members for key in held):
            saved = checkpoint.load(decides | {"runs": held})
        if saved is None:
            held = keys
        decides |= {"runs": held}
        self.finished.paused[name] = held
        members = [self._members[key] for key in held]
        trainer = Trainer(
            [
                build_model(m.cell.model, self.dataset, seed=m.seed, dtype=m.cell.training.dtype)
                for m in members
            ],
            self.dataset,
            [m.cell.training for m in members],
            seeds=[m.seed for m in members],
            device=self.device,
            state=None if saved is None else saved.trainer,
        )
        trainer.drop([i for i, key in enumerate(held) if key not in keys])

        def save() -> None:
            with signals.deferred():
                self.finished.write()
                checkpoint.save(decides, TrainState(trainer=trainer.state()))

        try:
            trainer.run(on_step=lambda: save() if checkpoint.due else None, until=until)
        except KeyboardInterrupt:
            save()
            raise
        with signals.deferred():
            for member, run in zip(members, trainer.runs, strict=True):
                if member.key in keys:
                    self.finished.runs[member.key] = self._outcome(run, len(todo))
            if trainer.over:
                del self.finished.paused[name]
                checkpoint.path.unlink(missing_ok=True)
                self.finished.write()
            else:
                save()
        self._say(todo)

    def _outcome(self, run: Run, size: int) -> TrialRun:
        columns = [accuracy_column(split.bin) for split in self.dataset.validation]
        shortest, longest = columns[0], columns[-1]
        best = max(run.history, key=lambda row: row["selection"])
        loss = run.history[-1]["loss"]
        curve: list[float] = []
        for row in run.history:
            curve += [curve[-1] if curve else 0.0] * (row["epoch"] - len(curve))
            curve[-1] = max(curve[-1], row["selection"])
        return TrialRun(
            status=run.status,
            epochs=run.epochs,
            best_epoch=run.best_epoch,
            selection=run.selection,
            accuracy={column: best[column] for column in columns},
            inductive=max(run.history, key=lambda row: row[shortest])[longest],
            expressive=max(row[longest] for row in run.history),
            loss=loss if math.isfinite(loss) else None,
            seconds=run.seconds / size,
            curve=curve,
        )

    def _say(self, members: Sequence[Member]) -> None:
        for trial in dict.fromkeys(member.trial.number for member in members):
            own = [m for m in members if m.trial.number == trial]
            runs = [self.finished.runs[m.key] for m in own]
            settings = ", ".join(
                f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}"
                for k, v in own[0].trial.settings.items()
            )
            self.tell(
                f"trial {trial} ({settings}): {_mean(run.selection for run in runs):.1%} after "
                f"{max(run.epochs for run in runs)} epochs"
            )


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


def _numbers(trials: Iterable[int]) -> str:
    return ", ".join(map(str, trials))
