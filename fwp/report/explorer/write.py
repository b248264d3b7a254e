"""The parts of the explorer that a page holds: its data and charts, and what draws them."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from fwp.report import labels
from fwp.report.explorer import charts
from fwp.report.explorer.runtime import packed, runtime

LENGTH = {
    "name": "length",
    "x": "Length of the string",
    "y": "Sequence accuracy",
    "log": True,
    "share": True,
    "trained": True,
}
VALIDATION = {"name": "validation", "x": "Epoch", "y": "Validation accuracy", "share": True}
LOSS = {"name": "loss", "x": "Epoch", "y": "Training loss"}
BITS = "Bits per byte of validation text"
TEXTS = (
    {"name": "position", "x": "Position in the text", "y": "Bits per byte", "log": True}
    | {"trained": True},
    {"name": "tokens", "x": "Tokens read in training", "y": BITS, "large": True},
    {"name": "seconds", "x": "Seconds of training", "y": BITS, "large": True},
)
NATS = "Nats per token in validation"
TRANSLATIONS = (
    {"name": "source", "x": "Length of the source", "y": "BLEU", "log": True},
    {"name": "pairs", "x": "Pairs read in training", "y": NATS, "large": True},
    {"name": "seconds", "x": "Seconds of training", "y": NATS, "large": True},
)
CHARTS = {
    "strings": (LENGTH, VALIDATION, LOSS),
    "texts": TEXTS,
    "translations": TRANSLATIONS,
}
"""The charts of a cell, by the kind of its task."""


def explorer(
    kinds: Sequence[dict[str, Any]],
    mistakes: Mapping[tuple[str, str], list[dict]],
    automata: Mapping[tuple[str, str], str],
) -> dict[str, str]:
    """What the template shows: data and runtime, both `packed`.

    Args:
        kinds: `fwp.report.explorer.kinds`, at least one.
        mistakes: (task, model) → examples, see `fwp.report.explorer.mistakes`.
        automata: (task, model) → a picture as a URL.
    """
    specs = {name: _charts(name) for name in ("heat", *(kind["name"] for kind in kinds))}
    held = {
        "titles": {
            of: _titles(of[:-1], (name for kind in kinds for name in kind[of]))
            for of in ("models", "tasks")
        },
        "kinds": kinds,
        "specs": specs,
        "mistakes": {f"{task}/{model}": found for (task, model), found in mistakes.items()},
        "automata": {f"{task}/{model}": picture for (task, model), picture in automata.items()},
    }
    text = json.dumps(held, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return {"data": packed(text.encode()), "runtime": runtime()}


@cache
def _charts(name: str) -> dict[str, Any]:
    return charts.heat_map() if name == "heat" else charts.line_charts(CHARTS[name])


def _titles(of: str, names: Iterable[str]) -> dict[str, str]:
    """Titles by name; those that several names share end in the name."""
    titles = {name: labels.find(of, name).title for name in names}
    shared = Counter(titles.values())
    return {name: t if shared[t] == 1 else f"{t} ({name})" for name, t in titles.items()}
