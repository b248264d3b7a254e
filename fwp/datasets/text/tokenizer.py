"""From text to tokens and back: bytes, characters, words, or byte pairs (BPE).

`train_tokenizer` makes a tokenizer from the training part, `Tokenizer.from_json` reads one that was
kept. Bytes and characters are here, words and byte pairs in files of their own.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from fwp.datasets.text.bpe import BytePairs
from fwp.datasets.text.files import CorpusError
from fwp.datasets.text.vocabulary import MOST_TOKENS, UNKNOWN, Tokenizer, joined, shown
from fwp.datasets.text.word_tokens import Words
from fwp.datasets.text.words import pieces

__all__ = ["MOST_TOKENS", "Tokenizer", "train_tokenizer"]


class Bytes(Tokenizer):
    """All 256 bytes, whatever the text: any file will do, and nothing is unknown."""

    tokens = "bytes"

    @cached_property
    def contents(self) -> Sequence[bytes]:
        """The bytes that each token is decoded to."""
        return tuple(bytes([byte]) for byte in range(256))

    def encode(self, text: bytes) -> np.ndarray:
        """The tokens of a text."""
        return np.frombuffer(text, np.uint8).copy()

    def _decoded(self, tokens: np.ndarray) -> bytes:
        return tokens.astype(np.uint8).tobytes()

    def parts(self) -> dict:
        """What `from_json` needs besides the name."""
        return {}


class Characters(Tokenizer):
    """The characters of the training part in the order of Unicode, and one for all others.

    An unknown character is decoded to U+FFFD, "�".
    """

    tokens = "characters"

    def __init__(self, characters: str):
        self.characters = characters
        self.unknown = len(characters)

    @classmethod
    def trained(cls, text: bytes) -> "Characters":
        """Characters of `text`; CorpusError if they are too many."""
        found = np.zeros(0x110000, bool)
        for piece in pieces(text):
            found[_points(piece)] = True
        if (number := int(found.sum())) >= MOST_TOKENS:
            raise CorpusError(
                f"text.tokens: the text has {number} different characters, and at most "
                f"{MOST_TOKENS - 1} are possible; use tokens: bytes"
            )
        return cls("".join(map(chr, np.flatnonzero(found).tolist())))

    @cached_property
    def contents(self) -> Sequence[bytes]:
        """The bytes that each token is decoded to."""
        return (*(c.encode() for c in self.characters), "\ufffd".encode())

    @property
    def alphabet(self) -> tuple[str, ...]:
        """What is shown of each token."""
        return (*(shown(content) for content in self.contents[:-1]), UNKNOWN)

    def encode(self, text: bytes) -> np.ndarray:
        """The tokens of a text."""
        numbers = np.full(0x110000, self.unknown, self.dtype)
        numbers[[ord(c) for c in self.characters]] = np.arange(len(self.characters))
        return joined([numbers[_points(piece)] for piece in pieces(text)], self.dtype)

    def parts(self) -> dict:
        """What `from_json` needs besides the name."""
        return {"characters": self.characters}

    @cached_property
    def _code_points(self) -> np.ndarray:
        return np.array([ord(character) for character in f"{self.characters}\ufffd"], "<u4")

    def _decoded(self, tokens: np.ndarray) -> bytes:
        return self._code_points[tokens].tobytes().decode("utf-32-le").encode()


def train_tokenizer(tokens: str, vocabulary: int | None, text: bytes) -> Tokenizer:
    """The tokenizer of a task.

    Args:
        tokens: bytes, characters, words or bpe.
        vocabulary: number of tokens, for words and bpe.
        text: the training part, and nothing else of the text.

    Raises:
        CorpusError: the text has no words, or too many characters; a library is missing.
    """
    if tokens == "bytes":
        return Bytes()
    if tokens == "characters":
        return Characters.trained(text)
    if tokens == "words":
        return Words.trained(text, vocabulary)
    if vocabulary is None:
        raise CorpusError("text.vocabulary: bpe needs the number of tokens, for example 4096")
    return BytePairs.trained(text, vocabulary)


def _points(text: bytes) -> np.ndarray:
    """Code points of the characters of a text, uint32 [N]."""
    return np.frombuffer(text.decode().encode("utf-32-le"), "<u4")
