"""The grid as a board: which runs are done, running, failed or still to come, and how they fare."""

import contextlib
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group
from rich.live import Live
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from fwp.report import labels
from fwp.results.job_state import JobState, RunState, read_job
from fwp.results.record import STATUSES

LISTED = 8  # running or interrupted jobs listed one by one
SILENT = 90  # seconds after which the board says when a running job was last heard of
GAP = 2  # columns between two tasks


@dataclass(frozen=True)
class State:
    """A state that a run can be in."""

    glyph: str
    plain: str  # for terminals without Unicode
    style: str
    meaning: str


STATES = {
    "solved": State("✓", "+", "green", "done, 100 % on validation"),
    "budget": State("•", "o", "cyan", "done, budget used up"),
    "diverged": State("!", "!", "magenta", "done, diverged"),
    "running": State("▸", ">", "bold yellow", "running"),
    "trained": State("○", "O", "cyan", "trained, not yet evaluated"),
    "outdated": State("~", "~", "dim", "outdated: config or code has changed since"),
    "failed": State("✗", "x", "bold red", "failed"),
    "damaged": State("#", "#", "bold red", "damaged: a file is not what was written"),
    "interrupted": State("?", "?", "red", "interrupted"),
    "waiting": State("·", ".", "dim", "waiting"),
}
NOTES = {
    "strings": (
        "One mark per seed. Numbers: mean accuracy (%) on the two shortest bins, on test strings "
        "for finished runs and on validation strings for others."
    ),
    "text": (
        "Texts: bits per byte of test text within the training context and beyond it, for finished "
        "runs; bits per token of validation text for others."
    ),
    "translation": (
        "Translations: BLEU of each way of decoding, for finished runs; bits per token of "
        "validation targets for others."
    ),
}
WRITTEN = {
    "strings": partial(labels.percent, decimals=0),
    "text": "{:.2f}".format,
    "translation": "{:.1f}".format,
}
"""How the numbers of a kind of task are written."""


def show(experiment, *, watch: bool = False, seconds: float = 2) -> None:
    """Print the board of a `fwp.experiment.experiment.Experiment`.

    Args:
        watch: renew the board until Ctrl-C, if standard output is a terminal.
        seconds: between two boards.
    """
    console = _Console()
    if not (watch and console.is_terminal):
        console.print(Board(experiment), crop=False)
        return
    with (
        contextlib.suppress(KeyboardInterrupt),
        Live(Board(experiment, wrap=True), console=console, auto_refresh=False) as live,
    ):
        while True:
            time.sleep(seconds)
            live.update(Board(experiment, wrap=True), refresh=True)


