"""Seeds of trials: none of them is a seed of an experiment, so that what is reported is fresh.

They follow from the number of the trial or, in a grid, from its settings. So a run of a grid is
known again when a longer list gives its trial another number.
"""

import zlib
from collections.abc import Container

FIRST = 4_000_000_000
"""The smallest seed of a trial; seeds of a config that has a search are below it."""
STRIDE = 100_000
"""Between the seeds of a trial; a search has fewer trials."""


def trial_seeds(trial: int, n: int) -> list[int]:
    """The first `n` seeds of a trial; no other trial has one of them.

    Args:
        trial: its number; in a grid its `place`.
        n: how many.

    Raises:
        ValueError: there are no such trial or seeds.
    """
    if not 0 <= trial < STRIDE or not 0 < n <= (2**32 - FIRST) // STRIDE:
        raise ValueError(
            f"trials are 0 to {STRIDE - 1} with 1 to {(2**32 - FIRST) // STRIDE} seeds, got trial "
            f"{trial} with {n}"
        )
    return [FIRST + trial + j * STRIDE for j in range(n)]


def place(settings: str, taken: Container[int]) -> int:
    """A number that is a trial's own, from 0 to `STRIDE` - 1.

    Args:
        settings: all that decide how the trial is trained, as a text.
        taken: the places of trials before it; of two that would have the same, the later moves on.
    """
    found = zlib.crc32(settings.encode()) % STRIDE
    while found in taken:
        found = (found + 1) % STRIDE
    return found
