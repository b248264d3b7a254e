"""The report: one page that says what was run and what came out, with everything in it.

The page stands alone (figures are part of it) and needs no script. Numbers lead to the record of
their cell, which is part of the page too and leads to the files beside it.
"""

import base64
import json
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from fwp import languages
from fwp.claims import claim as library
from fwp.claims.judge import judge
from fwp.datasets import card_reader as dataset_cards
from fwp.mixers import _signature
from fwp.report import labels
from fwp.report.labels import listed
from fwp.report.tables import claims as claim_tables
from fwp.report.tables import datasets as dataset_tables
from fwp.report.tables import grid, summary
from fwp.results import collect, statistics, unfinished
from fwp.results.collect import Results
from fwp.results.names import read_names
from fwp.results.record import ResultsError, read_record
from fwp.utils.bins import Bin
from fwp.utils.files import write_text

FIGURES = ("length", "strip", "survival-epochs", "learning")
SETTINGS = (
    *("mixer", "hidden", "layers", "parameters"),
    *("learning_rate", "batch_size", "epochs"),
)


def write(
    folder: str | Path,
    output: str | Path,
    *,
    cards: Sequence[str | Path],
    claims: Sequence[str | Path] = (),
    details: str | Path | None = None,
) -> None:
    """Write the report on the results in `folder`.

    Args:
        folder: of an experiment's results, with tables/, figures/ and cells/.
        output: the page, a file in `folder`.
        cards: the dataset cards of the tasks.
        claims: files of claims.
        details: another page, in the same folder, to refer to for how each file was made.

    Raises:
        ResultsError: a table, figure, card or record is missing or damaged.
    """
    with labels.shown_as(read_names(Path(folder) / "tables" / "names.csv")):
        write_text(output, _page(Path(folder), cards, claims, details))


def _page(
    folder: Path,
    cards: Sequence[str | Path],
    claims: Sequence[str | Path],
    details: str | Path | None,
) -> str:
    found = collect.read_results(folder / "tables")
    cards = [dataset_cards.read(card) for card in cards]
    records = _records(found, folder / "cells")
    judged = judge(library.read_claims(claims), found.accuracy)
    lost = unfinished.read_unfinished(folder / "tables" / "missing.csv")
    parts = summary.sections(found.accuracy, found.runs, missing=lost)
    return _template().render(
        style=grid.STYLE,
        counts=_counts(found),
        models=_models(records),
        tasks=[_task(card) for card in cards],
        verdicts=pd.Series([item.verdict for item in judged], dtype=str).value_counts(),
        claims=claim_tables.fragment(judged, _link) if judged else None,
        claims_note=claim_tables.NOTE,
        sections={part.label: part for part in parts},
        draw=lambda one: grid.html_grid(
            one, lambda task, model: _link(task, model) if (task, model) in records else None
        ),
        lost=len(lost),
        missing=listed(_with_links(lost, folder)),
        figures={name: _figure(folder, name) for name in FIGURES},
        datasets=dataset_tables.fragment(cards, "h3"),
        records=records,
        versions=_versions(records),
        details=Path(details).name if details else None,
        display=labels,
    )


def _with_links(rows: list[dict], folder: Path) -> list[dict]:
    """Missing runs with the paths of their logs as seen from the page."""
    return [row | {"log": row["log"] and os.path.relpath(row["log"], folder)} for row in rows]


