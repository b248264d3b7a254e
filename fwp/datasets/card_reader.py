"""Dataset cards: what the strings of a task are, as `fwp.datasets.dataset` has written it down."""

import json
from collections.abc import Iterable
from pathlib import Path

from fwp.results.frames import bin_limits
from fwp.results.record import ResultsError


def read(path: str | Path) -> dict:
    """Read a card.

    Raises:
        ResultsError: it is missing, truncated or not a dataset card.
    """
    try:
        card = json.loads(Path(path).read_bytes())
        card["task"], card["language"], card["splits"]["train"]["bin"]
    except FileNotFoundError:
        raise ResultsError(f"{path}: the dataset card is missing") from None
    except (ValueError, KeyError, TypeError):
        raise ResultsError(f"{path}: not a dataset card, or cut short") from None
    return card


def training_lengths(paths: Iterable[str | Path]) -> dict[str, tuple[int, int]]:
    """The shortest and longest length that each task may be trained on."""
    cards = map(read, paths)
    return {card["task"]: bin_limits(card["splits"]["train"]["bin"]) for card in cards}
