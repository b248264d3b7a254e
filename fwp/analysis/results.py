"""The results of an experiment in Python: every table as a data frame, and every cell.

Tables are read when they are first asked for. The workflow does not use this file.
"""

from collections.abc import Callable
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fwp.analysis.cell import CellResults
from fwp.analysis.records import OpenRecord, is_record
from fwp.results import collect, frames, settings, text
from fwp.results.collect import Results
from fwp.results.frames import ACCURACY, HISTORY, RUNS, present
from fwp.results.integrity import MissingFile, ResultsError, check_sum, damaged
from fwp.results.mistakes import mistakes_frame
from fwp.results.statistics import by_bin
from fwp.results.summary import read_summary
from fwp.results.text_frames import TEXT_RUNS
from fwp.results.trials import read_trials
from fwp.utils.suggest import suggestion

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAMES = {
    "accuracy": "per run × bin (without `length`), and per run × length",
    "history": "per run × epoch",
    "runs": "per run: how its training ended, and what it cost",
    "summary": "per task × model × bin: mean, interval, share of seeds that solve it",
    "settings": "per task × model: every resolved setting",
    "provenance": "per cell: code, data, machine, versions",
    "mistakes": "strings that each seed gets wrong",
    "states": "per task × model: numbers in its state",
    "claims": "verdicts on claims, with their evidence",
    "search": "per trial of a search × seed",
    "text": "per run × range of positions of a text",
    "text_history": "per run × measurement, of texts and translations",
    "text_runs": "as `runs`, of texts and translations",
    "translation": "per run × decoding × bin of source lengths",
}
"""What there may be, and what a row is."""


