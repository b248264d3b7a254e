"""Dataset cards: what the strings of a task are, as `fwp.datasets.dataset` has written it down."""

import json
from collections.abc import Iterable
from pathlib import Path

from fwp.results.record import ResultsError
from fwp.utils.bins import Bin


def read(path: str | Path) -> dict:
    """Read a card.

    Raises:
        ResultsError: it is missing, truncated or not a dataset card.
    """
    try:
        card = json.loads(Path(path).read_bytes())
        _ = card["task"], card["language"], Bin.parse(card["splits"]["train"]["bin"])
    except FileNotFoundError:
        raise ResultsError(f"{path}: the dataset card is missing") from None
    except (ValueError, KeyError, TypeError):
        raise ResultsError(f"{path}: not a dataset card, or cut short") from None
    return card


def training_lengths(paths: Iterable[str | Path]) -> dict[str, Bin]:
    """The shortest and longest length that each task may be trained on."""
    cards = map(read, paths)
    return {card["task"]: Bin.parse(card["splits"]["train"]["bin"]) for card in cards}
