"""What was run: numbers, models and tasks, for the first chapter of the report."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fwp import languages
from fwp.mixers import _signature
from fwp.report import labels
from fwp.results import statistics
from fwp.utils.named_bins import NamedBin

SETTINGS = (
    "mixer", "hidden", "layers", "parameters",
    "learning_rate", "batch_size", "epochs",
)  # fmt: skip


def counts(
    runs: pd.DataFrame, accuracy: pd.DataFrame | None, written: Mapping[str, Any]
) -> dict[str, Any]:
    """Numbers of everything, the longest strings, the time and the devices.

    Args:
        runs: the tidy table of runs, of every kind.
        accuracy: that of accuracies on strings, if there are any.
        written: what `fwp.report.texts.chapters` returns, if there are texts or translations.
    """
    bins = [] if accuracy is None else accuracy["bin"].unique()
    texts, translations = (
        len(written[kind]["tables"]) if written else 0 for kind in ("texts", "translations")
    )
    return {
        "models": runs["model"].nunique(),
        "languages": runs["task"].nunique() - texts - translations,
        "texts": texts,
        "translations": translations,
        "seeds": runs.groupby(statistics.CELL, observed=True)["seed"].nunique().max(),
        "runs": len(runs),
        "solved": int((runs["status"] == "solved").sum()),
        "diverged": int((runs["status"] == "diverged").sum()),
        "time": duration(runs["seconds"].sum()),
        "longest": max((NamedBin.parse(bin).longest for bin in bins), default=0),
        "devices": ["CPU" if name == "cpu" else name for name in sorted(runs["device"].unique())],
    }


def duration(seconds: float) -> str:
    """A time in hours, minutes or seconds."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"


def models(records: dict) -> list[dict]:
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
        {"name": name} | {key: _range(values) for key, values in rows[name].items()}
        for name in labels.in_order("model", rows)
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


def task(card: dict) -> dict:
    """A row for a task: its language, an example, and how long its strings are."""
    example, targets = _example(card)
    windows = {"train": [], "validation": [], "test": []}
    for name, split in card["splits"].items():
        windows[name.split()[0]].append(NamedBin.parse(split["bin"]).label)
    return {
        "name": card["task"],
        "example": example,
        "labels": targets,
        "strings": card["splits"]["train"]["strings"],
        **{kind: ", ".join(bins) for kind, bins in windows.items()},
        "note": card["one_string_per_length"],
    }


def _example(card: dict) -> tuple[str, list[str]]:
    """A string, and the label at each position."""
    if "example" in card:  # strings from files
        symbols = card["example"]["string"]
        between = " " * any(len(symbol) > 1 for symbol in symbols)
        return between.join(symbols), card["example"]["labels"]
    language = languages.get(card["language"], **card["params"])
    lengths = language.lengths(1, 8) or language.lengths(1, 100)
    example = language.sample(np.random.default_rng(0), 1, lengths[-1], lengths[-1])[0]
    return example, [language.classes[i] if i >= 0 else "·" for i in language.label(example)]
