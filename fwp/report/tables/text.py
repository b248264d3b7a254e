"""Losses on texts, in tables to read: Markdown, LaTeX and HTML."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fwp.report import labels
from fwp.report.html import render
from fwp.report.tables import numbers
from fwp.report.tables.columns import Column, TaskTable, latex_of_task, markdown_of_task
from fwp.report.tables.grid import Cell
from fwp.report.tables.translation import TRANSLATION_CAPTION, TRANSLATION_NOTE, translation_tables
from fwp.results.frames import groups
from fwp.results.text import TextResults
from fwp.results.text_facts import TextFacts
from fwp.results.text_measures import equal_times
from fwp.results.text_summary import summarise_text, summarise_translation
from fwp.utils.files import write_frame, write_text

LATEX_HEAD = "% Written by fwp; \\input this file. Needs \\usepackage{booktabs}.\n"
NOTE = (
    "Numbers are means over seeds, with 95 % intervals (Student's t). Losses are of test text, in "
    "streams that are read with the state carried on. Within the context means the positions that "
    "training windows have. Beyond it is every later position. Perplexities are within the "
    "context. Parameters are given with their difference from the median of the models. The state "
    "is what a model keeps from one token to the next, in numbers. The last loss is of validation "
    "text: that reached in the time that the fastest model took for its whole training. A seed "
    "reads the given number of tokens per second in training. Bold: the lowest mean."
)
CAPTION = (
    "Loss on test text in bits per {byte}: within the training context, and beyond it. Means over "
    "seeds with 95 % intervals. Ppl.: perplexity within the context. Exc.: nats per token above "
    "the loss of the true source, within and beyond. Equal time: validation loss reached in the "
    "time that the fastest model took for its training. Tok./s: tokens read per second in training."
)
INFINITE = "†: a seed diverged; without a loss it counts as infinitely bad."
UNITS = {"bytes": "byte", "characters": "character", "words": "word", "bpe": "BPE token"}


def write_text_tables(
    results: TextResults,
    facts: Mapping[str, TextFacts],
    translations: Mapping[str, dict] | None = None,
    *,
    csv: str | Path | None = None,
    translation_csv: str | Path | None = None,
    markdown: str | Path | None = None,
    latex: str | Path | None = None,
    html: str | Path | None = None,
) -> None:
    """Write the tables of texts and translations in the formats for which a path is given.

    Args:
        results: the tidy tables (`fwp.results.text`).
        facts: of each text (`fwp.results.text_facts`).
        translations: what translations were scored with (`fwp.results.samples`).
    """
    found = tables_of_texts(results, facts, translations)
    if csv:
        write_frame(csv, found["summary"])
    if translation_csv:
        write_frame(translation_csv, found["translation_summary"])
    kinds = [(kind, found[kind]) for kind in ("texts", "translations") if found[kind]["tables"]]
    if markdown:
        parts = [f"# {own['title']}\n\n{own['note']}\n" for _, own in kinds]
        for i, (_, own) in enumerate(kinds):
            parts[i] = "\n".join([parts[i], *map(markdown_of_task, own["tables"])])
        write_text(markdown, "\n".join(parts))
    if latex:
        floats = [
            latex_of_task(table, own["caption"], f"{kind}{f'-{i}' if i > 1 else ''}")
            for kind, own in kinds
            for i, table in enumerate(own["tables"], 1)
        ]
        write_text(latex, "\n".join([LATEX_HEAD, *floats]))
    if html:
        write_text(html, render("texts.html.j2", kinds=[own for _, own in kinds]))


def tables_of_texts(
    results: TextResults,
    facts: Mapping[str, TextFacts],
    translations: Mapping[str, dict] | None = None,
) -> dict[str, Any]:
    """What templates show of texts and translations.

    Returns:
        summary, translation_summary: `fwp.results.text_summary`. texts, translations: of each kind
        title, note, caption (for LaTeX) and tables, one `TaskTable` per task.
    """
    summary, scores = summarise_text(results, facts), summarise_translation(results)
    times = equal_times(results.history)
    reached = results.text.groupby("task", observed=True)["last"].max()
    tables = dict(groups(summary, "task"))
    own = [
        _of_text(facts[task], tables[task], times[task], reached[task])
        for task in labels.in_order("task", tables)
    ]
    byte = "symbol" if all(facts[table.task].unit == "symbols" for table in own) else "byte"
    return {
        "summary": summary,
        "translation_summary": scores,
        "texts": {
            "title": "Language modelling",
            "note": NOTE,
            "caption": CAPTION.format(byte=byte),
            "tables": own,
        },
        "translations": {
            "title": "Translation",
            "note": TRANSLATION_NOTE,
            "caption": TRANSLATION_CAPTION,
            "tables": translation_tables(scores, translations or {}),
        },
    }


def _of_text(facts: TextFacts, summary: pd.DataFrame, seconds: float, longest: int) -> TaskTable:
    """The table of one text; columns that no model has a number for are left out."""
    source = facts.unit == "symbols"
    bits = f"Bits per {'symbol' if source else 'byte'}"
    unit = UNITS.get(facts.unit, "symbol")
    columns = {
        "bits_within": Column(f"{bits}, within the context", "Within"),
        "bits_beyond": Column(f"{bits}, beyond the context", "Beyond"),
        "perplexity_word": Column("Perplexity per word", "Ppl. word"),
        "perplexity_token": Column(f"Perplexity per {unit}", f"Ppl. {unit}"),
        "excess_within": Column("Excess over the source, within (nats)", "Exc. within"),
        "excess_beyond": Column("Excess over the source, beyond (nats)", "Exc. beyond"),
        "equal_time": Column(f"{bits} at equal time", "Equal time"),
    }
    if facts.unit == "words":
        del columns["perplexity_token"]  # tokens are words, and ends of lines
    columns = {name: own for name, own in columns.items() if summary[name].notna().any()}
    best = {name: summary[name].min() for name in columns}
    head = [Column("Parameters"), Column("State"), *columns.values()]
    head += [Column("Tokens per second", "Tok./s"), Column("Seeds")]
    rows = {str(row.model): _cells(row, best) for row in _rows(summary)}
    return TaskTable(
        facts.task,
        head,
        [(name, rows[name]) for name in labels.in_order("model", rows)],
        _notes(facts, summary, seconds, longest),
    )


def _cells(row, best: Mapping[str, float]) -> list[Cell]:
    cells = [Cell(numbers.parameters(row)), Cell(numbers.state(row))]
    for name, least in best.items():
        write = numbers.perplexity if name.startswith("perplexity") else numbers.mean_with_interval
        text = write(row, name)
        if name.startswith("bits"):
            text = labels.with_dagger(text, row.diverged)
        cells.append(Cell(text, strong=getattr(row, name) == least))
    return [*cells, Cell(numbers.speed(row.tokens_per_second)), Cell(f"{row.seeds}")]


def _notes(facts: TextFacts, summary: pd.DataFrame, seconds: float, longest: int) -> list[str]:
    """What to know of one table."""
    train = facts.sizes["train"]
    what = "symbols of a source" if facts.unit == "symbols" else f"tokens ({facts.unit})"
    size = "" if facts.unit == "symbols" else f" of {train['bytes'] / 1e6:.1f} MB"
    parts = [
        f"Training text: {train['tokens']:,} {what}{size}, a vocabulary of {facts.vocabulary:,}. "
        f"Training context: {facts.context:,} tokens. Tested up to position {longest:,}. "
        f"Equal time: {_duration(seconds)}."
    ]
    if facts.licence:
        parts[0] += f" Licence of the text: {facts.licence}."
    parts += facts.notes
    if summary["diverged"].any():
        parts.append(INFINITE)
    return parts


def _duration(seconds: float) -> str:
    for unit, least in (("h", 3600), ("min", 60)):
        if seconds >= 2 * least:
            return f"{seconds / least:.1f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def _rows(frame: pd.DataFrame) -> Sequence[Any]:
    return list(frame.itertuples())
