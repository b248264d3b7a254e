"""The grid as a board: which runs are done, running, failed or still to come, and how they fare."""

import time

from fwp.results.job_state import read_job
from fwp.status.screen import Screen

__all__ = ["board"]


def board(
    experiment,
    *,
    width: int | None = None,
    colour: bool | None = None,
    now: float | None = None,
) -> str:
    """The state of every run of an experiment, for a terminal.

    Args:
        experiment: a `fwp.experiment.experiment.Experiment`.
        width: columns of the terminal, by default those it has.
        colour: whether to use ANSI colours, by default if standard output is a terminal and the
            environment variable NO_COLOR is empty.
        now: the time, seconds since 1970.
    """
    now = time.time() if now is None else now
    jobs = [
        read_job(job, experiment.train_params(job.model, job.task), now)
        for job in experiment.jobs()
    ]
    screen = Screen(width, colour)
    return "\n\n".join(
        part
        for part in (
            screen.grid(jobs, list(experiment.models), list(experiment.tasks)),
            screen.legend(jobs),
            screen.total(jobs),
            screen.trouble(jobs),
            screen.running(jobs, now),
        )
        if part
    )
