"""Two experiments side by side: where their results differ, and what was different about them."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from fwp.analysis.results import ExperimentResults, load_results
from fwp.results.comparison import EQUAL, METHOD, VERDICTS, compare, measurements
from fwp.results.integrity import MissingFile
from fwp.results.record import read_record
from fwp.results.settings import MADE, flat

CELL = ("task", "model")
WORDS = dict(
    zip(
        VERDICTS,
        (
            "different by more than seeds explain",
            "different by no more than seeds explain",
            "different, with too few seeds to tell",
            "equal",
        ),
        strict=True,
    )
)
LACKING = "none"
"""In place of the value of a setting that one of the two does not have."""


@dataclass(frozen=True, repr=False)
class Comparison:
    """What differs between the results A and B.

    Attributes:
        a, b: their folders.
        cells: a row per cell and bin that both have (`fwp.results.comparison.compare`).
        only: a row per cell and bin that one alone has: task, model, measure, bin, side (A or B).
        claims: claims with another verdict: claim, a, b.
        settings: settings of cells of both that differ: task, model, setting, a, b.
        made: what else differs about these cells: task, model, what (code, data, machine,
            versions), a, b.
        notes: what could not be compared.
        method: of the tests, in words.
    """

    a: str
    b: str
    cells: pd.DataFrame
    only: pd.DataFrame
    claims: pd.DataFrame
    settings: pd.DataFrame
    made: pd.DataFrame
    notes: tuple[str, ...] = ()
    method: str = METHOD

    @property
    def identical(self) -> bool:
        """Whether all results are the same: cells, seeds, values and verdicts."""
        counts = self.cells[["a_seeds", "b_seeds", "same"]]
        every = bool((counts.nunique(axis=1) == 1).all())
        return every and self.only.empty and self.claims.empty

    @property
    def differing(self) -> pd.DataFrame:
        """The rows of `cells` that are not equal: those that differ first, then by distance."""
        rows = self.cells[self.cells["verdict"] != EQUAL]
        rank = pd.Categorical(rows["verdict"], VERDICTS, ordered=True)
        order = pd.DataFrame({"rank": rank.codes, "far": -rows["difference"].abs()}, rows.index)
        return rows.loc[order.sort_values(["rank", "far"], kind="stable").index]

    @property
    def headline(self) -> str:
        """What the comparison says, in a sentence or two."""
        rows = self.cells
        cells = len(rows[list(CELL)].drop_duplicates())
        if self.identical:
            other = [] if self.settings.empty else ["settings"]
            other += self.made["what"].unique().tolist()
            rest = f"; other {', '.join(other)}" if other else ""
            return (
                f"A and B have the same results in {_number(cells, 'cell')} "
                f"({_number(len(rows), 'bin')}){rest}."
            )
        counts = rows["verdict"].value_counts()
        parts = [f"{counts[name]} {WORDS[name]}" for name in VERDICTS if counts.get(name)]
        if not parts:
            return "A and B have no cell in common."
        text = f"{_number(cells, 'cell')} in both, {_number(len(rows), 'bin')}"
        return f"{text}: {', '.join(parts)}."

    def to_dict(self) -> dict[str, Any]:
        """Plain builtins, ready for JSON."""
        frames = ("cells", "only", "claims", "settings", "made")
        found = {name: _records(getattr(self, name)) for name in frames}
        facts = {"a": self.a, "b": self.b, "identical": self.identical, "headline": self.headline}
        return facts | {"method": self.method, "notes": list(self.notes)} | found

    def __repr__(self) -> str:
        """The headline, and where to look."""
        rows = [
            f"  .{name}: {len(getattr(self, name))} rows"
            for name in ("differing", "only", "claims", "settings", "made")
            if len(getattr(self, name))
        ]
        return "\n".join([f"A = {self.a}, B = {self.b}", self.headline, *rows, *self.notes])

    def _repr_html_(self) -> str:
        shown = self.differing.drop(columns=["shared", "same", "test", "p"])
        text = f"<p>{escape(f'A = {self.a}, B = {self.b}. {self.headline}')}</p>"
        return text + (shown.to_html(index=False, border=0, max_rows=30) if len(shown) else "")


def compare_results(
    a: str | Path | ExperimentResults, b: str | Path | ExperimentResults
) -> Comparison:
    """Compare two folders of results.

    Raises:
        ResultsError: a table or record is missing or damaged.
    """
    first, second = (
        own if isinstance(own, ExperimentResults) else load_results(own) for own in (a, b)
    )
    measured = _measured(first), _measured(second)
    notes, settings, made, same_data = [], [], [], []
    try:
        records = [_records_of(own) for own in (first, second)]
        facts = [_facts(own) for own in (first, second)]
    except MissingFile as error:
        notes.append(f"Settings, code and data are not compared. {error}")
    else:
        settings = list(_different(*records))
        made = list(_different(*facts))
        other = {(task, model) for task, model, what, *_ in made if what.startswith("data.")}
        same_data = [key for key in facts[0] if key in facts[1] and key not in other]
    return Comparison(
        str(first.source),
        str(second.source),
        compare(*measured, same_data=same_data),
        _only(*measured),
        _claims(first, second),
        pd.DataFrame(settings, columns=[*CELL, "setting", "a", "b"]),
        pd.DataFrame(made, columns=[*CELL, "what", "a", "b"]),
        tuple(notes),
    )


def grouped(frame: pd.DataFrame, what: str) -> list[tuple[str, Any, Any, str]]:
    """Rows of `settings` or `made` with the same change as one: what, a, b, and which cells."""
    rows: dict[tuple, list[tuple[str, str]]] = {}
    for row in frame.to_dict("records"):
        key = (row[what], str(row["a"]), str(row["b"]))
        rows.setdefault(key, []).append((row["task"], row["model"]))
    return [(*key, _cells(cells)) for key, cells in rows.items()]


def _cells(cells: list[tuple[str, str]]) -> str:
    """Cells in words: by the model or task that they share, if many."""
    tasks, models = (list(dict.fromkeys(names)) for names in zip(*cells, strict=True))
    if len(cells) == 1:
        return f"{models[0]} on {tasks[0]}"
    if len(models) == 1:
        return f"{models[0]} on {len(tasks)} tasks"
    if len(tasks) == 1:
        return f"{len(models)} models on {tasks[0]}"
    return f"{len(cells)} cells"


def _measured(results: ExperimentResults) -> pd.DataFrame:
    has_texts = (results.tables / "text.csv").exists()
    texts = (results.text, results.translation) if has_texts else ()
    return measurements(results.accuracy, *texts)


def _records_of(results: ExperimentResults) -> dict[tuple[str, str], dict[str, Any]]:
    """The settings of every cell, by task and model."""
    found = {}
    for folder in results.cell_folders:
        record = read_record(folder / "cell.json")
        found.setdefault((record["task"], record["model"]), dict(flat(record["config"])))
    return found


def _facts(results: ExperimentResults) -> dict[tuple[str, str], dict[str, Any]]:
    """What every cell was made with; of several jobs, all that there is."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in results.provenance.to_dict("records"):
        own = found.setdefault((row["task"], row["model"]), {})
        for what in MADE:
            own.setdefault(what, set()).add("unknown" if pd.isna(row[what]) else str(row[what]))
    return {
        key: {what: ", ".join(sorted(values)) for what, values in own.items()}
        for key, own in found.items()
    }


