"""The time that is left, from the rates of this experiment: finished jobs and those that run.

Before anything is finished, it is the estimate of `fwp.experiment.duration`. A finished cell says
by which factor that estimate is off. The factor of a cell that is still to come is the mean (of
logarithms) of all, drawn to those of its model and of its task as far as there are any. If the jobs
that were finished last took longer than so expected, as the machine is busier, so will the next.
How much finished cells differ from what the others say of them decides the range.

A running job tells its own rate: the seconds and the epochs so far.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from fwp.experiment.duration import SHARE
from fwp.results.heartbeat import Known
from fwp.results.job_state import JobState

UNSURE = 1.1  # of the logarithm, before anything is finished: a factor of three
LEAST = 0.25  # of the logarithm, of one job: two finished ones may agree by chance
RANGE = 1.28  # standard deviations: four times out of five the time lies within
RECENT = 8  # jobs that say how fast the machine is just now
AFTER = ("collect", "summarise", "tables", "figures", "claims", "report")  # rules, one by one
TO_COME = ("waiting", "outdated", "interrupted")

Guess = Callable[[str, str | None, str | None, int], float]
"""Seconds of a job by rule, model, task and number of seeds, before anything is known."""


@dataclass(frozen=True)
class Left:
    """The time until all cells are finished and reported.

    Attributes:
        seconds: as likely too long as too short.
        low, high: four times out of five it lies between.
        measured: how many finished jobs it follows from; 0 for an estimate by typical speeds.
        unknown: models of which no job is finished or far enough to tell its rate.
        slots: how many jobs are taken to run at a time.
    """

    seconds: float
    low: float
    high: float
    measured: int
    unknown: list[str]
    slots: int


class Remaining:
    """What jobs take, by what is known of those that are finished.

    Args:
        guess: what they take otherwise.
    """

    def __init__(self, guess: Guess):
        self._guess, self._guesses = guess, {}
        self._ratios: dict[tuple[str, str], list[float]] = {}
        self._shares: dict[tuple[str, str], list[float]] = {}
        self._seconds: dict[str, tuple[float, float]] = {}
        self._by_model, self._by_task = {}, {}
        self._mean, self._drift, self.spread = 0.0, 0.0, UNSURE

    def guess(self, rule: str, model: str | None, task: str | None, seeds: int = 1) -> float:
        """Seconds of a job before anything is known; 0 if nobody knows."""
        key = rule, model, task, seeds
        if key not in self._guesses:
            try:
                self._guesses[key] = self._guess(*key)
            except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError):
                self._guesses[key] = 0.0
        return self._guesses[key]

    def learn(self, jobs: Iterable[JobState]) -> None:
        """Take in what all jobs that are finished took."""
        ratios, shares, order = defaultdict(list), defaultdict(list), []
        for job in jobs:
            if job.state not in ("done", "trained"):
                continue
            key, count = (job.model, job.task), len(job.runs)
            took, expected = self._took(job), self.guess("train", *key, count)
            if took > 0 and expected > 0:
                ratios[key].append(math.log(took / expected))
                order.append((job.heard or 0.0, key, ratios[key][-1]))
            shares[key] += [
                run.epoch / run.epochs for run in job.runs.values() if run.epoch and run.epochs
            ]
        self._ratios, self._shares = dict(ratios), dict(shares)
        self._by_model, self._by_task = (_gathered(self._ratios, i) for i in (0, 1))
        self._mean = fmean(_all(self._ratios)) if self._ratios else 0.0
        self._drift, self.spread = 0.0, self._spread()
        recent = [r - self._expected(*key) for _, key, r in sorted(order)[-RECENT:]]
        self._drift = sum(recent) / (len(recent) + 2)

    @property
    def measured(self) -> int:
        """How many jobs are finished."""
        return sum(map(len, self._ratios.values()))

    def knows(self, model: str) -> bool:
        """Whether a job of a model is finished."""
        return any(name == model for name, _ in self._ratios)

    def of_job(self, job: JobState, now: float) -> float:
        """Seconds until a job is trained and evaluated."""
        state = job.state
        if state not in TO_COME and state not in ("trained", "running"):
            return 0.0
        key, count = (job.model, job.task), len(job.runs)
        measuring = self._factor(*key) * self.guess("evaluate", *key, count)
        if state in TO_COME:
            return self._factor(*key) * self.guess("train", *key, count) + measuring
        if state == "trained":
            return measuring
        elapsed = _elapsed(job, now)
        if job.stage == "evaluate":
            return max(measuring - elapsed, measuring / 10)
        own = self.of_training(job, now, self._share(*key))
        if own is None:
            whole = self._factor(*key) * self.guess("train", *key, count)
            own = max(whole - elapsed, whole / 10)
        return own + measuring

    def of_training(self, job: JobState, now: float, share: float = 1.0) -> float | None:
        """Seconds until a job's seeds are trained, by its own rate; None if it told none yet.

        Args:
            share: of the epochs that are left in the budget, those that will be needed; 1 for at
                most so long.
        """
        told = [run.known for run in job.runs.values() if run.known is not None]
        begun = [known for known in told if known.passed and known.seconds]
        if not begun:
            return None
        rate = sum(k.seconds or 0 for k in begun) / sum(k.passed or 0 for k in begun)
        going = [_to_go(known) for known in begun if known.status == "running"]
        since = max(0.0, now - job.heard) if job.heard else 0.0
        left = max(0.0, share * rate * max(going, default=0.0) - since)
        # What a pack trains at a time is one program, and its seconds are those of all.
        waiting = sum(known.status == "waiting" for known in told)
        return left + waiting * share * rate * max((k.epochs or 0) for k in told)

    def left(self, jobs: Sequence[JobState], now: float, slots: int, more: float = 0.0) -> Left:
        """The time until all jobs are finished, so many at a time, and reported.

        Args:
            more: seconds of jobs that are none of `jobs`, such as searches.
        """
        times = [(job, self.of_job(job, now)) for job in jobs]
        times = [(job, seconds) for job, seconds in times if seconds > 0]
        after = sum(self.guess(rule, None, None) for rule in AFTER)
        total = sum(seconds for _, seconds in times) + more
        longest = max((seconds for _, seconds in times), default=0.0)
        if not times and not more:
            return Left(0.0, 0.0, 0.0, self.measured, [], slots)
        working = max(total / slots, longest)
        doubt = RANGE * self.spread * self._doubt(times, total)
        unknown = {
            job.model: None
            for job, _ in times
            if not self.knows(job.model) and self.of_training(job, now) is None
        }
        return Left(
            working + after,
            working * math.exp(-doubt) + after,
            working * math.exp(doubt) + after,
            self.measured,
            list(unknown),
            slots,
        )

    def _doubt(self, times: Sequence[tuple[JobState, float]], total: float) -> float:
        """Standard deviation of the time of all, relative to it and to that of a job's logarithm.

        Every job differs for itself, all of them as the mean of the finished ones does, and those
        of a task or model that is new all in the same direction.
        """
        alone = math.sqrt(sum(seconds**2 for _, seconds in times))
        common = total / math.sqrt(max(1, self.measured))
        new = sum(
            seconds
            for job, seconds in times
            if self._ratios and not (job.task in self._by_task and job.model in self._by_model)
        )
        return math.hypot(alone, common, new / math.sqrt(max(1, len(self._by_task)))) / total

    def _took(self, job: JobState) -> float:
        """Seconds of the job that trained, by Snakemake's clock or by the job's own."""
        path = str(job.folder / "train.benchmark.tsv")
        ended = job.heard or 0.0
        if self._seconds.get(path, (None,))[0] != ended:
            self._seconds[path] = ended, _benchmark(path)
        return self._seconds[path][1] or sum(run.seconds or 0 for run in job.runs.values())

    def _factor(self, model: str, task: str) -> float:
        if not self._ratios:
            return 1.0
        own = self._ratios.get((model, task))
        return math.exp(self._drift + (fmean(own) if own else self._expected(model, task)))

    def _expected(self, model: str, task: str, without: float | None = None) -> float:
        """Logarithm of the factor of a cell, by the other cells."""
        found = self._mean
        for others in (self._by_model.get(model, []), self._by_task.get(task, [])):
            total, count = sum(others), len(others)
            if without is not None:
                total, count = total - without, count - 1
            if count > 0:
                found += (total / count - self._mean) * count / (count + 1)
        return found

    def _spread(self) -> float:
        """Standard deviation of the logarithm of a job's time about what others say of it."""
        misses = [
            ratio - self._expected(model, task, ratio)
            for (model, task), own in self._ratios.items()
            for ratio in own
        ]
        # As if one more job had missed by all that is unsure before anything is finished.
        square = UNSURE**2 + sum(miss**2 for miss in misses)
        return max(LEAST, math.sqrt(square / (len(misses) + 1)))

    def _share(self, model: str, task: str) -> float:
        """Of the budget, what a run will need: as its cell's others, its model's, all or the usual.

        Runs that are at work may be the ones that take the whole budget.
        """
        for known in (
            self._shares.get((model, task)),
            [x for (m, _), own in self._shares.items() if m == model for x in own],
            _all(self._shares),
        ):
            if known:
                return fmean(known)
        return SHARE


def _all(values: dict[tuple[str, str], list[float]]) -> list[float]:
    return [value for own in values.values() for value in own]


def _gathered(values: dict[tuple[str, str], list[float]], place: int) -> dict[str, list[float]]:
    found = defaultdict(list)
    for key, own in values.items():
        found[key[place]] += own
    return dict(found)


def _to_go(known: Known) -> float:
    """Epochs until the budget is used up."""
    return max(0.0, (known.epochs or 0) - (known.passed or 0))


def _elapsed(job: JobState, now: float) -> float:
    began = job.beat.started if job.beat is not None else None
    return max(0.0, now - began) if began else 0.0


def _benchmark(path: str | Path) -> float:
    """Seconds that Snakemake has measured of a job; 0 if there is nothing of the kind."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        return float(lines[1].split("\t")[0])
    except (OSError, ValueError, IndexError):
        return 0.0
