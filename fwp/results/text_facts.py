"""What tables and figures need to know of a text, read from its dataset card."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fwp.results.integrity import MissingFile, ResultsError, check_seal, damaged, read_bytes

TEXT = "text"
"""The kind of a card, as `fwp.datasets.spec` has it."""


@dataclass(frozen=True)
class TextFacts:
    """Facts of a text.

    Attributes:
        task: name in the config.
        context: tokens of a training window.
        unit: what a token is: bytes, characters, words, bpe, or symbols of a source.
        vocabulary: number of different tokens.
        sizes: tokens, bytes and words of train, validation and test.
        licence: of the text, in a few words; "" if it is not known.
        notes: what the card wants a reader to know, in sentences.
    """

    task: str
    context: int
    unit: str
    vocabulary: int
    sizes: dict[str, dict[str, int]]
    licence: str = ""
    notes: tuple[str, ...] = ()

    def bytes_per_token(self, split: str) -> float:
        """Bytes of text that a token of a part stands for, on average."""
        own = self.sizes[split]
        return own["bytes"] / max(own["tokens"], 1)

    @property
    def words_per_byte(self) -> float:
        """Of the test text; 0 where there are no words."""
        return self.sizes["test"]["words"] / max(self.sizes["test"]["bytes"], 1)


def read_text_facts(paths: Iterable[str | Path]) -> dict[str, TextFacts]:
    """Task → facts, from the cards of texts; cards of translations are passed over.

    Raises:
        ResultsError: a card is missing, damaged, or not that of a text.
    """
    found = {}
    for path in map(Path, paths):
        card = read_text_card(path)
        if card["kind"] == TEXT:
            own = _facts(path, card)
            found[own.task] = own
    return found


def read_text_card(path: str | Path) -> dict:
    """The card of a text or a translation.

    Raises:
        ResultsError: it is missing, damaged or another file.
    """
    path = Path(path)
    try:
        card = json.loads(read_bytes(path))
        kind = card.get("kind") or card["language"]  # as the cards of translations have it
        _ = card["task"], card["splits"]["train"]
    except MissingFile:
        raise MissingFile(f"{path}: the dataset card is missing") from None
    except ResultsError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError):
        raise damaged(path, "not the card of a text, or cut short") from None
    return check_seal(path, card) | {"kind": kind}


def _facts(path: Path, card: dict) -> TextFacts:
    try:
        params, vocabulary = card["params"], card["vocabulary"]
        return TextFacts(
            task=card["task"],
            context=int(params["context"]),
            unit=vocabulary["tokens"],
            vocabulary=int(vocabulary["size"]),
            sizes={
                name: {key: int(own[key]) for key in ("tokens", "bytes", "words")}
                for name, own in card["splits"].items()
            },
            licence=card.get("source", {}).get("licence") or "",
            notes=tuple(card.get("notes", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(path, f"not the card of a text: {error}") from None