class _Console(Console):
    """Standard output, with colours if it is a terminal and NO_COLOR is empty."""

    def __init__(self):
        terminal = sys.stdout.isatty()
        super().__init__(
            color_system=None if os.environ.get("NO_COLOR") else "auto",
            width=None if terminal else shutil.get_terminal_size((100, 24)).columns,
        )

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError: rich would end the process with exit status 1."""
        raise


class Board:
    """The state of every run of an experiment, as it is when the board is made.

    Args:
        experiment: a `fwp.experiment.experiment.Experiment`.
        now: the time, seconds since 1970.
        wrap: whether to break long messages and paths; unbroken ones can be copied.
    """

    def __init__(self, experiment, now: float | None = None, *, wrap: bool = False):
        self.wrap = wrap
        self.now = time.time() if now is None else now
        self.models, self.tasks = list(experiment.models), list(experiment.tasks)
        self.kinds = {task: experiment.kind(task) for task in self.tasks}
        self.chosen = [Path(experiment.chosen(m, t)) for t, m in experiment.searches()]
        self.jobs = [
            read_job(job, partial(experiment.is_current, job.model, job.task), self.now)
            for job in experiment.jobs()
        ]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        parts = [
            *self.tables(options.max_width),
            Group(self.legend(), Text(self.note())),
            self.total(),
            *self.searches(),
            *self.trouble(),
            *self.running(),
        ]
        spaced = [line for part in parts for line in (part, "")][:-1]
        for segment in console.render(Group(*spaced), options):
            text = _letters(segment.text) if options.ascii_only else segment.text
            yield Segment(text, segment.style, segment.control)

    def tables(self, width: int) -> Iterator[Table]:
        """Rows of models, columns of tasks; tasks that do not fit side by side follow below."""
        runs: dict[tuple[str, str], list[RunState]] = {}
        for job in self.jobs:
            runs.setdefault((job.model, job.task), []).extend(job.runs.values())
        names = [Text(labels.model(model)) for model in self.models]
        columns = []
        for task in self.tasks:
            write = WRITTEN[self.kinds[task]]
            cells = [_cell(runs[model, task], write) for model in self.models]
            columns.append([Text(labels.task(task)), *cells])
        for block in _blocks(columns, width - max(name.cell_len for name in names)):
            table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
            table.add_column(overflow="fold")
            for head, *_ in block:
                table.add_column(head, overflow="fold")
            for i, name in enumerate(names, start=1):
                table.add_row(name, *(column[i] for column in block))
            yield table

    def note(self) -> str:
        """How to read the numbers."""
        return " ".join(NOTES[kind] for kind in NOTES if kind in self.kinds.values())

    def legend(self) -> Columns:
        """What the marks on the board mean."""
        present = {run.state for job in self.jobs for run in job.runs.values()}
        marks = [
            Text.assemble(_mark(name), " ", state.meaning)
            for name, state in STATES.items()
            if name in present
        ]
        return Columns(marks, padding=(0, 3))

    def total(self) -> Text:
        """How many runs are in which state."""
        counts = Counter(run.state for job in self.jobs for run in job.runs.values())
        done = Text(f"{sum(counts[state] for state in STATUSES)} of {counts.total()} runs done")
        if counts["diverged"]:
            done.append_text(Text.assemble(" (", _painted("diverged", counts), ")"))
        others = (state for state in STATES if state not in STATUSES and counts[state])
        return Text(", ").join([done, *(Text.assemble(_painted(s, counts)) for s in others)])

    def searches(self) -> list[Text]:
        """For how many cells a search has chosen settings; nothing if none is wanted."""
        if not self.chosen:
            return []
        done = sum(path.is_file() for path in self.chosen)
        return [Text(f"settings chosen by search for {done} of {len(self.chosen)} cells")]

    def trouble(self) -> list[Text]:
        """The jobs that failed or were interrupted, with their logs, and files that are damaged."""
        failed, interrupted = [], []
        for job in self.jobs:
            log = f"\n    see {job.log}"
            if job.damage is not None:
                word = ("damaged", STATES["damaged"].style)
                failed.append(Text.assemble(word, f": {_where(job)}\n    {job.damage}"))
            elif job.error is not None:
                what = f": {_where(job)}: {job.error}{log}"
                failed.append(Text.assemble(("failed", STATES["failed"].style), what))
            elif any(run.state == "interrupted" for run in job.runs.values()):
                word = ("interrupted", STATES["interrupted"].style)
                interrupted.append(Text.assemble(word, f": {_where(job)}{log}"))
        return self._joined([*failed, *_first(interrupted)])

    def running(self) -> list[Text]:
        """The runs at work, with their epochs and validation accuracies."""
        lines = []
        for job in self.jobs:
            for seed, run in job.runs.items():
                if run.state != "running":
                    continue
                what = f" {_where(job, [seed])}: "
                if job.stage == "evaluate":
                    what += "being evaluated"
                elif run.epoch is None:
                    what += "starting"
                else:
                    what += f"epoch {run.epoch} of {run.epochs}"
                    shares = () if run.said else (f"{labels.percent(x)} %" for x in run.accuracy)
                    what += "".join(f", {part}" for part in (*run.said, *shares))
                if job.heard is not None and self.now - job.heard > SILENT:
                    what += f" (last heard of {(self.now - job.heard) / 60:.0f} min ago)"
                lines.append(Text.assemble(_mark("running"), what))
        return self._joined(_first(lines))

    def _joined(self, lines: list[Text]) -> list[Text]:
        """The lines as one text; nothing if there are none."""
        overflow = "fold" if self.wrap else "ignore"
        return [Text("\n", no_wrap=not self.wrap, overflow=overflow).join(lines)] if lines else []


def _mark(state: str, count: int | str = "") -> tuple[str, str]:
    return f"{count}{STATES[state].glyph}", STATES[state].style


def _painted(state: str, counts: Counter) -> tuple[str, str]:
    return f"{counts[state]} {state}", STATES[state].style


def _cell(runs: list[RunState], write: Callable[[float], str]) -> Text:
    """One mark per seed (or counts, if there are many) and the mean accuracies so far."""
    if len(runs) <= 5:
        marks = [_mark(run.state) for run in runs]
    else:
        counts = Counter(run.state for run in runs)
        marks = [_mark(state, counts[state]) for state in STATES if counts[state]]
    known = [run.accuracy[:2] for run in runs if run.accuracy]
    means = [sum(column) / len(column) for column in zip(*known, strict=False)]
    numbers = "/".join(map(write, means))
    return Text.assemble(*marks, f" {numbers}" if numbers else "")


def _blocks(columns: list[list[Text]], width: int) -> list[list[list[Text]]]:
    """The columns, in groups that fit into the width side by side."""
    blocks, room = [[]], width
    for column in columns:
        needed = GAP + max(text.cell_len for text in column)
        if blocks[-1] and room < needed:
            blocks.append([])
            room = width
        blocks[-1].append(column)
        room -= needed
    return blocks


def _where(job: JobState, seeds: Sequence[int] | None = None) -> str:
    """Model, task and seeds in words."""
    numbers = labels.seeds(list(job.runs) if seeds is None else seeds)
    return f"{labels.model(job.model)} on {labels.task(job.task)}, {numbers}"


def _first(lines: list[Text]) -> list[Text]:
    more = len(lines) - LISTED
    return lines[:LISTED] + [Text(f"  and {more} more")] * (more > 0)


def _letters(text: str) -> str:
    """The text for a terminal without Unicode."""
    plain = {ord(state.glyph): state.plain for state in STATES.values()}
    return text.translate(plain).encode("ascii", "replace").decode()
