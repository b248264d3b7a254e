"""Sequences of key–value pairs, and queries about them."""

from typing import NamedTuple

import numpy as np


class Pairs(NamedTuple):
    """Keys and values int64 [B, L], queried keys [B, N] and the values that are due [B, N]."""

    keys: np.ndarray
    values: np.ndarray
    queries: np.ndarray
    answers: np.ndarray


def batch(rng: np.random.Generator, count: int, size: int, *, repeated: bool) -> Pairs:
    """Sequences with one query each, about a random one of their pairs.

    Setting 1 of the paper: the `count` keys in random order, with the values in random order.
    Setting 2 (`repeated`): 2·`count` pairs, keys and values drawn with replacement; the last value
    of a key is due.
    """
    keys, values = _pairs(rng, count, size, 2 * count if repeated else count, repeated)
    queries = np.take_along_axis(keys, rng.integers(keys.shape[1], size=(size, 1)), axis=1)
    return Pairs(keys, values, queries, _last(keys, values, queries))


def evaluator(
    rng: np.random.Generator, count: int, size: int, *, repeated: bool, most: int = 200
) -> list[Pairs]:
    """Sequences of `count` pairs, each with queries about all its keys, up to `most`.

    As in the authors' code, sequences have `count` pairs here also where keys are repeated.
    """
    found = []
    for _ in range(size):
        keys, values = _pairs(rng, count, 1, count, repeated)
        queries = np.unique(keys)[None, :most]
        found.append(Pairs(keys, values, queries, _last(keys, values, queries)))
    return found


def _pairs(
    rng: np.random.Generator, count: int, size: int, length: int, repeated: bool
) -> tuple[np.ndarray, np.ndarray]:
    if repeated:
        keys, values = rng.integers(count, size=(2, size, length))
        return keys, values
    order = np.tile(np.arange(count), (size, 1))
    return rng.permuted(order, axis=1), rng.permuted(order, axis=1)


def _last(keys: np.ndarray, values: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The last value of each queried key."""
    found = keys[:, None, ::-1] == queries[:, :, None]
    return np.take_along_axis(values, keys.shape[1] - 1 - found.argmax(axis=2), axis=1)
