"""Pairs from files: a table of two columns, or two files of which line i translates line i."""

from collections.abc import Iterator
from pathlib import Path

from fwp.datasets.text.files import CorpusError, opened, reading
from fwp.datasets.text.pair import Pair, PairsError

BLOCK = 1 << 22  # bytes that are read at a time


def paths(files: str | dict) -> list[str]:
    """All files that `files` names, whatever its form."""
    if isinstance(files, str):
        return [files]
    return [path for part in files.values() for path in paths(part)]


def read(files: str | dict) -> Iterator[Pair]:
    """Pairs of a table, or of `{source: …, target: …}`.

    Raises:
        PairsError: a file is missing, empty or not UTF-8; a line has no second column; or the two
            files have different numbers of lines.
    """
    if isinstance(files, str):
        return _table(files)
    return _parallel(files["source"], files["target"])


def _table(path: str) -> Iterator[Pair]:
    """Further columns, such as who wrote a sentence, are not read."""
    for number, line in enumerate(lines(path), 1):
        if not line.strip():
            continue
        columns = line.split("\t")
        if len(columns) < 2:
            raise PairsError(
                f"{path}: every line must hold source and target with a tab between them, and "
                f"line {number} has no tab"
            )
        yield Pair(columns[0], columns[1])


def _parallel(source: str, target: str) -> Iterator[Pair]:
    sides = lines(source), lines(target)
    if len(sides[0]) != len(sides[1]):
        raise PairsError(unequal({source: len(sides[0]), target: len(sides[1])}))
    yield from map(Pair, *sides)


def unequal(numbers: dict[str, int]) -> str:
    """What is wrong with parallel files that have so many lines."""
    (one, first), (other, second) = numbers.items()
    return (
        f"line i of one file must translate line i of the other, but {one} has {first} lines and "
        f"{other} has {second}"
    )


def blocks(path: str) -> Iterator[bytes]:
    """The bytes of a file, decompressed if its name ends in .gz or .zst, some at a time.

    Raises:
        PairsError: it cannot be read.
    """
    try:
        with reading(Path(path)), opened(Path(path)) as file:
            while block := file.read(BLOCK):
                yield block
    except CorpusError as error:
        raise PairsError(str(error).removeprefix("text.files: ")) from None


def lines(path: str) -> list[str]:
    """The lines of a file. A file separator or the like within a line does not end it."""
    text = b"".join(blocks(path))
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PairsError(f"{path}: must be UTF-8, and is not at byte {error.start}") from None
    if not decoded.strip():
        raise PairsError(f"{path}: is empty")
    return decoded.removesuffix("\n").replace("\r\n", "\n").split("\n")
