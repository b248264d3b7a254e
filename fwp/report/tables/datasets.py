"""What was trained and tested on: the dataset cards as one table."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fwp.datasets import card_reader as dataset_cards
from fwp.report import labels
from fwp.report.html import render
from fwp.report.tables.markdown import escape_markdown, markdown_table
from fwp.utils.files import write_frame, write_text

COLUMNS = {
    "set": "Set",
    "strings": "Strings",
    "distinct": "Distinct",
    "length": "Length",
    "lengths": "Lengths present",
    "classes": "Classes (%)",
    "in_training": "In training set",
    "in_validation": "In validation sets",
}
MOST_CLASSES = 8  # that are listed one by one
NOTE = (
    "Lengths present: number of lengths that occur, of those that the language has in this window. "
    "Of strings from files, the first number alone is known. "
    "Classes: share of each class among the targets. The last columns: number of strings that are "
    "also in the training set, or in a validation set."
)


def write_datasets(
    cards: Iterable[str | Path],
    *,
    csv: str | Path | None = None,
    markdown: str | Path | None = None,
    html: str | Path | None = None,
) -> None:
    """Write the table of all sets of all tasks in the formats for which a path is given.

    Args:
        cards: the tasks' dataset cards (JSON), in the order of the table.
    """
    read = [dataset_cards.read(card) for card in cards]
    if csv:
        write_frame(csv, table(read))
    if markdown:
        write_text(markdown, _markdown(read))
    if html:
        write_text(html, render("datasets.html.j2", datasets=html_tables(read)))


def table(cards: Iterable[dict]) -> pd.DataFrame:
    """One row per task × set, with plain numbers."""
    rows = []
    for card in cards:
        for name, split in card["splits"].items():
            rows.append(
                {
                    "task": card["task"],
                    "language": card["language"],
                    "set": name,
                    **{
                        key: split[key]
                        for key in (
                            "bin", "strings", "distinct", "duplicates", "symbols",
                            "min_length", "max_length", "lengths", "possible_lengths",
                        )
                    },
                    "largest_class": max(split["classes"].values(), default=float("nan")),
                    "in_training": split["overlap"].get("train"),
                    "in_validation": split["overlap"].get("validation"),
                }
            )  # fmt: skip
    frame = pd.DataFrame(rows)
    whole = ("possible_lengths", "in_training", "in_validation")
    return frame.astype(dict.fromkeys(whole, "Int64"))


def _rows(card: dict) -> list[list[str]]:
    rows = []
    for name, split in card["splits"].items():
        rows.append(
            [
                name.replace(split["bin"], labels.lengths(split["bin"])),
                f"{split['strings']:,}",
                f"{split['distinct']:,}",
                f"{split['min_length']}–{split['max_length']}",
                _lengths(split),
                _shares(split["classes"]),
                *(_count(split["overlap"].get(kind)) for kind in ("train", "validation")),
            ]
        )
    return rows


def _lengths(split: dict) -> str:
    possible = split["possible_lengths"]  # unknown of strings from files
    return str(split["lengths"]) if possible is None else f"{split['lengths']} of {possible}"


def _shares(classes: dict[str, float]) -> str:
    if len(classes) > MOST_CLASSES:
        least, most = (labels.percent(find(classes.values())) for find in (min, max))
        return f"{len(classes)} classes: {least} to {most} each"
    return ", ".join(f"{label}: {labels.percent(share)}" for label, share in classes.items())


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _markdown(cards: list[dict]) -> str:
    parts = ["# Datasets", NOTE]
    for card in cards:
        parts.append(f"## {escape_markdown(labels.task(card['task']))}")
        parts += [escape_markdown(note) for note in card.get("notes", [])]
        parts.append(markdown_table(list(COLUMNS.values()), _rows(card)))
    return "\n\n".join(parts) + "\n"


def html_tables(cards: Iterable[dict]) -> dict:
    """What the template's macro `datasets` shows."""
    tables = [
        {"title": labels.task(card["task"]), "notes": card.get("notes", []), "rows": _rows(card)}
        for card in cards
    ]
    return {"tables": tables, "columns": list(COLUMNS.values()), "note": NOTE}
