"""A search in words: names of settings, their values, and the space that they are drawn from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from fwp.report import labels
from fwp.report.labels import plural
from fwp.results.trials import NULL

CHOSEN = (
    "Settings are chosen by search on validation strings; accuracies are on test strings with "
    "fresh seeds."
)
"""What stands beside every result of a search."""

FIRST = ("training.learning_rate", "hidden", "layers", "heads", "training.batch_size")
_NAMES = {"hidden": "width", "training.batch_size": "batch size"}
_METHODS = {
    "grid": "Grid search",
    "random": "Random search",
    "quasi_random": "Quasi-random search",
    "tpe": "Search by a tree-structured Parzen estimator",
}


def setting(key: str) -> str:
    """What a setting is called: training.learning_rate is "learning rate", hidden is "width"."""
    return _NAMES.get(key) or key.rpartition(".")[2].replace("_", " ")


def in_order(keys: Iterable[str]) -> list[str]:
    """Settings, the learning rate first, the rest as given."""
    keys = list(keys)
    return [key for key in FIRST if key in keys] + [key for key in keys if key not in FIRST]


def value(of: object) -> str:
    """A value of a setting, with three digits if it is not a whole number."""
    if of is None or isinstance(of, bool):
        return {None: "none", True: "true", False: "false"}[of]
    if isinstance(of, int):
        return str(of)
    try:
        number = float(str(of))
    except ValueError:
        text = str(of)
        return {NULL: "none", "True": "true", "False": "false"}.get(text, text)
    return f"{number:.0f}" if number.is_integer() else f"{number:.3g}"


def settings(row: Mapping[str, Any], keys: Iterable[str]) -> str:
    """Settings in words, without those that are missing: "learning rate 0.003, width 32"."""
    given = ((key, row[key]) for key in in_order(keys))
    return ", ".join(f"{setting(key)} {value(of)}" for key, of in given if not pd.isna(of))


def method(search: Mapping, summary: pd.DataFrame) -> str:
    """How the settings were searched, in sentences.

    Args:
        search: the section of the config.
        summary: of the trials (`fwp.results.trial_statistics.summarise_search`).
    """
    trials, seeds = (_span(summary[column]) for column in ("trials", "seeds_per_trial"))
    parts = [
        f"{_METHODS.get(search.get('method', ''), 'Search')} with {trials} "
        f"trial{plural(int(summary['trials'].max()))} for each model and language, each with "
        f"{seeds} seed{plural(int(summary['seeds_per_trial'].max()))}."
    ]
    if halving := search.get("halving"):
        factor, epochs = halving["factor"], halving["epochs"]
        parts.append(
            f"Successive halving: after {epochs} epoch{plural(epochs)} the best 1 of {factor} "
            f"trials go on, and again after {epochs * factor}, {epochs * factor**2}, … epochs."
        )
    for kind, number in (search.get("budget") or {}).items():
        what = "a state of {} numbers" if kind == "state" else "{} parameters"
        parts.append(f"The width is the largest within a budget of {what.format(f'{number:,}')}.")
    return " ".join(parts)


def space(search: Mapping) -> list[str]:
    """What was searched: a line for all models, and one for each that differs."""
    lines = [_listed(search.get("space") or {})]
    lines += [
        f"{labels.model(name)}: {text}"
        for name, own in (search.get("models") or {}).items()
        if (text := _listed(own or {}))
    ]
    return [line for line in lines if line]


def _listed(space: Mapping) -> str:
    found = dict(_flat(space))
    return "; ".join(f"{setting(key)} {found[key]}" for key in in_order(found))


def _flat(space: Mapping, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted key → values in words, of a nested space."""
    for name, of in space.items():
        key = f"{prefix}{name}"
        if isinstance(of, Mapping) and not {"low", "high"} <= set(of):
            yield from _flat(of, f"{key}.")
        else:
            yield key, _values(of)


def _values(of: object) -> str:
    if isinstance(of, Mapping):
        log = ", log scale" if of.get("log") else ""
        step = f", in steps of {value(of['step'])}" if of.get("step") else ""
        return f"{value(of['low'])} to {value(of['high'])}{log}{step}"
    if isinstance(of, Sequence) and not isinstance(of, str):
        texts = [value(one) for one in of]
        return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
    return "not searched" if of is None else value(of)


def _span(numbers: pd.Series) -> str:
    low, high = int(numbers.min()), int(numbers.max())
    return f"{low}" if low == high else f"{low} to {high}"
