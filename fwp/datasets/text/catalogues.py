"""Pairs from gettext catalogues, in which programs keep their messages and translations.

`.mo` files are read by Python's `gettext`, `.po` files by the library `polib`.
"""

import gettext
import importlib.util
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from fwp.datasets.text.pair import EXTRA, Pair, PairsError

CONTEXT = "\x04"  # ends what a programmer wrote to tell equal messages apart
# What is not language: what a program replaces (%s, %(name)d, {name}, $name), markup, escapes, and
# the mark of the letter that opens a menu entry (_File, &File, ~File).
JUNK = re.compile(
    r"%(?:\(\w+\)|\d+\$)?[-+#0']*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|L|q|j|z|t)?"
    r"[diouxXeEfFgGaAcspm]"
    r"|[{}<>\\|]|[$_&~]\w"
)


def paths(folder: str) -> list[Path]:
    """Catalogues in a folder and below it, sorted.

    Raises:
        PairsError: there is no such folder, or no catalogue in it.
    """
    if not Path(folder).is_dir():
        raise PairsError(f"{folder}: there is no such folder")
    found = sorted(p for p in Path(folder).rglob("*") if p.suffix in (".po", ".mo") and p.is_file())
    if not found:
        raise PairsError(f"{folder}: holds no gettext catalogue, which ends in .po or .mo")
    return found


def read(folder: str) -> tuple[list[Pair], dict[str, int]]:
    """Messages and their translations, and how many things were left out, by reason.

    Plural forms, and what is not translated or marked as doubtful, are no messages here. Left out
    are messages that are no plain sentences, and catalogues that say one encoding and use another.

    Raises:
        PairsError: there is no catalogue, none can be read, or `polib` is missing.
    """
    kept, junk, faults = [], 0, []
    found = paths(folder)
    for path in found:
        try:
            messages = [*(_mo if path.suffix == ".mo" else _po)(path)]
        except PairsError:
            raise
        except (OSError, ValueError, LookupError, struct.error) as error:  # of their readers
            faults.append(f"{path}: cannot be read as a gettext catalogue: {error}")
            continue
        for message, translation in messages:
            if not translation or message == translation:
                continue
            if JUNK.search(message) or JUNK.search(translation):
                junk += 1
            else:
                kept.append(Pair(message, translation))
    if len(faults) == len(found):
        raise PairsError(faults[0])
    return kept, {"not a plain sentence": junk, "catalogue not readable": len(faults)}


def missing(folder: str) -> str | None:
    """What must be installed to read the folder's catalogues, if it is not."""
    for path in paths(folder):
        if path.suffix == ".po" and importlib.util.find_spec("polib") is None:
            return _lacking(path)
    return None


def _lacking(path: Path) -> str:
    return f"{path}: .po files need the package polib{EXTRA}"


def _mo(path: Path) -> Iterator[tuple[str, str]]:
    with path.open("rb") as file:
        entries = vars(gettext.GNUTranslations(file))["_catalog"]
    for message, translation in entries.items():
        if isinstance(message, str) and message:  # plural forms have tuples; "" is the header
            yield message.rpartition(CONTEXT)[2], translation


def _po(path: Path) -> Iterator[tuple[str, str]]:
    try:
        import polib
    except ImportError:
        raise PairsError(_lacking(path)) from None
    catalogue = polib.pofile(str(path))
    for entry in catalogue:
        if not (entry.obsolete or entry.fuzzy or entry.msgid_plural):
            yield entry.msgid, entry.msgstr
