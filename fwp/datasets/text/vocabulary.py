"""What every tokenizer has: from text to tokens and back.

A tokenizer knows the training part alone. It turns text, bytes, into numbers from 0 to V − 1 and
back. The size of a token is the number of bytes that it is decoded to: the sizes of a text's
tokens add up to the bytes of the decoded text. So a loss in bits per byte counts real bytes.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

MOST_TOKENS = 65_535
"""The largest vocabulary: a token takes two bytes."""

UNKNOWN = "<unk>"
TOGETHER = 1 << 18  # tokens that are decoded at a time


class Tokenizer(ABC):
    """What turns text into tokens.

    `tokens` is its name in the config. `unknown` is the token of what the training part has not,
    or None if there is nothing unknown. `contents` says what each token is decoded to, `alphabet`
    what is shown of it; no two tokens are shown alike.
    """

    tokens: ClassVar[str]
    unknown: int | None = None
    _kinds: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        Tokenizer._kinds[cls.tokens] = cls

    def __len__(self) -> int:
        return len(self.contents)

    @property
    @abstractmethod
    def contents(self) -> Sequence[bytes]:
        """The bytes that each token is decoded to."""

    @property
    def alphabet(self) -> tuple[str, ...]:
        """What is shown of each token."""
        return tuple(shown(content) for content in self.contents)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Bytes that each token is decoded to, int64 [V]."""
        return np.array([len(content) for content in self.contents], np.int64)

    @property
    def dtype(self) -> type:
        """The smallest type that holds every token: uint8, uint16 or int32."""
        return smallest(len(self))

    @abstractmethod
    def encode(self, text: bytes) -> np.ndarray:
        """The tokens of a text, uint8, uint16 or int32 [N]."""

    def decode(self, tokens: np.ndarray | Sequence[int]) -> bytes:
        """The text of tokens."""
        found = np.asarray(tokens)
        return b"".join(
            self._decoded(found[at : at + TOGETHER]) for at in range(0, len(found), TOGETHER)
        )

    def _decoded(self, tokens: np.ndarray) -> bytes:
        """The text of a few tokens, so that Python's numbers take little memory."""
        contents = self.contents
        return b"".join([contents[token] for token in tokens.tolist()])

    @abstractmethod
    def parts(self) -> dict:
        """What `from_json` needs besides the name, as JSON."""

    def to_json(self) -> str:
        """All of the tokenizer, as one line of JSON."""
        held = {"tokens": self.tokens, **self.parts()}
        return json.dumps(held, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> "Tokenizer":
        """The tokenizer that `to_json` wrote."""
        held = json.loads(text)
        return Tokenizer._kinds[held.pop("tokens")](**held)


def shown(content: bytes) -> str:
    """Bytes as text on one line, with escapes as in Python; different bytes are shown differently.

    What is no UTF-8, as a part of a character, is shown in hexadecimal.
    """
    text = content.decode("utf-8", "surrogateescape")
    return "".join(_escaped(character) for character in text)


def smallest(vocabulary: int) -> type:
    """The smallest type of NumPy that holds tokens of a vocabulary."""
    return np.uint8 if vocabulary <= 256 else np.uint16 if vocabulary <= 65_536 else np.int32


def _escaped(character: str) -> str:
    point = ord(character)
    if 0xDC80 <= point <= 0xDCFF:  # a byte that is no UTF-8
        return f"\\x{point - 0xDC00:02x}"
    if character == "\\":
        return "\\\\"
    if character.isprintable():
        return character
    # Python shows U+0085 as \x85, like the byte.
    return (
        f"\\u{point:04x}" if 0x80 <= point <= 0xFF else character.encode("unicode_escape").decode()
    )


def joined(found: list[np.ndarray], dtype: type) -> np.ndarray:
    """Tokens of pieces one after another."""
    return np.concatenate(found) if found else np.zeros(0, dtype)
