"""A page with the explorer alone, of results that have no report: those of a record."""

from pathlib import Path

from fwp.datasets.card_reader import training_lengths
from fwp.report.explorer.mistakes import examples
from fwp.report.explorer.strings import of_strings
from fwp.report.explorer.write import explorer
from fwp.report.html import render
from fwp.report.labels import shown_as
from fwp.report.page import cell_records
from fwp.results import collect, statistics
from fwp.results.names import read_names
from fwp.results.summary import read_summary
from fwp.utils.files import write_text


def write_explored(folder: str | Path, output: str | Path, *, title: str, back: str) -> None:
    """Write the page, which asks for nothing from a network.

    Args:
        folder: of results on strings: tables, and records of cells and datasets.
        title: of the page.
        back: address of a page that says how the results were made.

    Raises:
        ResultsError: a table or record is missing or damaged.
    """
    folder = Path(folder)
    tables, cells = folder / "tables", folder / "cells"
    cards = sorted(folder.glob("data/*/card.json"))
    accuracy, history, runs = collect.read_results(tables)
    with shown_as(read_names(tables / "names.csv")):
        records = cell_records(runs, statistics.by_bin(accuracy), cells)
        for record in records.values():
            record["chapter"] = "explore"
        mistakes = {
            key: found
            for key, record in records.items()
            if (found := examples(cells / own for own in record["groups"]))
        }
        summary = read_summary(tables)
        shown = of_strings(summary, accuracy, history, runs, training_lengths(cards))
        page = render(
            "explored.html.j2",
            title=title,
            back=back,
            explorer=explorer([shown], mistakes, {}),
            records=records,
        )
    write_text(output, page)
