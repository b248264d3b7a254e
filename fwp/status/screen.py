"""How the board looks in a terminal."""

import os
import re
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fwp.report import labels
from fwp.results.job_state import Job, Run
from fwp.results.record import STATUSES

LISTED = 8  # running or interrupted jobs listed one by one


@dataclass(frozen=True)
class State:
    """A state that a run can be in."""

    glyph: str
    plain: str  # for terminals without Unicode
    colour: str  # ANSI
    meaning: str


STATES = {
    "solved": State("✓", "+", "32", "done, 100 % on validation"),
    "budget": State("•", "o", "36", "done, budget used up"),
    "diverged": State("!", "!", "35", "done, diverged"),
    "running": State("▸", ">", "33;1", "running"),
    "trained": State("○", "O", "36", "trained, not yet evaluated"),
    "outdated": State("~", "~", "2", "outdated: config or code has changed since"),
    "failed": State("✗", "x", "31;1", "failed"),
    "interrupted": State("?", "?", "31", "interrupted"),
    "waiting": State("·", ".", "2", "waiting"),
}


class Screen:
    """The board's parts for a terminal of some width, with or without colours and Unicode."""

    def __init__(self, width: int | None, colour: bool | None):
        terminal = sys.stdout.isatty()
        self.width = width or (shutil.get_terminal_size((100, 24)).columns if terminal else 100)
        self.colour = terminal and not os.environ.get("NO_COLOR") if colour is None else colour
        self.unicode = _can_write("".join(state.glyph for state in STATES.values()))

    def paint(self, text: str, state: str) -> str:
        """The text in the state's colour."""
        return f"\033[{STATES[state].colour}m{text}\033[0m" if self.colour else text

    def glyph(self, state: str) -> str:
        """The state's mark."""
        return STATES[state].glyph if self.unicode else STATES[state].plain

    def text(self, text: str) -> str:
        """The text in letters that the terminal can show."""
        return text if self.unicode else text.encode("ascii", "replace").decode()

    def grid(self, jobs: list[Job], models: list[str], tasks: list[str]) -> str:
        """Rows of models, columns of tasks; columns that do not fit follow below."""
        runs = {}
        for job in jobs:
            runs.setdefault((job.model, job.task), []).extend(job.runs.values())
        cells = {key: self.cell(of_key) for key, of_key in runs.items()}
        names = {model: self.text(labels.model(model)) for model in models}
        heads = {task: self.text(labels.task(task)) for task in tasks}
        first = max(map(len, names.values()))
        widths = {
            task: max(len(heads[task]), *(len(cells[model, task][0]) for model in models))
            for task in tasks
        }
        lines = []
        for block in self.blocks(tasks, widths, first):
            lines += [""] * bool(lines)
            head = [heads[task].ljust(widths[task]) for task in block]
            lines.append("  ".join([" " * first, *head]).rstrip())
            for model in models:
                parts = []
                for task in block:
                    plain, painted = cells[model, task]
                    parts.append(painted + " " * (widths[task] - len(plain)))
                lines.append("  ".join([names[model].ljust(first), *parts]).rstrip())
        return "\n".join(lines)

    def blocks(self, tasks: list[str], widths: dict[str, int], first: int) -> list[list[str]]:
        """The tasks, in groups that fit on the screen side by side."""
        blocks, room = [[]], self.width - first
        for task in tasks:
            if blocks[-1] and room < widths[task] + 2:
                blocks.append([])
                room = self.width - first
            blocks[-1].append(task)
            room -= widths[task] + 2
        return blocks

    def cell(self, runs: list[Run]) -> tuple[str, str]:
        """One mark per seed (or counts, if there are many) and the mean accuracies so far."""
        if len(runs) <= 5:
            marks = [(self.glyph(run.state), run.state) for run in runs]
        else:
            counts = Counter(run.state for run in runs)
            marks = [
                (f"{counts[state]}{self.glyph(state)}", state) for state in STATES if counts[state]
            ]
        known = [run.accuracy[:2] for run in runs if run.accuracy]
        means = [sum(column) / len(column) for column in zip(*known, strict=False)]
        numbers = "/".join(f"{int(100 * mean + 1e-9)}" for mean in means)  # 99.9 % is not 100
        numbers = f" {numbers}" if numbers else ""
        plain = "".join(text for text, _ in marks) + numbers
        return plain, "".join(self.paint(text, state) for text, state in marks) + numbers

    def legend(self, jobs: list[Job]) -> str:
        """What the marks and numbers on the board mean."""
        present = {run.state for job in jobs for run in job.runs.values()}
        marks = [
            f"{self.paint(self.glyph(name), name)} {state.meaning}"
            for name, state in STATES.items()
            if name in present
        ]
        note = (
            "One mark per seed. Numbers: mean accuracy (%) on the two shortest bins, of test "
            "strings once a run is done, of validation strings before."
        )
        return "\n".join([*_lines(marks, self.width), *textwrap.wrap(self.text(note), self.width)])

    def total(self, jobs: list[Job]) -> str:
        """How many runs are in which state."""
        counts = Counter(run.state for job in jobs for run in job.runs.values())
        done = sum(counts[state] for state in STATUSES)
        diverged = self.paint(f"{counts['diverged']} diverged", "diverged")
        parts = [
            f"{done} of {counts.total()} runs done" + f" ({diverged})" * bool(counts["diverged"])
        ]
        parts += [
            self.paint(f"{counts[state]} {state}", state)
            for state in ("running", "trained", "outdated", "failed", "interrupted", "waiting")
            if counts[state]
        ]
        return ", ".join(parts)

    def trouble(self, jobs: list[Job]) -> str:
        """The jobs that failed or were interrupted, with their logs."""
        failed, interrupted = [], []
        for job in jobs:
            if job.error is not None:
                line = f"{self.paint('failed', 'failed')}: {self.where(job)}: {job.error}"
                failed.append(f"{line}\n    see {job.log}")
            elif any(run.state == "interrupted" for run in job.runs.values()):
                word = self.paint("interrupted", "interrupted")
                interrupted.append(f"{word}: {self.where(job)}\n    see {job.log}")
        return self.text("\n".join([*failed, *_first(interrupted)]))

    def running(self, jobs: list[Job], now: float) -> str:
        """The runs at work, with their epochs and validation accuracies."""
        lines = []
        for job in jobs:
            for seed, run in job.runs.items():
                if run.state != "running":
                    continue
                what = f"{self.where(job, [seed])}: "
                if job.stage == "evaluate":
                    what += "being evaluated"
                elif run.epoch is None:
                    what += "starting"
                else:
                    what += f"epoch {run.epoch} of {run.epochs}"
                    what += "".join(f", {labels.percent(value)} %" for value in run.accuracy)
                if job.heard is not None and now - job.heard > 90:
                    what += f" (heard of {(now - job.heard) / 60:.0f} min ago)"
                lines.append(self.paint(self.glyph("running"), "running") + " " + what)
        return self.text("\n".join(_first(lines)))

    def where(self, job: Job, seeds: Sequence[int] | None = None) -> str:
        """Model, task and seeds in words."""
        seeds = labels.seeds(list(job.runs) if seeds is None else seeds)
        return f"{labels.model(job.model)} on {labels.task(job.task)}, {seeds}"


def _can_write(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _first(lines: list[str]) -> list[str]:
    more = len(lines) - LISTED
    return lines[:LISTED] + [f"  and {more} more"] * (more > 0)


def _lines(parts: list[str], width: int) -> list[str]:
    """Parts, which may hold colours, filled into lines."""
    lines, used = [], width
    for part in parts:
        length = len(re.sub(r"\033\[[\d;]*m", "", part))
        if used + 3 + length > width:
            lines.append(part)
            used = length
        else:
            lines[-1] += "   " + part
            used += 3 + length
    return lines
