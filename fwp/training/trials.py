"""Trials of a search: settings that are trained to see how well they do on validation strings.

A *trial* is one point of the space, trained with seeds of its own. Runs whose models are one
program are trained as one pack, each with its own rate, schedule, clipping and so on.

*Successive halving* (Jamieson & Talwalkar 2016): after some epochs only the best part of the trials
goes on, several times over. All trials of a batch are compared at once, so that the outcome does
not depend on which of them ends first.

A run that diverged counts as 0, whatever it had reached before.

What is finished is kept in a file by the hash of settings, seed and strings. So further trials, and
a search that was killed, compute only what is missing.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fwp.experiment.cell import Cell
from fwp.models.pack import same_program
from fwp.models.sequence_model import build_model
from fwp.search.settings import PACK
from fwp.training.checkpoint import Checkpoint
from fwp.training.kind import Data, load_kind
from fwp.training.pack_settings import shared
from fwp.training.state import TrainState
from fwp.training.trainer import Trainer
from fwp.training.trial_run import Course, Finished, Pause, TrialRun, courses
from fwp.utils import devices, signals


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


def settings_of(cell: Cell) -> list[dict[str, Any]]:
    """All settings that decide how a trial is trained; the name of its model does not."""
    model = {key: value for key, value in cell.model.as_dict().items() if key != "name"}
    return [model, cell.training.as_dict()]


class Member:
    """A trial with one of its seeds: a run of a pack."""

    def __init__(self, trial: Trial, seed: int, dataset: str):
        self.trial, self.seed, self.cell = trial, seed, trial.cell
        self.key = _hash([*settings_of(self.cell), dict(self.cell.code), seed, dataset])


class Trials:
    """Trains trials, and remembers which are finished.

    Args:
        dataset: strings to train on and to select by.
        folder: where finished runs and checkpoints are kept.
        halving: {"factor", "epochs"}, or None.
        device: cpu or cuda.
        pack: runs of a pack, at most; None for `PACK` on a GPU, one on a CPU.
        tell: is given lines for people: what was trained, and how it did.
    """

    def __init__(
        self,
        dataset: Data,
        folder: str | Path,
        *,
        halving: Mapping[str, int] | None = None,
        device: str = "cpu",
        pack: int | None = None,
        tell: Callable[[str], None] = print,
    ):
        self.dataset, self.folder, self.halving = dataset, Path(folder), halving
        self.device, self.tell = device, tell
        self.size = pack or (PACK if device == "cuda" else 1)
        self.bins = load_kind(dataset).columns(dataset)
        self.finished = Finished(self.folder / "finished.json")
        self._stopped: dict[int, int] = {}  # epoch after which a trial did not go on
        self._members: dict[str, Member] = {}
        self._saved: set[str] = set()  # checkpoints of this process
        for path in self.folder.glob("pack-*.safetensors"):
            if path.name not in self.finished.paused:  # who knows which runs it has left out
                path.unlink()

    def run(self, trials: Sequence[Trial]) -> None:
        """Train trials, all to the end or, with halving, the best of them."""
        members = [member for trial in trials for member in self._of(trial)]
        self._members |= {member.key: member for member in members}
        known = sum(member.key in self.finished.runs for member in members)
        if known:
            self.tell(f"{known} of {len(members)} runs are known from before")
        going = list(trials)
        for epoch, last in self._stops(max((m.cell.training.epochs for m in members), default=0)):
            self._train([m for trial in going for m in self._of(trial)], epoch)
            self._stopped |= {trial.number: epoch for trial in going}
            if not last:
                going = self._best(going)
                numbers = ", ".join(str(trial.number) for trial in going)
                self.tell(f"after epoch {epoch}: trials {numbers} go on")

    def runs(self, trial: Trial) -> list[TrialRun]:
        """How a trial did that `run` was given, by seed."""
        budget, stop = trial.cell.training.epochs, self._stopped[trial.number]
        return [
            self.finished.runs[member.key].until(stop, self.bins, budget=budget)
            for member in self._of(trial)
        ]

    def accuracy(self, trial: Trial) -> float:
        """The mean selection accuracy of a trial; a run that diverged has 0."""
        return _mean(run.score for run in self.runs(trial))

    def clean(self) -> None:
        """Remove checkpoints: no pack will go on."""
        for path in self.folder.glob("pack-*.safetensors"):
            path.unlink(missing_ok=True)
        self.finished.paused.clear()
        self.finished.write()

    def _of(self, trial: Trial) -> list[Member]:
        return [Member(trial, seed, self.dataset.hash) for seed in trial.seeds]

    def _stops(self, epochs: int) -> Iterator[tuple[int, bool]]:
        """The epochs after which trials are compared, and the last; and whether it is the last."""
        stop = self.halving["epochs"] if self.halving else epochs
        while stop < epochs:
            yield stop, False
            stop *= self.halving["factor"] if self.halving else 1
        yield epochs, True

    def _best(self, trials: Sequence[Trial]) -> list[Trial]:
        """The part of the trials that goes on; of equal ones those that have not diverged first."""

        def order(trial: Trial) -> tuple[float, int, int]:
            diverged = sum(run.status == "diverged" for run in self.runs(trial))
            return -self.accuracy(trial), diverged, trial.number

        factor = self.halving["factor"] if self.halving else 1
        best = sorted(trials, key=order)[: -(-len(trials) // factor)]
        return sorted(best, key=lambda trial: trial.number)

    def _train(self, members: Sequence[Member], epoch: int) -> None:
        todo = [m for m in members if not self.finished.reached(m.key, self._until(m, epoch))]
        for pack in self._packs(todo):
            with devices.explaining_memory(len(pack)):
                self._train_pack(pack, self._until(pack[0], epoch))

    @staticmethod
    def _until(member: Member, epoch: int) -> int:
        return min(epoch, member.cell.training.epochs)

    def _packs(self, members: Sequence[Member]) -> Iterator[list[Member]]:
        """Members that can be trained together, at most `size` each.

        Those that may go on from a checkpoint do so in the pack that it is of.
        """
        groups: list[tuple[str | None, list[Member]]] = []
        for member in members:
            paused = self.finished.pack_of(member.key)
            for name, group in groups:
                first = group[0].cell
                alike = same_program(first.model, member.cell.model)
                alike = alike and shared(first.training) == shared(member.cell.training)
                if name == paused and alike:
                    group.append(member)
                    break
            else:
                groups.append((paused, [member]))
        for name, group in groups:
            size = self.size if name is None else len(group)
            for begin in range(0, len(group), size):
                yield group[begin : begin + size]

    def _train_pack(self, todo: Sequence[Member], until: int) -> None:
        keys = [member.key for member in todo]
        name = self.finished.pack_of(keys[0]) or f"pack-{_hash(keys)}.safetensors"
        checkpoint = Checkpoint(self.folder / name)
        held = self.finished.paused[name].runs if name in self.finished.paused else keys
        decides = {"device": self.device, "torch": torch.__version__}
        saved = None
        if all(key in self._members for key in held):
            saved = checkpoint.load(decides | {"runs": held}, tell=name not in self._saved)
        if saved is None:
            held = keys
        decides |= {"runs": held}
        self.finished.paused[name] = Pause(held, keys)
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
                checkpoint.save(decides, TrainState(trainer.seconds, trainer=trainer.state()))
                self._saved.add(name)

        try:
            trainer.run(on_step=lambda: save() if checkpoint.due else None, until=until)
        except KeyboardInterrupt:
            save()
            raise
        with signals.deferred():
            found = dict(zip(held, courses(trainer.runs), strict=True))
            self.finished.runs |= {key: found[key] for key in keys}
            if trainer.over:
                del self.finished.paused[name]
                checkpoint.path.unlink(missing_ok=True)
                self.finished.write()
            else:
                save()
        self._say(todo)

    def _say(self, members: Sequence[Member]) -> None:
        for trial in {member.trial.number: member.trial for member in members}.values():
            own = [self.finished.runs[m.key] for m in members if m.trial.number == trial.number]
            self.tell(f"{describe(trial)}: {_outcome(own)}")


def describe(trial: Trial) -> str:
    """Number and settings, for people."""
    settings = ", ".join(
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in trial.settings.items()
    )
    return f"trial {trial.number} ({settings})"


def _outcome(courses: Sequence[Course]) -> str:
    accuracy = _mean(max(row["selection"] for row in course.rows) for course in courses)
    text = f"{accuracy:.1%} after {max(course.epochs for course in courses)} epochs"
    ends = [
        f"{n} of {len(courses)} seeds {status}" if len(courses) > 1 else status
        for status in ("solved", "diverged")
        if (n := sum(course.status == status for course in courses))
    ]
    return ", ".join([text, *ends])


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:24]


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
