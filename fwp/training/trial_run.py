"""How a trial of a search did with one seed, and the runs that a search has finished.

A run is kept with all its measurements. So it can be judged by any epoch: whether a search ended it
there does not depend on how far an earlier search had trained it.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fwp.results.integrity import MissingFile, ResultsError, read_sealed, write_sealed
from fwp.training.run import Run


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
        seconds: wall time; that of a pack is divided by the runs it has at the time.
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

    @property
    def score(self) -> float:
        """What the run counts with: its selection accuracy, or 0 if it diverged."""
        return 0.0 if self.status == "diverged" else self.selection


@dataclass
class Course:
    """The measurements of a run so far.

    Attributes:
        status: solved, budget or diverged.
        rows: of its history, with seconds as a `TrialRun` has them, and None for an infinite loss.
    """

    status: str
    rows: list[dict] = field(default_factory=list)

    @property
    def epochs(self) -> int:
        """How many were run; the last one may have ended early."""
        return self.rows[-1]["epoch"]

    def reached(self, epoch: int) -> bool:
        """Whether nothing is left to train until the end of an epoch."""
        return self.status in ("solved", "diverged") or self.epochs >= epoch

    def until(self, epoch: int, bins: Sequence[str], *, budget: int) -> TrialRun:
        """How the run did until the end of an epoch, as if nothing had followed.

        Args:
            bins: columns of the validation bins, the shortest first.
            budget: epochs; a run that is over before, without an end of its own, is pruned.
        """
        rows = [row for row in self.rows if row["epoch"] <= epoch]
        ended = self.status in ("solved", "diverged") and len(rows) == len(self.rows)
        best = max(rows, key=lambda row: row["selection"])
        shortest, longest = bins[0], bins[-1]
        epochs = rows[-1]["epoch"]
        return TrialRun(
            status=self.status if ended else "budget" if epochs >= budget else "pruned",
            epochs=epochs,
            best_epoch=best["epoch"] if best["selection"] > 0 else 0,
            selection=best["selection"],
            accuracy={column: best[column] for column in bins},
            inductive=max(rows, key=lambda row: row[shortest])[longest],
            expressive=max(row[longest] for row in rows),
            loss=rows[-1]["loss"],
            seconds=rows[-1]["seconds"],
        )


def courses(runs: Sequence[Run]) -> list[Course]:
    """The courses of the runs of a pack, which all began at the same time."""
    found = []
    for run in runs:
        course, seconds, before = Course(run.status), 0.0, 0.0
        for i, row in enumerate(run.history):  # of each run, the i-th is of the same time
            at_work = sum(len(other.history) > i for other in runs)
            seconds, before = seconds + (row["seconds"] - before) / at_work, row["seconds"]
            loss = row["loss"] if math.isfinite(row["loss"]) else None
            course.rows.append(row | {"seconds": round(seconds, 3), "loss": loss})
        found.append(course)
    return found


@dataclass
class Pause:
    """A pack that may go on from its checkpoint.

    Attributes:
        runs: all that its checkpoint is of.
        going: those that it still trains.
    """

    runs: list[str]
    going: list[str]


class Finished:
    """The finished runs of a search, in a file.

    Args:
        path: of the file; one that is damaged counts as none, with a line that says so.

    Attributes:
        runs: by the hash of what decides them.
        paused: packs that may go on, by the name of the checkpoint.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.runs: dict[str, Course] = {}
        self.paused: dict[str, Pause] = {}
        try:
            record = read_sealed(self.path)
            runs = {key: Course(**run) for key, run in record["runs"].items()}
            self.paused = {name: Pause(**pause) for name, pause in record["paused"].items()}
            self.runs = runs
        except MissingFile:
            return
        except (ResultsError, LookupError, TypeError, AttributeError) as error:
            print(f"{error}: the search begins again")

    def write(self) -> None:
        """Put all on disk."""
        record: dict[str, Any] = {}
        for name, values in (("runs", self.runs), ("paused", self.paused)):
            record[name] = {key: asdict(value) for key, value in values.items()}
        write_sealed(self.path, record)

    def reached(self, key: str, epoch: int) -> bool:
        """Whether a run needs no more training until the end of an epoch."""
        return key in self.runs and self.runs[key].reached(epoch)

    def pack_of(self, key: str) -> str | None:
        """The checkpoint of the pack that a run may go on in."""
        return next((name for name, own in self.paused.items() if key in own.going), None)
