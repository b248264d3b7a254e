"""The rows of a file of labelled strings, and where each of them stands."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Text = str | list[str]
Labels = str | list[str | None] | None


class FilesError(ValueError):
    """A file that cannot be used; the message is one line that begins with file:line:column."""


@dataclass
class Source:
    """What a reader finds in a file.

    Attributes:
        path: of the strings.
        format: as `files.format` names it.
        strings: one per row, as text or as symbols.
        labels: one per row, as text, one per position, or None if there is none.
        rows: number of each row's line, from 1.
        label_rows: the same in the file of the labels.
        column: of the string or the labels within a line, from 1, by line and by which of the two.
        partner: the file of the labels, if that is another.
        per: "position" or "string", if the format says so.
        separator: "characters" or "spaces", if the format says so.
    """

    path: Path
    format: str
    strings: list[Text] = field(default_factory=list)
    labels: list[Labels] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    label_rows: list[int] = field(default_factory=list)
    column: Callable[[int, str], int] = lambda _, __: 1
    partner: Path | None = None
    per: str | None = None
    separator: str | None = None

    def add(self, line: int, string: Text, labels: Labels, label_line: int | None = None) -> None:
        """Enter a row."""
        self.rows.append(line)
        self.label_rows.append(line if label_line is None else label_line)
        self.strings.append(string)
        self.labels.append(labels)

    def place(self, i: int, what: str = "string", offset: int = 0) -> str:
        """Where row i has its string or its labels: file:line:column."""
        path, line = self.path, self.rows[i]
        if what == "labels":
            path, line = self.partner or path, self.label_rows[i]
        return f"{path}:{line}:{self.column(line, what) + offset}"


def read_lines(path: Path, most: int | None = None) -> list[str]:
    """The lines of a text file, without their ends and without an empty one at the end.

    Args:
        path: UTF-8, with or without a byte order mark.
        most: bytes that are looked at; a line that they cut off is left out.

    Raises:
        FilesError: the file cannot be read, is empty or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read() if most is None else file.read(most)
            cut = most is not None and bool(file.read(1))
    except OSError as error:
        raise FilesError(f"{path}: cannot be read: {error.strerror or error}") from None
    if cut and b"\n" in data:
        data = data[: data.rindex(b"\n") + 1]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise FilesError(f"{path}:1:1: must be UTF-8, seems to be UTF-16") from None
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        raise FilesError(
            f"{path}:{line}:{column}: must be UTF-8, got the byte 0x{data[error.start]:02x}"
        ) from None
    if not text.strip():
        raise FilesError(f"{path}: is empty")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines[:-1] if not lines[-1] else lines
