"""Trying a construction on long strings."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from fwp.constructions.build import built
from fwp.constructions.construction import Construction
from fwp.constructions.strings import hard_strings
from fwp.languages.base import NO_TARGET, Language

PIECE = 2000  # symbols that are read at a time


@dataclass(frozen=True)
class Check:
    """How many strings are right.

    Attributes:
        strings: how many were read.
        longest: symbols of the longest.
        right: share of the strings whose labels are all right.
        positions: share of the positions that are right.
        wrong: a string with a wrong label, up to the first of them; "" if there is none.
    """

    strings: int
    longest: int
    right: float
    positions: float
    wrong: str


@torch.no_grad()
def check_construction(
    construction: Construction,
    language: Language,
    *,
    dtype: str = "float32",
    length: int = 10_000,
    count: int = 6,
    seed: int = 0,
) -> Check:
    """Compare a construction's labels with the language's, on random and on hard strings.

    Args:
        dtype: float32 or float64.
        length: symbols of a string.
        count: about how many strings.
        seed: of the random ones.
    """
    model = built(construction, language, dtype)
    strings, tokens, targets = _labelled(language, length, count, seed)
    found, state = [], None
    for piece in tokens.split(PIECE, dim=1):
        logits, state = model(piece, state)
        found.append(logits.argmax(-1).numpy())
    asked = targets != NO_TARGET
    wrong = asked & (np.concatenate(found, axis=1) != targets)
    row = int(wrong.any(1).argmax())
    return Check(
        strings=len(strings),
        longest=tokens.shape[1],
        right=float(1 - wrong.any(1).mean()),
        positions=float(1 - wrong.sum() / max(1, asked.sum())),
        wrong=strings[row][: int(wrong[row].argmax()) + 1] if wrong.any() else "",
    )


@lru_cache(maxsize=1)
def _labelled(
    language: Language, length: int, count: int, seed: int
) -> tuple[list[str], torch.Tensor, np.ndarray]:
    """Strings, their tokens and targets [strings, symbols]; both dtypes read the same."""
    strings = hard_strings(language, length, count, seed)
    shape = len(strings), max(map(len, strings))
    tokens, targets = np.zeros(shape, np.int64), np.full(shape, NO_TARGET, np.int64)
    for row, string in enumerate(strings):
        own = language.encode(string)
        tokens[row, : len(string)] = own
        targets[row, : len(string)] = language.targets(own, np.array([0, len(string)]))
    return strings, torch.as_tensor(tokens), targets
