"""What the report says of texts and translations: tables, figures, records of cells, samples."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fwp.report import labels
from fwp.report.explorer.texts import of_texts, of_translations
from fwp.report.figure_names import TEXT_FIGURES, TRANSLATION_FIGURES
from fwp.report.tables.numbers import number
from fwp.report.tables.text import tables_of_texts
from fwp.results import text
from fwp.results.frames import groups
from fwp.results.record import read_record
from fwp.results.samples import NAME, read_samples
from fwp.results.statistics import CELL
from fwp.results.text_facts import read_text_facts
from fwp.results.text_kinds import ALL
from fwp.results.text_measures import measures

SAMPLES = 6  # sentences that the report shows of each task
VALIDATION = "Validation (nats)"


def chapters(
    folder: Path, cards: Sequence[str | Path], figures: Callable[[Path, Iterable[str]], dict]
) -> dict[str, Any]:
    """What the templates show of texts and translations.

    Args:
        folder: of the results.
        cards: of texts and translations.
        figures: reads figures of `folder` by their names.

    Returns:
        runs, and `tables_of_texts`; explored, kinds for the explorer; figures by name; records by
        (task, model); samples by task.

    Raises:
        ResultsError: a table, figure, card or record is missing or damaged.
    """
    tables = folder / "tables"
    results, facts = text.read_text_results(tables), read_text_facts(cards)
    translations = read_samples(tables / NAME)
    names = (*TEXT_FIGURES * bool(len(results.text)),)
    names += (*TRANSLATION_FIGURES * bool(len(results.translation)),)
    found = tables_of_texts(results, facts, translations)
    shown = {name: own["samples"][:SAMPLES] for name, own in translations.items()}
    return found | {
        "runs": results.runs,
        "explored": list(filter(None, (of_texts(results, facts), of_translations(results)))),
        "figures": figures(folder, names),
        "records": _records(results, facts, folder / "cells"),
        "samples": {name: shown[name] for name in labels.in_order("task", shown) if shown[name]},
    }


def _records(results: text.TextResults, facts: Mapping, folder: Path) -> dict:
    """(task, model) → the record of the cell, with runs and losses of all its seeds."""
    values: dict[tuple, list[str]] = {}
    bits = measures(results.text, results.history, results.runs, facts)
    columns = ["Bits, within the context", "Bits, beyond the context"]
    for row in _rows(bits):
        values[row.task, row.model, row.seed] = [number(row.bits_within), number(row.bits_beyond)]
    scores = results.translation[results.translation["bin"] == ALL]
    for keys, own in groups(scores, [*CELL, "seed"]):
        last = own.iloc[-1]
        values[keys] = [number(last["bleu"], 1), number(last["chrf"], 1)]
    losses = results.history.groupby([*CELL, "seed"], observed=True)["validation"].min()
    records = {}
    for (task, model), runs in groups(results.runs, CELL):
        folders = list(dict.fromkeys(runs["cell"]))
        record = read_record(folder / folders[0] / "cell.json")
        records[task, model] = record | {
            "groups": folders,
            "chapter": "texts" if task in facts else "translation",
            "data": "text",
            "note": "Losses and scores are those of test data.",
            "validation": VALIDATION,
            "columns": columns if task in facts else ["BLEU", "chrF"],
            "seeds": [
                {
                    "run": run,
                    "validation": number(losses[task, model, run.seed], 4),
                    "values": values[task, model, run.seed],
                }
                for run in _rows(runs)
            ],
            "settings": json.dumps(record["config"], indent=2, ensure_ascii=False),
        }
    return records


def _rows(frame: pd.DataFrame) -> Sequence[Any]:
    return list(frame.itertuples())
