"""What a job that trains on a text says of its loss, its speed and the time that is left."""

import math
from typing import Any

from fwp.datasets.spec import TaskSettings

PACE = ("bits", "unit", "rate", "items", "left")
"""What `pace` returns."""


def pace(task: TaskSettings, facts: dict[str, Any], epochs: int) -> dict[str, Any]:
    """What to tell of a seed that was measured.

    Args:
        task: a text or a translation.
        facts: selection, the mean probability of the right token; and, if they are known, strings
            and seconds so far, and passed, the epochs so far with their fraction.
        epochs: the budget.

    Returns:
        bits, the validation loss per `unit` (byte, symbol or token); rate, `items` (tokens or
        pairs) per second; left, seconds until the budget is used up. None for what is not known.
    """
    chance, seconds = facts["selection"], facts.get("seconds") or 0
    strings, passed = facts.get("strings") or 0, facts.get("passed") or 0
    size = task.params["context"] if task.kind == "text" else 1
    return {
        "bits": -math.log2(chance) if chance > 0 else None,
        "unit": unit(task),
        "rate": strings * size / seconds if seconds else None,
        "items": "tokens" if task.kind == "text" else "pairs",
        "left": seconds * max(0.0, epochs / passed - 1) if passed else None,
    }


def unit(task: TaskSettings) -> str:
    """What a loss is per."""
    if task.params.get("generator") is not None:
        return "symbol"
    return "byte" if task.kind == "text" and task.params["tokens"] == "bytes" else "token"


def in_words(
    bits: float | None, unit: str, rate: float | None, items: str, left: float | None
) -> list[str]:
    """The numbers of `pace` for readers; nothing of what is not known."""
    parts = [] if bits is None else [f"{bits:.3f} bits per {unit}"]
    parts += [] if rate is None else [f"{rounded(rate)} {items}/s"]
    return parts + ([] if left is None else [f"{duration(left)} left"])


def rounded(rate: float) -> str:
    """A speed with three digits: 41,200."""
    digits = max(0, math.floor(math.log10(rate)) - 2) if rate >= 1 else 0
    return f"{round(rate, -digits):,.0f}"


def duration(seconds: float) -> str:
    """A time in the largest unit that it has two of: 95 s, 12 min, 3 h."""
    for name, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"