def _different(a: dict, b: dict) -> Iterable[tuple]:
    for key in a:
        if key in b:
            for name in a[key] | b[key]:
                values = [own[key].get(name, LACKING) for own in (a, b)]
                if values[0] != values[1]:
                    yield (*key, name, *values)


def _only(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    keys = ["task", "model", "measure", "bin"]
    first, second = (frame[keys].drop_duplicates() for frame in (a, b))
    merged = first.merge(second, how="outer", indicator="side", sort=False)
    rows = merged[merged["side"] != "both"]
    sides = rows["side"].astype(str).map({"left_only": "A", "right_only": "B"})
    return rows.assign(side=sides).reset_index(drop=True)


def _claims(a: ExperimentResults, b: ExperimentResults) -> pd.DataFrame:
    verdicts = []
    for own in (a, b):
        there = (own.tables / "claims.csv").exists()
        frame = own.claims if there else pd.DataFrame(columns=["claim", "verdict"])
        verdicts.append(dict(zip(frame["claim"], frame["verdict"], strict=True)))
    first, second = verdicts
    rows = [
        (claim, first.get(claim, LACKING), second.get(claim, LACKING))
        for claim in dict.fromkeys([*first, *second])
        if first.get(claim) != second.get(claim)
    ]
    return pd.DataFrame(rows, columns=["claim", "a", "b"])


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _records(frame: pd.DataFrame) -> list[dict]:
    return frame.astype(object).where(frame.notna(), None).to_dict("records")
