"""The grid as a board: which runs are done, running, failed or still to come, and how they fare."""

import os
import shutil
import sys
import textwrap
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from fwp.report import labels
from fwp.results.job_state import RunState
from fwp.results.record import STATUSES
from fwp.status import lines, time_left
from fwp.status.marks import STATES, counted, letters, mark
from fwp.status.snapshot import Watcher
from fwp.status.state import Status

GAP = 2  # columns between two tasks
NARROW = 6  # columns of a task without numbers, at least
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


def show(experiment, *, slurm: bool = True) -> None:
    """Print the board of a `fwp.experiment.experiment.Experiment`.

    Args:
        slurm: whether to ask Slurm for the jobs of a run that uses it.
    """
    console = Terminal()
    console.print(Board(Watcher(experiment, slurm=slurm).look()), crop=False)


class Terminal(Console):
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
    """The state of every run of an experiment.

    Args:
        status: what to show.
        height: lines that the board may take; what matters least is left out. None for all.
        wrap: whether to break long messages and paths; unbroken ones can be copied.
    """

    def __init__(self, status: Status, *, height: int | None = None, wrap: bool = False):
        self.status, self.height, self.wrap = status, height, wrap
        self.runs: dict[tuple[str, str], list[RunState]] = defaultdict(list)
        for job in status.jobs:
            self.runs[job.model, job.task] += job.runs.values()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        spaced = [line for part in self.parts(options.max_width) for line in (part, "")][:-1]
        for segment in console.render(Group(*spaced), options):
            text = letters(segment.text) if options.ascii_only else segment.text
            yield Segment(text, segment.style, segment.control)

    def parts(self, width: int) -> list[RenderableType]:
        """What stands one below the other, as far as there is room."""
        total = self.total()
        if self.height is None:
            below = [self._joined(lines.first(self.trouble(), lines.LISTED))]
            below += [self._joined(lines.first(self.running(None), lines.LISTED))]
            grid = []
            if self.status.jobs:
                grid = [*self.tables(width), Group(self.legend(), Text(self.note()))]
            return [*grid, total, *(part for part in below if part)]
        return self._fitted(width, self.height, total)

    def _fitted(self, width: int, height: int, total: Text) -> list[RenderableType]:
        """The grid as large as there is room for, beside all else that is to be said."""
        running, trouble = self.running(width), self.trouble()
        room = height - _height(total, width)
        heights = [_height(line, width) for line in trouble]
        wanted = min(sum(heights) + bool(heights), room // 3) + min(
            len(running) + bool(running), room // 2
        )
        above: list[RenderableType] = []
        for grid, rows in self._grids(width, room - wanted - 2):
            if rows + 2 + wanted <= room:
                above, room = [*grid, self.legend()], room - rows - 2
                break
        parts, room = [*above, total], room - bool(above)
        # Jobs that run have what failures leave, and at least half of the room.
        share = min(len(running) + 1, max(room - sum(heights) - 1, (room + 1) // 2))
        if shown := _first_of(trouble, heights, room - share - 1):
            parts, room = [*parts, self._joined(shown)], room - 1 - _height(shown, width)
        if shown := _first_of(running, [1] * len(running), room - 1):
            parts, room = [*parts, self._joined(shown)], room - 1 - len(shown)
        note = Text(self.note())
        if above and room > (needed := _height(note, width)) and needed:
            parts[len(above) - 1] = Group(self.legend(), note)
        return parts

    def _grids(self, width: int, room: int) -> Iterator[tuple[list[RenderableType], int]]:
        """The grid and its lines, the most telling first: with numbers, marks alone, counts."""
        status = self.status
        if not status.jobs:
            return
        for numbers in (True, False):
            if len(status.models) + 2 <= room:  # else not even one block fits
                tables = list(self.tables(width, numbers=numbers))
                high = 1 if numbers else max(map(_lines, status.tasks))
                yield [*tables], sum(table.row_count + high + 1 for table in tables)
        kinds = [(0, status.models, labels.model), (1, status.tasks, labels.task)]
        for place, names, shown in sorted(kinds, key=lambda kind: len(kind[1]), reverse=True):
            counts: dict[str, Counter] = defaultdict(Counter)
            for key, runs in self.runs.items():
                counts[key[place]].update(run.state for run in runs)
            rows = [
                Text.assemble(f"{shown(name)} ", Text(" ").join(_texts(counts[name])))
                for name in names
            ]
            wide = max(row.cell_len for row in rows)
            side = max(1, (width + 3) // (wide + 3))
            columns = Columns(rows, padding=(0, 3), width=wide, column_first=True)
            yield [columns], -(-len(rows) // side) + 1

    def tables(self, width: int, *, numbers: bool = True) -> Iterator[Table]:
        """Rows of models, columns of tasks; tasks that do not fit side by side follow below.

        Without numbers, columns are as narrow as their marks, and their heads are broken.
        """
        status = self.status
        names = [Text(labels.model(model)) for model in status.models]
        columns = []
        for task in status.tasks:
            write = WRITTEN[status.kinds[task]] if numbers else None
            cells = [_cell(self.runs[model, task], write) for model in status.models]
            head = labels.task(task)
            if not numbers:
                head = textwrap.fill(head, max(NARROW, *(cell.cell_len for cell in cells)))
            columns.append([Text(head), *cells])
        gap = GAP if numbers else 1
        for block in _blocks(columns, width - max(name.cell_len for name in names), gap):
            rows = [
                (name, *(column[i] for column in block)) for i, name in enumerate(names, start=1)
            ]
            yield _table([column[0] for column in block], rows, gap)

    def note(self) -> str:
        """How to read the numbers."""
        return " ".join(NOTES[kind] for kind in NOTES if kind in self.status.kinds.values())

    def legend(self) -> Columns:
        """What the marks on the board mean."""
        present = self.status.counts()
        marks = [
            Text.assemble(mark(name), " ", state.meaning)
            for name, state in STATES.items()
            if present[name]
        ]
        return Columns(marks, padding=(0, 3))

    def total(self) -> Text:
        """How many runs are in which state, and what is left."""
        counted = [self._counted()] if self.status.jobs else []
        counted += lines.experiments(self.status)
        more = [line(self.status) for line in (time_left.sentence, lines.searches, lines.slurm)]
        return Text("\n").join([*counted, *(Text(line) for line in more if line)])

    def _counted(self) -> Text:
        counts = self.status.counts()
        done = Text(f"{sum(counts[state] for state in STATUSES)} of {counts.total()} runs done")
        if counts["diverged"]:
            done.append_text(Text.assemble(" (", _painted("diverged", counts), ")"))
        others = (state for state in STATES if state not in STATUSES and counts[state])
        return Text(", ").join([done, *(Text.assemble(_painted(s, counts)) for s in others)])

    def trouble(self) -> list[Text]:
        """The jobs that failed or were interrupted, with their logs, and files that are damaged."""
        return lines.trouble(self.status)

    def running(self, width: int | None) -> list[Text]:
        """The jobs at work, with their epochs, validation accuracies, rates and places."""
        return lines.running(self.status, width)

    def _joined(self, texts: list[Text]) -> Text:
        """The lines as one text; an empty one if there are none."""
        overflow = "fold" if self.wrap else "ignore"
        return Text("\n", no_wrap=not self.wrap, overflow=overflow).join(texts)


def _painted(state: str, counts: Counter) -> tuple[str, str]:
    return mark(state, f" {state}", counts[state])


def _texts(counts: Counter) -> list[Text]:
    return [Text(*painted) for painted in counted(counts)]


def _cell(runs: list[RunState], write: Callable[[float], str] | None) -> Text:
    """One mark per seed (or counts, if there are many) and the mean accuracies so far."""
    if len(runs) <= 5:
        marks = [mark(run.state) for run in runs]
    else:
        marks = counted(Counter(run.state for run in runs))
    if write is None:
        return Text.assemble(*marks)
    known = [run.accuracy[:2] for run in runs if run.accuracy]
    means = [sum(column) / len(column) for column in zip(*known, strict=False)]
    numbers = "/".join(map(write, means))
    return Text.assemble(*marks, f" {numbers}" if numbers else "")


def _table(heads: Sequence[Text], rows: Sequence[Sequence[Text]], gap: int) -> Table:
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(overflow="fold")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _blocks(columns: list[list[Text]], width: int, gap: int) -> list[list[list[Text]]]:
    """The columns, in groups that fit into the width side by side."""
    blocks, room = [[]], width
    for column in columns:
        needed = gap + max(line.cell_len for text in column for line in text.split("\n"))
        if blocks[-1] and room < needed:
            blocks.append([])
            room = width
        blocks[-1].append(column)
        room -= needed
    return blocks


def _lines(task: str) -> int:
    """Lines that the head of a narrow column takes at most."""
    return len(textwrap.wrap(labels.task(task), NARROW))


def _height(text: Text | Sequence[Text], width: int) -> int:
    """Lines that a text takes, or several, once they are broken."""
    if not isinstance(text, Text):
        return sum(_height(part, width) for part in text)
    return sum(max(1, -(-line.cell_len // width)) for line in text.split("\n")) if text else 0


def _first_of(texts: Sequence[Text], heights: Sequence[int], room: int) -> list[Text]:
    """As many as there is room for, and how many more there are; none without room."""
    if sum(heights) <= room:
        return list(texts)
    count, used = 0, 1
    while count < len(heights) and used + heights[count] <= room:
        used += heights[count]
        count += 1
    return lines.first(texts, count) if count else []
