"""How models and tasks are shown: names.csv, which `collect` writes.

Models and tasks carry names of the user's choice. Tables, figures and report show their titles,
which are the config's, or those of their mixers and languages (`fwp.experiment.names`).
"""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from fwp.results.integrity import check_sum, sums
from fwp.utils.files import write_rows

SEPARATOR = "; "  # between parts of a state, and of a look


@dataclass(frozen=True)
class Name:
    """How a model or a task is shown.

    Attributes:
        kind: "model" or "task".
        name: as in the config.
        source: the model's mixer or the task's language.
        title: plain text.
        latex: the title for LaTeX's text mode; "" if it is `title`.
        state_names: what the parts of a model's state are called, in their order.
        look: a model's colour, dashes and marker; empty if figures may choose.
        colour: a model's in the config, which comes before that of `look`; "" if there is none.
        group: a task's, over which tables average; "" if there is none.
    """

    kind: str
    name: str
    source: str
    title: str
    latex: str = ""
    state_names: tuple[str, ...] = ()
    look: tuple[str, ...] = ()
    colour: str = ""
    group: str = ""


COLUMNS = tuple(field.name for field in fields(Name))


def write_names(names: Iterable[Name | dict], path: str | Path) -> None:
    """Write the table; names may be dicts, as Snakemake hands them to a job."""
    rows = [name if isinstance(name, dict) else asdict(name) for name in names]
    write_rows(path, COLUMNS, [{key: _text(row[key]) for key in COLUMNS} for row in rows])


def read_names(path: str | Path) -> list[Name]:
    """Read the table; no names if there is none, as in results of older versions.

    Raises:
        ResultsError: it is not what was written.
    """
    path = Path(path)
    if not path.exists() and path.name not in sums(path.parent):
        return []
    check_sum(path)
    with path.open(newline="", encoding="utf-8") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    for row in rows:
        for key in ("state_names", "look"):
            row[key] = tuple(row[key].split(SEPARATOR)) if row[key] else ()
    return [Name(**row) for row in rows]


def _text(value: str | Iterable[str]) -> str:
    return value if isinstance(value, str) else SEPARATOR.join(value)
