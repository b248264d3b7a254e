"""What the board says in lines: searches, Slurm, jobs that run, and what went wrong."""

import socket
from collections.abc import Callable, Iterable, Sequence

from rich.text import Text

from fwp.report import labels
from fwp.results.job_state import JobState
from fwp.status.failures import Failure
from fwp.status.marks import mark
from fwp.status.own import STATES
from fwp.status.pace import duration, rounded
from fwp.status.state import SearchState, Status

SILENT = 90  # seconds after which the board says when a running job was last heard of
LISTED = 40  # jobs that run, and failures that differ, listed one by one
NAMED = 3  # of jobs that failed alike


def searches(status: Status) -> str | None:
    """For how many cells a search has chosen settings; None if none is wanted."""
    if not status.searches:
        return None
    done = sum(search.state == "done" for search in status.searches)
    return f"settings chosen by search for {done} of {len(status.searches)} cells"


def slurm(status: Status) -> str | None:
    """What is in Slurm's queue, and why it waits; None without Slurm."""
    queue = status.queue
    if queue is None:
        return None
    parts = [f"{count} {state.lower()}" for state, count in queue.counts().items()]
    reasons = [f"{count} {reason}" for reason, count in queue.reasons().items()]
    text = f"Slurm: {', '.join(parts) or 'no job in the queue'}"
    text += f" (waiting: {', '.join(reasons)})" if reasons else ""
    return text + (f"; {queue.error}" if queue.error else "")


def experiments(status: Status) -> list[Text]:
    """How many runs of each experiment beside the grid are in which state."""
    lines = []
    for own in status.experiments:
        counts = own.counts
        parts = [Text(f"{own.name}: {counts['done']} of {counts.total()} runs done")]
        parts += [
            Text.assemble(mark(state, f" {state}", counts[state]))
            for state in STATES
            if state != "done" and counts[state]
        ]
        lines.append(Text(", ").join(parts))
    return lines


def running(status: Status, width: int | None = None) -> list[Text]:
    """A line per job that runs: how far it is, at what rate and where.

    Args:
        width: what does not fit into it is left out, the least important first.
    """
    going: list[tuple[JobState | SearchState, Callable]] = []
    going += [(search, _searching) for search in status.searches if search.state == "running"]
    going += [(job, _training) for job in status.running]
    lines = []
    for job, told in going:
        begin = Text.assemble(mark("running"), " ")
        line = Text.assemble(begin, told(status, job, False, None))
        if width is not None and line.cell_len > width:
            line = Text.assemble(begin, told(status, job, True, width - begin.cell_len))
        lines.append(line)
    return lines


def _training(status: Status, job: JobState, tight: bool, width: int | None) -> str:
    seeds = [seed for seed, run in job.runs.items() if run.state == "running"]
    runs = [job.runs[seed] for seed in seeds]
    first = runs[0]
    if job.stage == "evaluate":
        parts = ["being evaluated"]
    elif first.epoch is None:
        parts = ["starting"]
    else:
        far = (first.epoch, first.epochs)
        parts = ["{}/{}".format(*far) if tight else "epoch {} of {}".format(*far)]
        shares = [] if first.said else _means([run.accuracy for run in runs])
        if tight and shares:
            parts.append(f"{'/'.join(map(labels.percent, shares))} %")
        else:
            parts += first.said or [f"{labels.percent(x)} %" for x in shares]
    if job.heard is not None and status.time - job.heard > SILENT:
        parts[-1] += f" (last heard of {(status.time - job.heard) / 60:.0f} min ago)"
    if (seconds := status.times.get(job.folder)) is not None and not first.said:
        parts.append(f"≤ {duration(seconds)} left")
    parts += _place(status, job)
    rates = [k.strings / k.seconds for run in runs if (k := run.known) and k.strings and k.seconds]
    if rates and not first.said:
        parts.append(f"{rounded(sum(rates))} strings/s")
    return _fitted(f"{where(job, seeds)}: ", parts, width)


def _searching(status: Status, job: SearchState, _tight: bool, width: int | None) -> str:
    begin = f"search for {labels.model(job.model)} on {labels.task(job.task)}: "
    most = f" of {job.of}" if job.of else ""
    return _fitted(begin, [f"{job.trials}{most} trials", *_place(status, job)], width)


def _place(status: Status, job: JobState | SearchState) -> list[str]:
    """Since when a job runs, on which device, and its process or Slurm job."""
    beat = job.beat
    if beat is None:
        return []
    elapsed = max(0.0, status.time - beat.started) if beat.started else None
    parts = [] if elapsed is None else [f"for {duration(elapsed)}"]
    place = f"Slurm job {beat.slurm}" if beat.slurm else f"pid {beat.pid}" if beat.pid else ""
    if beat.host and (beat.slurm or beat.host != socket.gethostname()):
        place = f"{place} on {beat.host}".strip()
    device = [beat.device] if beat.device and beat.device != "cpu" else []
    return [*parts, *filter(None, [place]), *device]


def _fitted(begin: str, parts: Sequence[str], width: int | None) -> str:
    text = begin + parts[0]
    for part in parts[1:]:
        if width is not None and len(text) + 2 + len(part) > width:
            break
        text += f", {part}"
    return text


def trouble(status: Status) -> list[Text]:
    """What failed, is damaged or was interrupted, with the reasons and the logs."""
    order = ("damaged", "failed", "interrupted")
    return [_failure(f) for f in sorted(status.failures, key=lambda f: order.index(f.kind))]


def _failure(failure: Failure) -> Text:
    text = mark(failure.kind, failure.kind)
    what = _jobs(failure.jobs)
    if failure.kind == "damaged":
        return Text.assemble(text, f": {what}\n    {failure.reason}")
    why = f": {failure.reason}" if failure.reason else ""
    more = len(failure.logs) - 1
    see = f"\n    see {failure.logs[0]}" + (f" and {more} more" if more else "")
    return Text.assemble(text, f": {what}{why}{see}")


def _jobs(jobs: Sequence[dict]) -> str:
    """One job by its name, many by their number and some names."""
    if len(jobs) == 1:
        return _name(jobs[0])
    names = list(dict.fromkeys(_name(job | {"seeds": []}) for job in jobs))
    more = f" and {len(names) - NAMED} more" * (len(names) > NAMED)
    return f"{len(jobs)} jobs ({', '.join(names[:NAMED])}{more})"


def _name(job: dict) -> str:
    if "model" not in job:
        task = f" for {labels.task(job['task'])}" if "task" in job else ""
        run = f" {job['run']}" if "run" in job else ""
        return f"{job['stage']}{task}{run}"
    search = "search for " if job["stage"] == "search" else ""
    seeds = f", {labels.seeds(job['seeds'])}" if job.get("seeds") else ""
    return f"{search}{labels.model(job['model'])} on {labels.task(job['task'])}{seeds}"


def where(job: JobState, seeds: Sequence[int]) -> str:
    """Model, task and seeds in words."""
    return f"{labels.model(job.model)} on {labels.task(job.task)}, {labels.seeds(seeds)}"


def first(lines: Iterable[Text], most: int) -> list[Text]:
    """So many lines, and how many more there are."""
    lines = list(lines)
    if len(lines) <= most:
        return lines
    return [*lines[:most], Text(f"  and {len(lines) - most} more")]


def _means(rows: Sequence[Sequence[float]]) -> list[float]:
    known = [row for row in rows if row]
    return [sum(column) / len(known) for column in zip(*known, strict=False)]
