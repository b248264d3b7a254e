"""`fwp compare`: where two folders of results differ, and whether seeds explain it."""

from argparse import Namespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from fwp.analysis.comparison import Comparison

ROWS = 20  # of cells that differ, which are printed unless all are asked for
ALONE = 8  # likewise, of cells that one of both has
UNTESTED = {"none", "not tested"}  # verdicts


def run(options: Namespace) -> int:
    """Print the comparison and write files; 1 if results differ and `--exit-code` is given."""
    from fwp.analysis.comparison import compare_results
    from fwp.utils.files import write_frame, write_json

    found = compare_results(options.a, options.b)
    if options.csv:
        write_frame(options.csv, found.cells)
    if options.json:
        write_json(options.json, found.to_dict())
    show(found, None if options.all else ROWS)
    return int(options.exit_code and not found.identical)


def show(found: "Comparison", rows: int | None = ROWS) -> None:
    """Print a comparison to the terminal; `rows` of the cells that differ, or all of them."""
    from rich.console import Console

    from fwp.analysis.comparison import grouped
    from fwp.report.labels import plural

    console = Console(highlight=False, markup=False)  # names may hold brackets
    console.print(found.headline, style="bold")
    if found.identical and found.settings.empty:
        return
    console.print(f"A = {found.a}\nB = {found.b}\n", soft_wrap=True)
    _show_cells(console, found, rows)
    only = found.only.drop_duplicates(["side", "task", "model"])
    for side, own in only.groupby("side"):
        cells = [f"{row['model']} on {row['task']}" for row in own.to_dict("records")]
        number = f"{len(cells)} cell{plural(cells)}"
        shown = ", ".join(cells if rows is None else cells[:ALONE])
        more = f"; {len(cells) - ALONE} more (--all)" if rows and len(cells) > ALONE else ""
        console.print(f"In {side} alone, in whole or in part: {number}: {shown}{more}\n")
    verdicts = [(row["claim"], row["a"], row["b"]) for row in found.claims.to_dict("records")]
    changed = [row for row in verdicts if rows is None or UNTESTED.isdisjoint(row[1:])]
    _table(console, "Verdicts on claims", ("claim", "A", "B"), changed)
    if others := len(verdicts) - len(changed):
        console.print(f"Claims that are tested in one of both alone: {others} (--all)\n")
    for title, frame, what in (
        ("Settings", found.settings, "setting"),
        ("Code, data, machines and versions", found.made, "what"),
    ):
        changes = [
            (name, _short(a), _short(b), where) for name, a, b, where in grouped(frame, what)
        ]
        _table(console, title, (what, "A", "B", "cells"), changes)
    for note in found.notes:
        console.print(note, style="yellow")
    if len(found.differing):
        console.print(found.method, style="dim")


def _show_cells(console: "Console", found: "Comparison", rows: int | None) -> None:
    cells = found.differing
    shown = [
        _cell(row) for row in cells.head(len(cells) if rows is None else rows).to_dict("records")
    ]
    header = ("task", "model", "bin", "A", "B", "B − A", "seeds", "p", "")
    _table(
        console,
        "Cells that differ, sequence accuracy in per cent",
        header,
        shown,
        right=(3, 4, 5, 6, 7),
    )
    if (left := len(cells) - len(shown)) > 0:
        console.print(f"{left} more rows: `--all` prints them, `--csv FILE` writes them.\n")


def _cell(row: dict[Any, Any]) -> tuple[str, ...]:
    """A cell as text; shares in per cent, other measures as they are and by name."""
    share = row["measure"] == "sequence accuracy"
    factor, digits = (100, 1) if share else (1, 3)
    numbers = [factor * row[key] for key in ("a", "b", "difference")]
    a, b, difference = ("–" if value != value else f"{value:.{digits}f}" for value in numbers)
    difference = difference if difference.startswith(("-", "–")) else f"+{difference}"
    a_seeds, b_seeds = row["a_seeds"], row["b_seeds"]
    seeds = str(a_seeds) if a_seeds == b_seeds else f"{a_seeds}/{b_seeds}"
    bin = row["bin"] if share else f"{row['bin']} ({row['measure']})"
    p = f"{row['p_corrected']:.3f}"
    return row["task"], row["model"], bin, a, b, difference, seeds, p, row["verdict"]


def _table(
    console: "Console",
    title: str,
    header: tuple[str, ...],
    rows: list[tuple[str, ...]],
    right: tuple[int, ...] = (),
) -> None:
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for i, name in enumerate(header):
        table.add_column(name, justify="right" if i in right else "left", no_wrap=i in right)
    for row in rows:
        style = "bold" if row[-1] == "differs" else ""
        table.add_row(*map(Text, row), style=style)
    console.print(table)
    console.print()


def _short(value: str) -> str:
    """A value that fits a column: hashes are known by their beginning."""
    is_hash = len(value) in (40, 64) and set(value) <= set("0123456789abcdef")
    return value[:12] if is_hash else value
