"""How much of a text another one has word for word.

The share of windows of 50 bytes, at every position, that the other text has somewhere. Windows are
compared by hashes of 64 bits. Memory grows with the shorter text, time with the longer one.
"""

from collections.abc import Iterator, Sequence

import numpy as np

WINDOW = 50
PIECE = 1 << 17  # bytes that are hashed at a time
BASE = np.uint64(0x9E3779B97F4A7C15)  # odd
MIXER = np.uint64(0xD6E8FEB86659FD93)
MARKS = 24  # bits of a hash that a first look takes


def verbatim(known: bytes, texts: Sequence[bytes]) -> list[float | None]:
    """The share of each text's windows that `known` has; None of a text shorter than a window."""
    own = [np.concatenate([np.zeros(0, np.uint64), *_hashes(text)]) for text in texts]
    asked = np.unique(np.concatenate([np.zeros(0, np.uint64), *own]))
    if not len(asked):
        return [None for _ in texts]
    shift = np.uint64(64 - MARKS)
    marked = np.zeros(1 << MARKS, bool)
    marked[asked >> shift] = True
    seen = np.zeros(len(asked), bool)
    for hashes in _hashes(known):
        likely = hashes[marked[hashes >> shift]]
        places = np.minimum(np.searchsorted(asked, likely), len(asked) - 1)
        seen[places[asked[places] == likely]] = True
    return [float(seen[np.searchsorted(asked, one)].mean()) if len(one) else None for one in own]


def _hashes(text: bytes) -> Iterator[np.ndarray]:
    """Hashes of the windows at all positions of a text, in pieces, uint64."""
    for start in range(0, len(text) - WINDOW + 1, PIECE):
        yield _rolled(np.frombuffer(text[start : start + PIECE + WINDOW - 1], np.uint8))


def _rolled(values: np.ndarray) -> np.ndarray:
    """Hashes of all windows of an array, uint64 [N − 49].

    A window's hash is Σ_i (x_i + 1)·b^(n−1−i) modulo 2^64, mixed. Those of windows twice as long
    follow from two neighbours; so 50 = 2 + 16 + 32 takes few passes.
    """
    power, size = BASE, 1
    hashes = values.astype(np.uint64) + np.uint64(1)
    whole, done = None, 0
    left = WINDOW
    with np.errstate(over="ignore"):
        while left:
            if left & 1:
                if whole is None:
                    whole, done = hashes, size
                else:  # the longer window stands before the shorter one
                    count = len(values) - done - size + 1
                    whole = hashes[:count] * _raised(done) + whole[size : size + count]
                    done += size
            left >>= 1
            if left:
                count = len(hashes) - size
                hashes = hashes[:count] * power + hashes[size:]
                power, size = power * power, 2 * size
        assert whole is not None
        mixed = whole ^ (whole >> np.uint64(32))
        mixed *= MIXER
    return mixed ^ (mixed >> np.uint64(29))


def _raised(exponent: int) -> np.uint64:
    return np.uint64(pow(int(BASE), exponent, 1 << 64))