class ExperimentResults(Results):
    """Tidy frames of an experiment (`FRAMES`), and its cells.

    Unpacks into accuracy, history and runs. An experiment on texts alone has no rows in them.
    """

    folder: Path
    source: Path
    """What was asked for: the folder, or the record that was opened there."""
    opened: OpenRecord | None = None

    def __new__(cls, accuracy, history, runs, folder: Path, source: Path | None = None):
        """`folder` is that of the results, or their folder `tables`."""
        new = super().__new__(cls, accuracy, history, runs)
        new.folder, new.source = folder, source or folder
        return new

    @property
    def tables(self) -> Path:
        """The folder of the tables."""
        return _tables(self.folder)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row per task × model × bin (`fwp.results.statistics.summarise`)."""
        return self._table("summary.csv", lambda path: read_summary(path.parent).cells)

    @cached_property
    def claims(self) -> pd.DataFrame:
        """One row per claim × model × task × bin, with the evidence."""
        hint = "`snakemake claims` makes it"
        return self._table("claims.csv", _read_claims, hint)

    @cached_property
    def search(self) -> pd.DataFrame:
        """One row per trial × seed (`fwp.results.trials`)."""
        hint = "only an experiment with a `search` has it; `snakemake search_tables` makes it"
        return self._table("trials.csv", read_trials, hint)

    @cached_property
    def text(self) -> pd.DataFrame:
        """One row per run × range of positions (`fwp.results.text_frames.TEXT`)."""
        return self._of_texts("text.csv", text.TEXT)

    @cached_property
    def translation(self) -> pd.DataFrame:
        """One row per run × decoding × bin (`fwp.results.text_frames.TRANSLATION`)."""
        return self._of_texts("translation.csv", text.TRANSLATION)

    @cached_property
    def text_history(self) -> pd.DataFrame:
        """The history of texts and translations."""
        return self._of_texts("text_history.csv", text.TEXT_HISTORY)

    @cached_property
    def text_runs(self) -> pd.DataFrame:
        """The runs of texts and translations."""
        return self._of_texts("text_runs.csv", TEXT_RUNS)

    @cached_property
    def every_run(self) -> pd.DataFrame:
        """`runs` and, where there are any, `text_runs`, with the columns that both have."""
        if not (self.tables / "text_runs.csv").exists():
            return self.runs
        return frames.joined([part for part in (self.runs, self.text_runs) if len(part)], RUNS)

    @cached_property
    def settings(self) -> pd.DataFrame:
        """One row per model × task: every resolved setting (`fwp.results.settings`)."""
        return settings.settings(self.cell_folders)

    @cached_property
    def provenance(self) -> pd.DataFrame:
        """One row per cell folder: code, data, machine and versions."""
        return settings.provenance(self.cell_folders)

    @cached_property
    def mistakes(self) -> pd.DataFrame:
        """One row per wrong string that was kept: `fwp.results.mistakes.COLUMNS`."""
        return mistakes_frame(self.cells_folder, self.runs)

    @property
    def cells_folder(self) -> Path:
        """The folder `cells` of the results.

        Raises:
            ResultsError: there is none, as if only tables had been copied.
        """
        cells = self.tables.parent / "cells"
        if not cells.is_dir():
            raise MissingFile(
                f"{cells}: the folder is missing; settings, mistakes and models are in it, so copy "
                "it with the tables"
            )
        return cells

    @property
    def cell_folders(self) -> list[Path]:
        """The folders of all cells, in the order of the config.

        Raises:
            ResultsError: as `cells_folder`.
        """
        return [self.cells_folder / name for name in self.every_run["cell"].unique()]

    def cell(self, task: str, model: str) -> CellResults:
        """The results of one model on one task, and its trained models.

        Raises:
            ResultsError: there is no such cell.
        """
        runs = self.every_run
        for what, name in (("task", task), ("model", model)):
            known = present(runs[what])
            if name not in known:
                other = "model" if what == "task" else "task"
                swapped = name in present(runs[other])
                hint = f": it is a {other}, cell(task, model)" if swapped else ""
                raise ResultsError(
                    f"{self.folder} has no {what} {name!r}"
                    f"{hint or suggestion(name, known)}; it has {', '.join(known)}"
                )
        own = runs[(runs["task"] == task) & (runs["model"] == model)]
        if own.empty:
            raise ResultsError(f"{self.folder} has no runs of {model} on {task}")
        return CellResults(self, task, model, own)

    @cached_property
    def states(self) -> pd.DataFrame:
        """One row per task × model on strings: `state`, its numbers; missing if it grows.

        Raises:
            ResultsError, WeightsError, DatasetError: as `CellResults.model`.
        """
        from fwp.models.state_size import numbers_in_state
        from fwp.models.window import window_of

        rows = []
        for task, name in self.runs[["task", "model"]].drop_duplicates().itertuples(index=False):
            cell = self.cell(str(task), str(name))
            model = cell.model(cell.seeds[0])
            state = numbers_in_state(model, full=window_of(model) or 1)
            rows.append({"task": task, "model": name, "state": state})
        return pd.DataFrame(rows).astype({"state": "Int64"})

    def accuracy_by_state(self) -> "Figure":
        """A figure: the share of positions right against the size of the state, by task."""
        from fwp.report.figures.recall import accuracy_by_state

        return accuracy_by_state(self.accuracy, self.states)

    def _table(self, name: str, read: Callable[[Path], pd.DataFrame], hint: str = ""):
        """A table; if it is missing the error says what makes it."""
        path = self.tables / name
        if not path.exists():
            raise MissingFile(f"{path}: the file is missing; {hint or '`snakemake` makes it'}")
        return read(path)

    def _of_texts(self, name: str, schema: frames.Schema) -> pd.DataFrame:
        hint = "only an experiment with texts or translations has it; `snakemake` makes it"
        return self._table(name, lambda path: frames.read(path, schema), hint)

    def __repr__(self) -> str:
        """What there is, a line for each frame."""
        lines = [self._head(), *(f"  .{name:14}{FRAMES[name]}" for name in self._there())]
        return "\n".join([*lines, "  .cell(task, model)  settings, mistakes and trained models"])

    def _repr_html_(self) -> str:
        """The mean accuracy of every cell, in the notebook."""
        names = ", ".join(f"<code>.{name}</code>" for name in self._there())
        head, one = escape(self._head()), "<code>.cell(task, model)</code>"
        text = f"<p>{head} Frames: {names}. One cell: {one}.</p>"
        if self.accuracy.empty:
            return text
        means = overview(self.accuracy)
        note = "<p>Sequence accuracy in per cent, mean of the seeds, in each bin of lengths.</p>"
        return text + note + means.to_html(border=0, na_rep="")

    def _head(self) -> str:
        runs = self.every_run
        counts = [f"{len(present(runs[what]))} {what}s" for what in ("model", "task")]
        cells = runs[["task", "model"]].drop_duplicates()
        return (
            f"Results in {self.source}: {' × '.join(counts)}, {len(cells)} cells, {len(runs)} runs."
        )

    def _there(self) -> list[str]:
        files = {"summary": "summary.csv", "claims": "claims.csv", "search": "trials.csv"}
        own = [] if self.runs.empty else ["accuracy", "history", "runs"]
        own += [name for name, file in files.items() if (self.tables / file).exists()]
        if (self.tables.parent / "cells").is_dir():
            own += ["settings", "provenance"] + ([] if self.runs.empty else ["mistakes", "states"])
        if (self.tables / "text.csv").exists():
            own += ["text", "translation", "text_history", "text_runs"]
        return [name for name in FRAMES if name in own]


def load_results(folder: str | Path) -> ExperimentResults:
    """Read accuracy, history and runs; everything else is read when it is asked for.

    Args:
        folder: the experiment's results, or its folder `tables`; or a record
            (`fwp.analysis.records`), which is opened in a temporary folder.

    Raises:
        ResultsError: a table is missing or damaged.
    """
    folder = Path(folder)
    if is_record(folder):
        opened = OpenRecord(folder)
        found = ExperimentResults(
            *collect.read_results(opened.folder / "tables"), opened.folder, folder
        )
        found.opened = opened
        return found
    if not folder.is_dir():
        raise MissingFile(f"{folder}: there is no such folder; `snakemake` makes the results")
    tables = _tables(folder)
    if not (tables / "accuracy.csv").exists() and (tables / "text.csv").exists():
        accuracy, history, runs = map(frames.empty, (ACCURACY, HISTORY, RUNS))
        return ExperimentResults(accuracy, history, runs, folder)
    if not (tables / "accuracy.csv").exists():
        raise MissingFile(
            f"{tables / 'accuracy.csv'}: the file is missing; `snakemake collect` makes it, once "
            "all cells are finished, and `snakemake --config partial=true` before"
        )
    accuracy, history, runs = collect.read_results(tables)
    return ExperimentResults(accuracy, history, runs, folder)


def overview(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Models × tasks: mean sequence accuracy in per cent, in each bin ("100 / 99.3 / 4")."""
    rows = by_bin(accuracy)
    means = rows.groupby(["model", "task", "bin_index"], observed=True)["sequence_accuracy"].mean()
    texts = means.mul(100).map(lambda value: f"{value:.1f}".removesuffix(".0"))
    joined = texts.groupby(["model", "task"], observed=True).agg(" / ".join)
    return joined.unstack("task").rename_axis(index=None, columns=None)


def _tables(folder: Path) -> Path:
    return folder / "tables" if (folder / "tables").is_dir() else folder


def _read_claims(path: Path) -> pd.DataFrame:
    check_sum(path)
    try:
        columns = pd.read_csv(path, nrows=0).columns
        names = [name for name in ("claim", "task", "model", "bin") if name in columns]
        return pd.read_csv(
            path,
            dtype=dict.fromkeys(names, str),
            keep_default_na=False,
            na_values={name: [""] for name in columns if name not in names},
        )
    except ValueError as error:
        raise damaged(path, str(error)) from None
