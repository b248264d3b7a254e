"""The report: one page that says what was run and what came out, with everything in it.

The page stands alone (figures are part of it) and can be read without scripts. Numbers lead to the
record of their cell, which is part of the page too and leads to the files beside it. Only the
explorer needs a script. It is part of the page as well, and asks for nothing from a network.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fwp.claims.verdicts import read_judgements
from fwp.datasets import card_reader as dataset_cards
from fwp.report import findings, overview, texts
from fwp.report import made as how
from fwp.report.explorer.mistakes import examples
from fwp.report.explorer.strings import of_strings
from fwp.report.explorer.write import explorer
from fwp.report.html import render
from fwp.report.labels import lengths, listed, percent, shown_as
from fwp.report.picture import address, width
from fwp.report.tables import atlas, claims, datasets, evidence
from fwp.report.tables.search import search_tables
from fwp.report.tables.sections import sections
from fwp.results import collect, statistics, unfinished
from fwp.results.atlas import read_answers
from fwp.results.frames import RUNS, groups, joined
from fwp.results.integrity import MissingFile, check_sum, read_bytes
from fwp.results.names import read_names
from fwp.results.record import read_record
from fwp.results.summary import read_summary
from fwp.results.trials import read_trials
from fwp.utils.files import write_text

FIGURES = ("atlas", "length", "strip", "solved-epochs", "learning")
BY_STATE = "accuracy-by-state"
SEARCH_FIGURES = ("search-settings", "search-best")


def write(
    folder: str | Path,
    output: str | Path,
    *,
    cards: Sequence[str | Path],
    made: Mapping | None = None,
    search: Mapping | None = None,
    text_cards: Sequence[str | Path] = (),
) -> None:
    """Write the report on the results in `folder`.

    Args:
        folder: of an experiment's results, with tables/, figures/ and cells/.
        output: the page, a file in `folder`.
        cards: the dataset cards of tasks of strings; without any, there is nothing on strings.
        made: what the workflow tells of how the results were made (`fwp.report.made.chapter`).
        search: the section `search` of the config, if settings were searched.
        text_cards: the cards of texts and translations.

    Raises:
        ResultsError: a table, figure, card or record is missing or damaged.
    """
    prefix = "" if cards else "text_"
    with shown_as(read_names(Path(folder) / "tables" / f"{prefix}names.csv")):
        write_text(output, _page(Path(folder), cards, text_cards, made, search))


def _page(
    folder: Path,
    cards: Sequence[str | Path],
    text_cards: Sequence[str | Path],
    made: Mapping | None,
    search: Mapping | None,
) -> str:
    tables = folder / "tables"
    lacking, unwritten = (
        unfinished.read_unfinished(tables / name) if own else []
        for name, own in (("missing.csv", cards), ("text_missing.csv", text_cards))
    )
    lost = [*lacking, *unwritten]
    strings = _strings(folder, cards, lacking) if cards else {}
    written = texts.chapters(folder, text_cards, _figures) if text_cards else {}
    records = strings.get("records", {}) | written.get("records", {})
    runs = joined([own["runs"] for own in (strings, written) if own], RUNS)
    accuracy = strings.get("every_length")
    searched = search and search_tables(read_trials(tables / "trials.csv"), accuracy, search)
    judgements = read_judgements(tables / "claims.json")
    figures = strings.get("figures", {}) | written.get("figures", {})
    if search:
        figures |= _figures(folder, SEARCH_FIGURES)
    return render(
        "report.html.j2",
        counts=overview.counts(runs, accuracy, written),
        models=overview.models(records),
        strings=strings,
        texts=written,
        verdicts=pd.Series([item.verdict for item in judgements], dtype=str).value_counts(),
        claims=judgements,
        claims_note=claims.note(judgements),
        words=evidence,
        answers=atlas,
        findings=findings.read(folder / "findings.md"),
        link=_link,
        record=lambda task, model: _link(task, model) if (task, model) in records else None,
        lost=len(lost),
        missing=listed(_with_links(lost, folder)),
        search=searched,
        figures=figures,
        records=records,
        explorer=_explorer(folder, strings, written, records),
        made=how.chapter(folder, records, search=bool(search), told=made),
    )


def _strings(folder: Path, paths: Sequence[str | Path], missing: list[dict]) -> dict[str, Any]:
    """What the templates show of tasks of strings."""
    tables = folder / "tables"
    runs = collect.read_runs(tables / "runs.csv")
    every_length = collect.read_accuracy(tables / "accuracy.csv")
    cards = [dataset_cards.read(card) for card in paths]
    summary = read_summary(tables)
    trained = dataset_cards.training_lengths(paths)
    history = collect.read_history(tables / "history.csv")
    figures = _figures(folder, FIGURES)
    drawn = folder / "analysis" / f"{BY_STATE}.svg"
    # `snakemake states` draws it; one that is older than the accuracies is of other ones.
    if drawn.is_file() and drawn.stat().st_mtime >= (tables / "accuracy.csv").stat().st_mtime:
        data = read_bytes(drawn)
        figures[BY_STATE] = {"source": address(data), "width": width(data)}
    return {
        "explored": of_strings(summary, every_length, history, runs, trained),
        "runs": runs,
        "every_length": every_length,
        "tasks": [overview.task(card) for card in cards],
        "sections": {part.label: part for part in sections(summary, runs, missing=missing)},
        "datasets": datasets.html_tables(cards),
        "figures": figures,
        "atlas": read_answers(tables / "atlas.csv"),
        "records": cell_records(runs, statistics.by_bin(every_length), folder / "cells"),
    }


def _explorer(folder: Path, strings: Mapping, written: Mapping, records: Mapping) -> dict | None:
    """What the template of the explorer shows."""
    kinds = [*([strings["explored"]] if strings else []), *written.get("explored", [])]
    if not kinds:
        return None
    cells = {key: [folder / "cells" / own for own in of["groups"]] for key, of in records.items()}
    pictures = {}
    for task, model in records:
        path = folder / "analysis/automata" / task / f"{model}.svg"
        # One that was drawn before the cell was trained again is of other weights.
        trained = max((own / "cell.json").stat().st_mtime for own in cells[task, model])
        if path.is_file() and path.stat().st_mtime >= trained:
            pictures[task, model] = address(read_bytes(path))
    mistakes = {key: examples(own) for key, own in cells.items()}
    return explorer(kinds, {key: own for key, own in mistakes.items() if own}, pictures)


def _with_links(rows: list[dict], folder: Path) -> list[dict]:
    """Missing runs with the paths of their logs as seen from the page."""
    return [row | {"log": row["log"] and os.path.relpath(row["log"], folder)} for row in rows]


def _link(task: str, model: str) -> str:
    """Where the record of a cell is in the page."""
    return f"#{task}/{model}"


def _figures(folder: Path, names: Iterable[str]) -> dict[str, dict]:
    """Figures by name."""
    return {name: _figure(folder / "figures" / f"{name}.svg") for name in names}


def _figure(path: Path) -> dict:
    """A figure as a source for the page, and its width in CSS's pixels."""
    try:
        data = read_bytes(path)
    except MissingFile:
        raise MissingFile(f"{path}: the figure is missing") from None
    check_sum(path)
    return {"source": address(data), "width": width(data)}


def cell_records(
    all_runs: pd.DataFrame, accuracy: pd.DataFrame, folder: Path
) -> dict[tuple[str, str], dict]:
    """(task, model) → the record of the cell, with the runs and accuracies of all its seeds."""
    by_cell = dict(groups(accuracy, statistics.CELL))
    records = {}
    for (task, model), runs in groups(all_runs, statistics.CELL):
        own: Any = runs.itertuples()
        folders = list(dict.fromkeys(runs["cell"]))
        record = read_record(folder / folders[0] / "cell.json")
        tested = by_cell[task, model].pivot(index="seed", columns="bin", values="sequence_accuracy")
        tested = tested.dropna(axis="columns", how="all")
        records[task, model] = record | {
            "groups": folders,
            "chapter": "heat-map",
            "data": "strings",
            "note": "Accuracies are in per cent, on test strings of the lengths given.",
            "validation": "Validation",
            "columns": [lengths(bin) for bin in tested.columns],
            "seeds": [
                {
                    "run": run,
                    "validation": percent(run.selection),
                    "values": [percent(share) for share in tested.loc[run.seed]],
                }
                for run in own
            ],
            "settings": json.dumps(record["config"], indent=2, ensure_ascii=False),
        }
    return records
