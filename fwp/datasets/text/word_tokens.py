"""Words as tokens, as WikiText-103 has them."""

from array import array
from collections.abc import Sequence
from functools import cached_property
from itertools import repeat

import numpy as np

from fwp.datasets.text.files import CorpusError
from fwp.datasets.text.vocabulary import MOST_TOKENS, UNKNOWN, Tokenizer, shown
from fwp.datasets.text.words import frequencies, lines

LINE_END = "<eos>"


class Words(Tokenizer):
    """Words of the training part, the most frequent first, a token for line ends, and "<unk>".

    Token 0 is "<unk>", token 1 the line end, "<eos>". A text that has "<unk>" itself, as
    WikiText-103, has it as token 0. Words are decoded with a space after each: white space of
    other kinds is lost.
    """

    tokens = "words"
    unknown = 0

    def __init__(self, words: Sequence[str]):
        self.words = tuple(words)

    @classmethod
    def trained(cls, text: bytes, vocabulary: int | None) -> "Words":
        """The most frequent words of `text`; of equally frequent ones the first in Unicode.

        Args:
            text: the training part.
            vocabulary: number of tokens, all included; all words if None, 65 535 at most.
        """
        counts = frequencies(text)
        for special in (UNKNOWN, LINE_END):
            counts.pop(special, None)
        most = (MOST_TOKENS if vocabulary is None else vocabulary) - 2
        if not counts:
            raise CorpusError("text.files: the training part has no words, only white space")
        return cls(sorted(counts, key=lambda word: (-counts[word], word))[:most])

    @cached_property
    def contents(self) -> Sequence[bytes]:
        """The bytes that each token is decoded to."""
        return (b"<unk> ", b"\n", *(f"{word} ".encode() for word in self.words))

    @property
    def alphabet(self) -> tuple[str, ...]:
        """What is shown of each token."""
        return (UNKNOWN, LINE_END, *(shown(word.encode()) for word in self.words))

    def encode(self, text: bytes) -> np.ndarray:
        """The tokens of a text."""
        numbers = {word: number for number, word in enumerate(self.words, 2)}.get
        found = array({1: "B", 2: "H", 4: "i"}[np.dtype(self.dtype).itemsize])
        for words, ends in lines(text):
            found.extend(map(numbers, words, repeat(0)))
            if ends:
                found.append(1)
        return np.array(found, self.dtype)

    def parts(self) -> dict:
        """What `from_json` needs besides the name."""
        return {"words": self.words}
