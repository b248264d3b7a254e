"""Scores of translations, in tables to read."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fwp.report import labels
from fwp.report.tables import numbers
from fwp.report.tables.columns import Column, TaskTable
from fwp.report.tables.grid import Cell
from fwp.results.frames import groups, present

TRANSLATION_NOTE = (
    "BLEU and chrF are of the translations of all test sentences, from 0 to 100, higher is better. "
    "The loss is that of the reference, in nats per token. Numbers are means over seeds, with "
    "95 % intervals (Student's t). Bold: the best mean."
)
TRANSLATION_CAPTION = (
    "BLEU, chrF and loss (nats per token of the reference) on test sentences. Means over seeds "
    "with 95 % intervals."
)
DIVERGED = "†: a seed diverged; without a loss it counts as infinitely bad."


def translation_tables(
    summary: pd.DataFrame, translations: Mapping[str, Mapping[str, Any]]
) -> list[TaskTable]:
    """One table per translation.

    Args:
        summary: `fwp.results.text_summary.summarise_translation`.
        translations: what they were scored with (`fwp.results.samples`).
    """
    tables = dict(groups(summary, "task"))
    return [
        _of_task(task, tables[task], translations.get(task, {}).get("signatures", {}))
        for task in labels.in_order("task", tables)
    ]


def _of_task(task: str, summary: pd.DataFrame, signatures: Mapping[str, str]) -> TaskTable:
    decodings = list(dict.fromkeys(summary["decoding"]))
    columns = [
        (score, decoding, Column(f"{title}, {decoding}"))
        for score, title in (("bleu", "BLEU"), ("chrf", "chrF"))
        for decoding in decodings
    ]
    columns.append(("nats", decodings[0], Column("Nats per token", "Nats")))
    own = {(row.model, row.decoding): row for row in summary.itertuples()}
    means = {(name, decoding): summary[summary["decoding"] == decoding][name]
             for name, decoding, _ in columns}  # fmt: skip
    best = {key: of.min() if key[0] == "nats" else of.max() for key, of in means.items()}
    rows = []
    for model in labels.in_order("model", present(summary["model"])):
        first: Any = own[model, decodings[0]]
        cells = [Cell(numbers.parameters(first)), Cell(numbers.state(first))]
        for name, decoding, _ in columns:
            row: Any = own[model, decoding]
            text = numbers.mean_with_interval(row, name, 3 if name == "nats" else 1)
            strong = getattr(row, name) == best[name, decoding]
            cells.append(Cell(labels.with_dagger(text, row.diverged), strong))
        rows.append((model, [*cells, Cell(f"{first.seeds}")]))
    head = [Column("Parameters"), Column("State"), *(c for *_, c in columns), Column("Seeds")]
    notes = [f"Test sentences: {int(summary['sentences'].iloc[0]):,}."]
    if signatures:
        told = "; ".join(f"{name} {text}" for name, text in signatures.items())
        notes.append(f"Signatures of sacrebleu: {told}.")
    if summary["diverged"].any():
        notes.append(DIVERGED)
    return TaskTable(task, head, rows, notes)
