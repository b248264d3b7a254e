"""The history of a cell on disk, while it is trained: memory does not grow with the epochs.

Rows are appended to a file per seed, in a folder beside the history. A checkpoint holds how far
these files went, and their hash. Who resumes from it copies that much to files of its own, so that
two jobs of one cell never write into the same file. At the end they are joined into history.csv.
"""

import csv
import hashlib
import io
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from fwp.utils.files import atomic

BUFFER = 64 * 1024
"""Bytes of a seed's rows that are held back, at most, until they are written."""


class HistoryError(ValueError):
    """Rows on disk that are not what was written; the message names the file."""


def parts_folder(history: str | Path) -> Path:
    """Where the parts of a history.csv are while it is made."""
    return Path(history).with_suffix(".parts")


class HistoryParts:
    """Rows of the history, by seed.

    Args:
        history: the file that they shall become.
        names: of task and model, the first columns of every row.
    """

    def __init__(self, history: str | Path, names: dict[str, str]):
        self.path, self.folder, self.names = Path(history), parts_folder(history), names
        self._mark = secrets.token_hex(4)
        self._seeds: dict[int, _Part] = {}
        self._columns: list[str] = []

    def append(self, seed: int, row: dict) -> None:
        """Keep a row of a seed; all rows have the same keys."""
        whole = self.names | {"seed": seed} | row
        self._columns = self._columns or list(whole)
        self._part(seed).append(_line(whole.values()))

    def position(self) -> dict:
        """How far the files go, ready for JSON; all rows are on disk then."""
        parts = {str(seed): part.position() for seed, part in self._seeds.items()}
        return {"columns": self._columns, "parts": parts}

    def resume(self, position: dict) -> None:
        """Go on from what `position` returned.

        Raises:
            HistoryError, OSError: the files do not hold what they did then.
        """
        for seed, part in position["parts"].items():
            self._part(int(seed)).take(self.folder / part["file"], part["bytes"], part["sha256"])
        self._columns = list(position["columns"])

    def write(self, seeds: Sequence[int]) -> None:
        """Write the history, seed after seed."""
        with atomic(self.path) as temporary, temporary.open("wb") as file:
            file.write(_line(self._columns))
            for seed in seeds:
                file.writelines(self._seeds[seed].lines())

    def _part(self, seed: int) -> "_Part":
        if seed not in self._seeds:
            self._seeds[seed] = _Part(self.folder / f"seed-{seed}-{self._mark}.csv")
        return self._seeds[seed]


class _Part:
    """A file of rows, of which the first `written` bytes count.

    A full disk does not end the training: rows stay in memory until it has room.
    """

    def __init__(self, path: Path):
        self.path, self.written, self._hash = path, 0, hashlib.sha256()
        self._waiting: list[bytes] = []
        self._held = 0

    def append(self, line: bytes) -> None:
        self._waiting.append(line)
        self._held += len(line)
        if self._held >= BUFFER:
            try:
                self._flush()
            except OSError:
                self._held = 0  # try again when as much has come again

    def position(self) -> dict:
        self._flush()
        facts = {"bytes": self.written, "sha256": self._hash.hexdigest()}
        return {"file": self.path.name} | facts

    def take(self, path: Path, size: int, sha256: str) -> None:
        """Begin with the first bytes of another file."""
        self._waiting = list(_blocks(path, size, sha256))
        self._flush()

    def lines(self) -> Iterator[bytes]:
        if self.written:
            yield from _blocks(self.path, self.written, self._hash.hexdigest())
        yield from self._waiting

    def _flush(self) -> None:
        data = b"".join(self._waiting)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("r+b" if self.written else "wb") as file:
            file.seek(self.written)
            file.write(data)
            file.truncate()  # what an attempt before this one has left, on a full disk
            file.flush()
            os.fsync(file.fileno())
        self.written += len(data)
        self._hash.update(data)
        self._waiting, self._held = [], 0


def _blocks(path: Path, size: int, sha256: str) -> Iterator[bytes]:
    """The first bytes of a file, which must have this hash."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(min(size, 2**20)):
            size -= len(block)
            found.update(block)
            yield block
    if found.hexdigest() != sha256:
        raise HistoryError(f"{path}: has changed since it was written")


def _line(values) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode()
