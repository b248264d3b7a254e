"""Trying a construction on long strings."""

from dataclasses import dataclass

import numpy as np
import torch

from fwp.constructions.build import built
from fwp.constructions.construction import Construction
from fwp.constructions.strings import hard_strings
from fwp.languages.base import NO_TARGET, Language

PIECE = 2000  # symbols that are read at a time


@dataclass(frozen=True)
class Check:
    """What came of it.

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
    strings = hard_strings(language, length, count, seed)
    longest = max(map(len, strings))
    tokens = np.zeros((len(strings), longest), np.int64)
    targets = np.full(tokens.shape, NO_TARGET, np.int64)
    for row, string in enumerate(strings):
        tokens[row, : len(string)] = language.encode(string)
        targets[row, : len(string)] = language.label(string)
    found, state = [], None
    for piece in torch.as_tensor(tokens).split(PIECE, dim=1):
        logits, state = model(piece, state)
        found.append(logits.argmax(-1).numpy())
    asked = targets != NO_TARGET
    wrong = asked & (np.concatenate(found, axis=1) != targets)
    row = int(wrong.any(1).argmax())
    return Check(
        strings=len(strings),
        longest=longest,
        right=float(1 - wrong.any(1).mean()),
        positions=float(1 - wrong.sum() / max(1, asked.sum())),
        wrong=strings[row][: int(wrong[row].argmax()) + 1] if wrong.any() else "",
    )
