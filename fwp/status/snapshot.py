"""Looking at an experiment, as often as wanted; what has not changed is not read again."""

import json
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from fwp.experiment import duration
from fwp.results.heartbeat import read_heartbeat
from fwp.results.job_state import JobState, read_job
from fwp.status import own
from fwp.status.failures import Failure, grouped, killed, last_words
from fwp.status.own import OwnState
from fwp.status.remaining import Left, Remaining
from fwp.status.run import Run, read_run
from fwp.status.slurm import Queue, Squeue
from fwp.status.state import SearchState, Status

ANEW = 60.0  # seconds after which files are looked at again that seem to be as they were
SETTLED = ("done", "waiting", "trained", "failed", "damaged", "outdated")
# Logs of rules that are no cell's, below the results, with the names of the rules.
AGAIN = " (waits in Slurm's queue again)"
LOGS = {
    **{f"tables/{name}.log": name for name in ("collect", "summarise", "tables", "claims")},
    **{f"tables/{name}.log": name for name in ("collect_text", "text_tables", "search_tables")},
    **{f"figures/{name}.log": name for name in ("figures", "text_figures", "search_figures")},
    "report.log": "report",
    **{f"{name}/{name}.log": name for name in own.RUNS},
}


class Watcher:
    """Looks at an experiment, as often as wanted.

    Args:
        experiment: a `fwp.experiment.experiment.Experiment`.
        slurm: whether to ask squeue, where there is one and the run is on Slurm.
    """

    def __init__(self, experiment, *, slurm: bool = True):
        self.experiment = experiment
        self.remaining = Remaining(partial(duration.by_table, experiment))
        self.slurm = slurm
        self._squeue: Squeue | None = None
        self._planned, self._own, self._until = [], {}, 0.0
        self._known: dict[str, tuple[int, float, JobState]] = {}
        self._counts: dict[Path, tuple[float, int]] = {}
        self._words: dict[str, tuple[float, str | None]] = {}

    def look(self, now: float | None = None) -> Status:
        """How far the experiment is now."""
        now = time.time() if now is None else now
        experiment, results = self.experiment, str(self.experiment.results)
        run = read_run(results)
        queue = self._queue(run)
        grid = own.grid_is_asked_for(experiment)
        if now >= self._until:
            self._planned = list(experiment.jobs()) if grid else []
            self._own, self._until = own.planned(experiment), now + ANEW
        jobs = [self._job(planned, now) for planned in self._planned]
        searches = experiment.searches() if grid else []
        searches = [self._search(task, model, now) for task, model in searches]
        tasks = list(experiment.tasks) if grid else []
        status = Status(
            now, results, list(experiment.models) if grid else [], tasks,
            {task: experiment.kind(task) for task in tasks},
            jobs, {}, searches, [], None, run, queue, self._experiments(run),
        )  # fmt: skip
        if queue is not None:
            _revive(status)
        self.remaining.learn(jobs)
        status.times = {
            job.folder: seconds
            for job in status.running
            if (seconds := self.remaining.of_training(job, now)) is not None
        }
        status.left = self._left(status)
        status.failures = grouped(self._failures(status))
        return status

    def _experiments(self, run: Run | None) -> list[OwnState]:
        going = run is not None and run.alive()
        folder = Path(self.experiment.results)
        return [
            own.look(name, runs, folder, going, self._reason) for name, runs in self._own.items()
        ]

    def _job(self, planned, now: float) -> JobState:
        """Read the state of a job, unless its folder is as it was."""
        try:
            changed = os.stat(planned.directory).st_mtime_ns  # noqa: PTH116 - faster
        except OSError:
            changed = 0
        key = planned.directory
        before = self._known.get(key)
        if before is not None and before[0] == changed and now < before[1]:
            return before[2]
        current = partial(self.experiment.is_current, planned.model, planned.task)
        job = read_job(planned, current, now)
        if job.state in SETTLED and not self.experiment.searches():
            spread = len(self._known) % 16  # not all at a time
            self._known[key] = changed, now + ANEW + spread, job
        return job

    def _search(self, task: str, model: str, now: float) -> SearchState:
        chosen = Path(self.experiment.chosen(model, task))
        folder = chosen.parent
        beat = read_heartbeat(folder / "progress.json")
        log, of = str(folder / "search.log"), beat.trials if beat is not None else None
        if chosen.is_file() and (beat is None or beat.state != "running"):
            return SearchState(model, task, "done", of or 0, of, log)
        if beat is None:
            return SearchState(model, task, "waiting", 0, None, log)
        state = beat.state or "waiting"
        if state == "running" and not beat.alive(now):
            state = "interrupted"
        return SearchState(
            model, task, state, self._trials(folder / "finished.json"), of, log, beat.error, beat
        )

    def _trials(self, path: Path) -> int:
        """Finished runs of a search, by a file that is read again only if it has changed."""
        try:
            changed = path.stat().st_mtime
            if self._counts.get(path, (None,))[0] != changed:
                self._counts[path] = changed, len(json.loads(path.read_bytes())["runs"])
            return self._counts[path][1]
        except (OSError, ValueError, LookupError, TypeError):
            return 0

    def _queue(self, run: Run | None) -> Queue | None:
        if not self.slurm or not Squeue.there():
            return None
        if run is None or run.executor != "slurm":
            return None
        if self._squeue is None:
            self._squeue = Squeue(run.folder)
        return self._squeue.look(wait=True)

    def _left(self, status: Status) -> Left | None:
        """The time left; None if all is done, or nobody knows."""
        run = status.run
        if run is not None and run.alive() and run.slots is None and not status.running:
            return None  # nobody knows how many jobs the cluster will run at a time
        searches = [search for search in status.searches if search.state != "done"]
        more = sum(self.remaining.guess("search", s.model, s.task) for s in searches)
        left = self.remaining.left(status.jobs, status.time, self._slots(status), more)
        guessed = not left.measured and not status.times
        on_gpu = getattr(self.experiment, "gpus_per_job", 0)
        return None if left.seconds == 0 or (guessed and on_gpu) else left

    def _slots(self, status: Status) -> int:
        """How many jobs run at a time: as the run says, or else as many as do now."""
        run, now = status.run, len(status.running)
        if run is not None and run.alive() and run.slots is not None:
            return max(1, run.slots)
        if now or run is None or run.slots is None:
            return max(1, now)
        return max(1, run.slots)

    def _failures(self, status: Status) -> Iterator[Failure]:
        for job in status.jobs:
            if (state := job.state) in ("done", "running", "trained", "outdated"):
                continue
            names = {"task": job.task, "model": job.model, "group": job.folder.name}
            names |= {"seeds": list(job.runs), "stage": job.stage}
            log = [str(job.log)]
            if job.damage is not None:
                yield Failure("damaged", job.damage, [names], [])
            elif state == "failed":
                why = self._reason(job.log) or job.error
                found = status.slurm_job(job)
                again = found is not None and found.state == "PENDING"
                yield Failure("failed", f"{why}{AGAIN * again}", [names], log)
            elif state == "interrupted":
                yield Failure("interrupted", self._of_slurm(status, job), [names], log)
            elif (why := self._reason(job.log)) and not why.startswith("interrupted"):
                yield Failure("failed", why, [names], log)  # before it could say how far it was
        for search in status.searches:
            if search.state in ("failed", "interrupted"):
                names = {"task": search.task, "model": search.model, "stage": "search"}
                why = self._reason(Path(search.log)) or search.error
                yield Failure(search.state, why, [names], [search.log])
        results = Path(status.results)
        for experiment in status.experiments:
            for name, why in experiment.failed.items():
                log = str(results / experiment.name / f"{name}.log")
                yield Failure("failed", why, [{"stage": experiment.name, "run": name}], [log])
        for task in status.tasks:
            for name, rule in (("train", "data"), ("test", "test_data")):
                yield from self._of_rule(results / "data" / task / f"{name}.log", rule, task)
        for name, rule in LOGS.items():
            yield from self._of_rule(results / name, rule)

    def _of_rule(self, log: Path, rule: str, task: str | None = None) -> Iterator[Failure]:
        why = self._reason(log)
        if why is not None and not why.startswith("interrupted"):
            names = {"stage": rule} | ({} if task is None else {"task": task})
            yield Failure("failed", why, [names], [str(log)])

    def _reason(self, log: Path) -> str | None:
        """The last words of a log, read again only if it has changed."""
        try:
            changed = os.stat(log).st_mtime  # noqa: PTH116 - faster
        except OSError:
            return None
        key = str(log)
        if key not in self._words or self._words[key][0] != changed:
            self._words[key] = changed, last_words(log)
        return self._words[key][1]

    def _of_slurm(self, status: Status, job: JobState) -> str | None:
        """Why Slurm ended a job, by the log that it keeps itself, and whether it queues again."""
        found = status.slurm_job(job)
        if found is not None and found.state == "PENDING":
            return f"waits in Slurm's queue again ({found.reason})"
        number = job.beat.slurm if job.beat is not None else None
        if number is None:
            return None
        folder = Path(status.results, "slurm", f"rule_{job.stage}")
        log = folder / f"{job.task}_{job.model}_{job.folder.name}" / f"{number}.log"
        return killed(log)


def _revive(status: Status) -> None:
    """A job on another node that says nothing for long still runs if Slurm says so."""
    for job in status.jobs:
        if job.state != "interrupted" or job.beat is None or job.beat.slurm is None:
            continue
        found = status.slurm_job(job)
        if found is not None and found.id == job.beat.slurm and found.state == "RUNNING":
            for seed, run in job.runs.items():
                known = job.beat.seeds.get(seed)
                if run.state == "interrupted":
                    begun = job.stage == "evaluate" or (known and known.status == "running")
                    run.state = "running" if begun else "waiting"
