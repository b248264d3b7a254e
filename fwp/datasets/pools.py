"""Pools: which kind of set may hold a string, decided by the string itself.

A hash of the string, keyed by the seed and the language, puts it into the pool of test, validation
or training. What other sets hold plays no part. So sets never share a string, and a larger test set
takes nothing from the others.

Of a length that test, validation and training share, test has a quarter of the strings, validation
another quarter, and training the rest. Of few strings the quarters are exact, rounded up.
"""

import hashlib
import math
from collections.abc import Sequence

from fwp.languages import Language

QUARTER = 0.25
LISTED = 1024  # strings of a length, at most, that are ranked to make exact quarters
SIGMAS = 8  # by how many standard deviations a pool of many strings may be smaller than its share


def pool_size(total: int, kind: str, owners: Sequence[str]) -> int:
    """How many strings a pool holds at least; exactly so where there are at most `LISTED`.

    Args:
        total: number of strings of a length.
        kind: test, validation or train.
        owners: the kinds that share this length, in the order of their quarters; the last has the
            rest. Without owners every set may hold every string.
    """
    if not owners:
        return total
    begin, end = _ranks(total, kind, owners)
    if total <= LISTED:
        return end - begin
    # Integers, as a length may hold more strings than a float can count.
    return max(1, (end - begin) - SIGMAS * math.isqrt(total) // 2)


def _ranks(total: int, kind: str, owners: Sequence[str]) -> tuple[int, int]:
    """First and last rank, exclusive, of a pool among all strings in the order of their hashes."""
    quarter = -(-total // 4)
    begin = min(total, owners.index(kind) * quarter)
    return begin, total if kind == owners[-1] else min(total, begin + quarter)


class Pool:
    """The strings of a length that one kind of set may hold; `string in pool`.

    Args:
        language: whose strings they are.
        length: of the strings.
        kind: test, validation or train.
        owners: as for `pool_size`.
        key: of the hash, such as seed and language.
    """

    def __init__(
        self, language: Language, length: int, kind: str, owners: Sequence[str], key: bytes
    ):
        self.language, self.length, total = language, length, language.count_capped(length)
        self.size = pool_size(total, kind, owners)
        self._key = hashlib.sha256(key).digest()
        self._share = 1.0
        self._range: tuple[float, float] | None = None
        self._members: frozenset[str] | None = None
        if not owners:
            return
        begin = QUARTER * owners.index(kind)
        end = 1.0 if kind == owners[-1] else begin + QUARTER
        self._share, self._range = end - begin, (begin, end)
        if total <= LISTED:
            ranked = sorted(language.strings(length), key=lambda s: (self._place(s), s))
            self._members = frozenset(ranked[slice(*_ranks(total, kind, owners))])

    def __contains__(self, string: str) -> bool:
        if self._members is not None:
            return string in self._members
        return self._range is None or self._range[0] <= self._place(string) < self._range[1]

    def draws(self, number: int) -> int:
        """Draws from the language that yield about `number` strings of the pool."""
        return math.ceil(number / self._share)

    def _place(self, string: str) -> float:
        """Where the hash of a string lies in [0, 1)."""
        digest = hashlib.blake2b(string.encode(), key=self._key, digest_size=6).digest()
        return int.from_bytes(digest, "big") / 2**48
