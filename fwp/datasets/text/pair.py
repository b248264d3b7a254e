"""A sentence and its translation."""

from typing import NamedTuple

EXTRA = ": pip install 'fwp-lab[text]'"
"""How to install the optional packages that read texts."""


class PairsError(ValueError):
    """Pairs that cannot be read, or are not what they should be; the message is one line."""


class Pair(NamedTuple):
    """A sentence and its translation.

    `group` names what must not be torn apart by a split, such as a page; "" for none.
    """

    source: str
    target: str
    group: str = ""
