"""Dataset cards: what the strings of a task are, as `fwp.datasets.card` has described it."""

import json
from collections.abc import Iterable
from pathlib import Path

from fwp.results.integrity import MissingFile, check_file, check_seal, damaged, read_bytes
from fwp.results.record import ResultsError
from fwp.utils.bins import Bin

NAME = "card.json"
"""Of a card in the folder of its task, `data/<task>`, beside the strings that it describes."""


def read(path: str | Path) -> dict:
    """Read a card.

    Raises:
        ResultsError: it is missing, damaged or no dataset card, is of another task than the folder,
            or describes other strings than the files beside it hold.
    """
    path = Path(path)
    try:
        card = json.loads(read_bytes(path))
        _ = card["task"], card["language"], Bin.parse(card["splits"]["train"]["bin"])
    except MissingFile:
        raise MissingFile(f"{path}: the dataset card is missing") from None
    except ResultsError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise damaged(path, "not a dataset card, or cut short") from None
    card = check_seal(path, card)
    if path.name == NAME and card["task"] != path.parent.name:
        raise damaged(path, f"is of the task {card['task']!r}, not of {path.parent.name!r}")
    for name in card.get("files", {}):
        if path.with_name(name).exists():
            check_file(path.with_name(name), card, path)
    return card


def training_lengths(paths: Iterable[str | Path]) -> dict[str, Bin]:
    """The shortest and longest length that each task may be trained on."""
    cards = map(read, paths)
    return {card["task"]: Bin.parse(card["splits"]["train"]["bin"]) for card in cards}
