"""Byte pairs: byte-level BPE, trained and applied by the library `tokenizers`.

Every one of the 256 bytes is a token, so that nothing is unknown and every text is decoded to
itself. Decoding needs no library.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from itertools import islice

import numpy as np

from fwp.datasets.text.files import EXTRA, CorpusError
from fwp.datasets.text.vocabulary import Tokenizer, joined
from fwp.datasets.text.words import pieces

PIECE, TOGETHER = 1 << 16, 64  # bytes that are encoded as one text, and texts in one call


def _library():
    """The module `tokenizers`, on one thread unless the user says otherwise."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import tokenizers
    except ImportError:
        raise CorpusError(
            f"text.tokens: bpe needs the library tokenizers, which is not installed; {EXTRA}"
        ) from None
    return tokenizers


class BytePairs(Tokenizer):
    """Byte-level BPE. `model` is what the library writes: merges, and the tokens' numbers."""

    tokens = "bpe"

    def __init__(self, model: dict):
        self.model = model

    @classmethod
    def trained(cls, text: bytes, vocabulary: int) -> "BytePairs":
        """Byte pairs of `text`; fewer tokens than `vocabulary` if no more pairs repeat."""
        library = _library()
        pairs = library.Tokenizer(library.models.BPE())
        pairs.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = library.trainers.BpeTrainer(
            vocab_size=vocabulary,
            min_frequency=2,
            show_progress=False,
            initial_alphabet=sorted(_byte_of()),
        )
        pairs.train_from_iterator(_texts(text), trainer)
        return cls(json.loads(pairs.to_str()))

    @cached_property
    def contents(self) -> Sequence[bytes]:
        """The bytes that each token is decoded to."""
        numbers = self.model["model"]["vocab"]
        byte_of = _byte_of()
        return tuple(
            bytes(byte_of[character] for character in token)
            for token in sorted(numbers, key=numbers.__getitem__)
        )

    @cached_property
    def _pairs(self):
        return _library().Tokenizer.from_str(json.dumps(self.model))

    def encode(self, text: bytes) -> np.ndarray:
        """The tokens of a text."""
        found = []
        for group in batched(_texts(text), TOGETHER):
            encoded = self._pairs.encode_batch_fast(group, add_special_tokens=False)
            found += [np.array(piece.ids, self.dtype) for piece in encoded]
        return joined(found, self.dtype)

    def parts(self) -> dict:
        """What `from_json` needs besides the name."""
        return {"model": self.model}


def _texts(text: bytes) -> Iterator[str]:
    for piece in pieces(text, PIECE):
        yield piece.decode()


def batched(values: Iterable[str], number: int) -> Iterator[list[str]]:
    """Values in lists of `number`, as `itertools.batched` of Python 3.12 has them."""
    left = iter(values)
    while group := list(islice(left, number)):
        yield group


@cache
def _byte_of() -> dict[str, int]:
    """The character that the library writes for each byte: printable ones stand for themselves."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {
        chr(256 + place): byte for place, byte in enumerate(others)
    }
