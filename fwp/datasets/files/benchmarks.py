"""Strings as the data of published benchmarks hold them.

Bhattamishra et al. 2020: a file of strings and one of targets, line by line. The targets of a
string have as many digits per position as there are symbols whose being next is in question.
MLRegTest (van der Poel et al. 2024): string, tab, TRUE or FALSE. FLaRe (Butoi et al. 2025): a
folder with main.tok (symbols apart by spaces), labels.txt (0 or 1), and next-symbols.jsonl. Of
these, the last has a line for each string with label 1: for all its prefixes from the empty one,
the symbols that may follow and whether the string may end.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fwp.datasets.files.source import FilesError, Source, read_lines

STRINGS, LABELS, NEXT = "main.tok", "labels.txt", "next-symbols.jsonl"


def read_src_tgt(path: Path, _: Mapping[str, Any], most: int | None = None) -> Source:
    """Strings of `path` with the targets of its partner: train.src and train.tgt, or the like.

    Raises:
        FilesError: the partner is missing or has another number of lines or digits.
    """
    other = partner(path)
    if other is None or not other.is_file():
        names = "train.src and train.tgt, or train_src.txt and train_tgt.txt"
        raise FilesError(f"{path}: must have a partner with the targets ({names})")
    strings, targets = _pair(path, other, most)
    source = Source(path, "src-tgt", partner=other, per="position", separator="characters")
    width = next((len(t) // len(s) for s, t in zip(strings, targets, strict=True) if s), 1)
    for i, (string, target) in enumerate(zip(strings, targets, strict=True), 1):
        if len(target) != width * len(string):
            raise FilesError(
                f"{other}:{i}:{min(len(target), width * len(string)) + 1}: must have {width} "
                f"digit{'s' * (width != 1)} per symbol, as the first string has: "
                f"{width * len(string)} for {len(string)} symbols, got {len(target)}"
            )
        odd = re.search("[^01]", target)
        if odd:
            raise FilesError(f"{other}:{i}:{odd.start() + 1}: must be 0 or 1, got {odd[0]!r}")
        source.add(i, string, [target[j : j + width] for j in range(0, len(target), width or 1)])
    return source


def partner(path: Path) -> Path | None:
    """The file of targets that belongs to one of strings; None if the name has no "src"."""
    name = re.sub(r"src(?!.*src)", "tgt", path.name)
    return None if name == path.name else path.with_name(name)


def read_mlregtest(path: Path, _: Mapping[str, Any], most: int | None = None) -> Source:
    """A string, a tab, and TRUE or FALSE per line, without a header.

    Raises:
        FilesError: a line is something else.
    """
    lines = read_lines(path, most)
    source = Source(path, "mlregtest", per="string", separator="characters")
    source.column = lambda line, what: 1 if what == "string" else lines[line - 1].find("\t") + 2
    for i, line in enumerate(lines, 1):
        string, tab, label = line.partition("\t")
        if not tab or label not in ("TRUE", "FALSE"):
            column = len(string) + 1 + len(tab)
            raise FilesError(
                f"{path}:{i}:{column}: must be a string, a tab, and TRUE or FALSE, got "
                f"{label if tab else line!r}"
            )
        source.add(i, string, label)
    return source


def read_flare(path: Path, options: Mapping[str, Any], most: int | None = None) -> Source:
    """The folder of a set of FLaRe, or its main.tok; `labels: next` asks for what may follow.

    With `next`, strings that are not in the language are left out, as those have no next symbols.

    Raises:
        FilesError: a file of the folder is missing, or has another number of lines or symbols.
    """
    folder = path if path.is_dir() else path.parent
    wanted = options["labels"] or "label"
    if wanted not in ("label", "next"):
        raise FilesError(f"files.labels: must be label or next with FLaRe's files, got {wanted!r}")
    other = folder / (NEXT if wanted == "next" else LABELS)
    strings, labels = _pair(folder / STRINGS, folder / LABELS, most)
    separator = {"separator": "spaces", "partner": other}
    if wanted == "label":
        source = Source(folder / STRINGS, "flare", per="string", **separator)
        for i, (string, label) in enumerate(zip(strings, labels, strict=True), 1):
            source.add(i, string.split(), label)
        return source
    source = Source(folder / STRINGS, "flare", per="position", **separator)
    following = read_lines(other, most)
    members = [i for i, label in enumerate(labels) if label.strip() == "1"]
    if most is None and len(following) != len(members):
        raise FilesError(
            f"{other}: must have a line for each of the {len(members)} strings with label 1, got "
            f"{len(following)}"
        )
    for number, (i, line) in enumerate(zip(members, following, strict=False), 1):
        symbols = strings[i].split()
        names = _next(f"{other}:{number}", line, len(symbols))
        source.add(i + 1, symbols, names, number)
    return source


def _next(where: str, line: str, length: int) -> list[str | None]:
    """Names of the sets of symbols that may follow each prefix but the empty one."""
    try:
        found = [
            " ".join([*entry["s"].split(), *["end"] * entry["e"]]) for entry in json.loads(line)
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise FilesError(
            f'{where}:1: must be a list of {{"s": symbols, "e": true or false}}'
        ) from None
    if len(found) != length + 1:
        raise FilesError(
            f"{where}:1: must have an entry for each of the {length + 1} prefixes, got {len(found)}"
        )
    return list(found[1:])


def _pair(first: Path, second: Path, most: int | None) -> tuple[list[str], list[str]]:
    """Lines of two files that belong together; of files that are looked at in part, the same."""
    one, two = read_lines(first, most), read_lines(second, most)
    if most is not None:
        number = min(len(one), len(two))
        return one[:number], two[:number]
    if len(one) != len(two):
        raise FilesError(
            f"{second}: must have a line for each of the {len(one)} lines of {first.name}, got "
            f"{len(two)}"
        )
    return one, two