def _template():
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = resources.files("fwp.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    return environment.from_string(text)


def _link(task: str, model: str) -> str:
    """Where the record of a cell is in the page."""
    return f"#{task}/{model}"


def _figure(folder: Path, name: str) -> str:
    path = folder / "figures" / f"{name}.svg"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ResultsError(f"{path}: the figure is missing") from None
    return "data:image/svg+xml;base64," + base64.b64encode(data).decode()


# What was run -------------------------------------------------------------------------------------


def _counts(found: Results) -> dict:
    runs = found.runs
    bins = statistics.by_bin(found.accuracy)
    return {
        "models": runs["model"].nunique(),
        "tasks": runs["task"].nunique(),
        "seeds": runs.groupby(statistics.CELL, observed=True)["seed"].nunique().max(),
        "runs": len(runs),
        "solved": int((runs["status"] == "solved").sum()),
        "diverged": int((runs["status"] == "diverged").sum()),
        "time": _duration(runs["seconds"].sum()),
        "longest": max(Bin.parse(bin).longest for bin in bins["bin"].unique()),
        "devices": sorted(runs["device"].unique()),
    }


def _duration(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"


def _models(records: dict) -> list[dict]:
    """A row per model: its settings, as ranges where they differ between tasks."""
    rows: dict[str, dict[str, list]] = {}
    for record in records.values():
        config = record["config"]
        settings = config["model"] | config["training"] | {"parameters": record["parameters"]}
        values = rows.setdefault(record["model"], {})
        for key in SETTINGS:
            values.setdefault(key, []).append(settings[key])
        values.setdefault("options", []).append(_options(settings["mixer"], settings["options"]))
    return [
        {"name": name} | {key: _range(values) for key, values in settings.items()}
        for name, settings in rows.items()
    ]


def _options(mixer: str, options: dict) -> str:
    """Heads, and what is not as the mixer has it by default."""
    try:
        known = _signature.read_signature(mixer).options
    except _signature.SignatureError:  # a module of the user's own that is not at hand
        known = {}
    chosen = {
        key: value
        for key, value in options.items()
        if key == "heads" or key not in known or value != known[key].default
    }
    return ", ".join(f"{key} {_plain(value)}" for key, value in chosen.items())


def _range(values: list) -> str:
    """One value, the range of several numbers, or a list."""
    distinct = sorted({value for value in values if value is not None}, key=str)
    if len(distinct) > 1 and all(isinstance(value, int | float) for value in distinct):
        return f"{_plain(min(distinct))}–{_plain(max(distinct))}"
    return " or ".join(map(_plain, distinct))


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _task(card: dict) -> dict:
    """A row for a task: its language, an example, and how long its strings are."""
    language = languages.get(card["language"], **card["params"])
    lengths = language.lengths(1, 8) or language.lengths(1, 100)
    example = language.sample(np.random.default_rng(0), 1, lengths[-1], lengths[-1])[0]
    targets = [language.classes[i] if i >= 0 else "·" for i in language.label(example)]
    windows = {"train": [], "validation": [], "test": []}
    for name, split in card["splits"].items():
        windows[name.split()[0]].append(labels.lengths(split["bin"]))
    return {
        "name": card["task"],
        "example": example,
        "labels": targets,
        "strings": card["splits"]["train"]["strings"],
        **{kind: ", ".join(bins) for kind, bins in windows.items()},
        "note": card["one_string_per_length"],
    }


# Records ------------------------------------------------------------------------------------------


def _records(found: Results, folder: Path) -> dict[tuple[str, str], dict]:
    """(task, model) → the record of the cell, with the runs and accuracies of all its seeds."""
    accuracy = statistics.by_bin(found.accuracy)
    by_cell = dict(list(accuracy.groupby(statistics.CELL, observed=True)))
    records = {}
    for (task, model), runs in found.runs.groupby(statistics.CELL, observed=True, sort=True):
        groups = list(dict.fromkeys(runs["cell"]))
        record = read_record(folder / groups[0] / "cell.json")
        tested = by_cell[task, model].pivot(index="seed", columns="bin", values="sequence_accuracy")
        tested = tested.dropna(axis="columns", how="all")
        records[task, model] = record | {
            "groups": groups,
            "bins": list(tested.columns),
            "seeds": [
                {"run": run, "accuracies": tested.loc[run.seed].tolist()}
                for run in runs.itertuples()
            ],
            "settings": json.dumps(record["config"], indent=2, ensure_ascii=False),
        }
    return records


def _versions(records: dict) -> str:
    """Versions of what the cells were trained with."""
    found = {
        f"{name} {version}"
        for record in records.values()
        for name, version in record.get("versions", {}).items()
    }
    return ", ".join(sorted(found))
