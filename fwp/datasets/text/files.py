"""Texts in files of the user's: plain text or JSONL, compressed or not, single files or folders.

Plain text is taken byte by byte as it is. Of JSONL one field of each line is the text; every text
and every file that does not end with a line end gets one.
"""

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from fwp.datasets.text.zstd import open_zstd
from fwp.utils.suggest import suggestion

PARTS = ("train", "validation", "test")
PLAIN, LINES = ".txt", ".jsonl"
COMPRESSED = (".gz", ".zst")
EXTRA = "pip install 'fwp-lab[text]' installs it"
BLOCK = 1 << 22  # bytes that are checked at a time


class CorpusError(ValueError):
    """A text that cannot be read; the message is one line, relative to the task."""


def listed(files: str | list | Mapping) -> list[tuple[str, str]]:
    """Files and folders as `text.files` names them, each after its place in the task."""
    if isinstance(files, Mapping):
        return [(f"text.files.{part}", path) for part in files for path in _paths(files[part])]
    return [("text.files", path) for path in _paths(files)]


def expanded(place: str, path: str) -> list[Path]:
    """The files that a path stands for: itself, or all texts below a folder, sorted.

    Raises:
        CorpusError: there is no such file or folder, or the folder holds no text.
    """
    found = Path(path)
    try:
        if found.is_file():
            return [found]
        if not found.is_dir():
            rule = "is neither a file nor a folder" if found.exists() else "does not exist"
            near = "" if found.exists() else suggestion(found.name, _neighbours(found))
            raise CorpusError(f"{place}: {path} {rule}{near}")
        texts = sorted(_texts(found))
    except (OSError, ValueError) as error:  # no permission; a null byte within the name
        if isinstance(error, CorpusError):
            raise
        raise CorpusError(f"{place}: {path} cannot be read: {_reason(error)}") from None
    if not texts:
        suffixes = f"*{PLAIN} or *{LINES}, plain or with {' or '.join(COMPRESSED)}"
        raise CorpusError(f"{place}: the folder {path} holds no text ({suffixes})")
    return texts


def is_jsonl(path: Path) -> bool:
    """Whether the lines of a file are JSON: its name says so."""
    return _plain(path.name).endswith(LINES)


def compression(path: Path) -> str:
    """The suffix .gz or .zst, or nothing."""
    return path.suffix.lower() if path.suffix.lower() in COMPRESSED else ""


def opened(path: Path) -> BinaryIO:
    """A file to read the bytes of its text from, decompressed.

    Raises:
        CorpusError: it is compressed by zstd, and the library is not installed.
    """
    if compression(path) == ".gz":
        return gzip.open(path)  # type: ignore[return-value]
    if compression(path) == ".zst":
        try:
            return open_zstd(path)
        except ImportError:
            message = f"text.files: {path} needs the library zstandard, which is not installed"
            raise CorpusError(f"{message}; {EXTRA}") from None
    return path.open("rb")


def read(path: Path, field: str, *, utf8: bool) -> bytes:
    """The text of a file.

    Args:
        path: the file.
        field: of each line of JSONL, with the text.
        utf8: whether the text must be UTF-8; JSONL always is.

    Raises:
        CorpusError: the file cannot be read, is damaged, empty, not UTF-8 or not JSONL.
    """
    with reading(path), opened(path) as file:
        data = b"".join(_lines(path, file, field)) if is_jsonl(path) else file.read()
    if not data:
        raise CorpusError(f"text.files: {path} is empty")
    if utf8:
        check_utf8(path, data)
    return data if data.endswith(b"\n") else data + b"\n"


class reading:  # noqa: N801, a context manager is called like a function
    """Let what goes wrong with a file be told in one line that names it."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, CorpusError) or not isinstance(error, Exception):
            return
        known = isinstance(error, (OSError, EOFError, zlib.error))
        if known or type(error).__module__.startswith("zstandard"):
            raise CorpusError(
                f"text.files: {self.path} cannot be read: {_reason(error)}"
            ) from error


def check_utf8(path: Path, data: bytes, *, start: int = 0, final: bool = True) -> None:
    """Refuse bytes that are not UTF-8.

    Args:
        path: whose text it is.
        data: the text, or a piece of it.
        start: position of the piece within the text.
        final: whether the last character must be complete.

    Raises:
        CorpusError: with the file and the position of the first bad byte.
    """
    at = 0
    while at < len(data):
        end = min(at + BLOCK, len(data))
        last = end == len(data)
        try:
            data[at:end].decode()
        except UnicodeDecodeError as error:
            cut = error.reason == "unexpected end of data" and error.end == end - at
            if not cut or (last and final):
                raise CorpusError(
                    f"text.files: {path} is not UTF-8 at byte {start + at + error.start}"
                    f"{_encoding(data, start)}; tokens: bytes takes any file"
                ) from None
            if last:
                return
            end = at + error.start
        at = end


def _encoding(data: bytes, start: int) -> str:
    marked = start == 0 and data[:2] in (b"\xff\xfe", b"\xfe\xff")
    return " (it seems to be UTF-16)" if marked else ""


def parsed(path: Path, number: int, line: bytes, field: str) -> bytes:
    """The text of one line of JSONL, UTF-8 that ends with a line end.

    Raises:
        CorpusError: the line is no object that has the field, or its value is not text.
    """
    where = f"text.files: {path}, line {number}"
    try:
        record = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise CorpusError(f"{where}: not UTF-8 at byte {error.start} of the line") from None
    except (ValueError, RecursionError):
        raise CorpusError(f"{where}: not JSON") from None
    if not isinstance(record, dict):
        raise CorpusError(f"{where}: must be an object with the field {field!r}")
    if field not in record:
        held = ", ".join(list(record)[:8]) or "no field"
        raise CorpusError(
            f"{where}: has no field {field!r}, only {held}{suggestion(field, record)}; "
            "text.field names the field"
        )
    text = record[field]
    if not isinstance(text, str):
        raise CorpusError(f"{where}: the field {field!r} is not text")
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise CorpusError(f"{where}: the field {field!r} holds half a character") from None
    return data if data.endswith(b"\n") or not data else data + b"\n"


def _lines(path: Path, file: BinaryIO, field: str) -> Iterator[bytes]:
    for number, line in enumerate(file, 1):
        if line.strip():
            yield parsed(path, number, line, field)


def _paths(files: str | list) -> list[str]:
    return [files] if isinstance(files, str) else list(files)


def _texts(folder: Path) -> Iterator[Path]:
    """Files below a folder whose names say that they are text; hidden ones are left out."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and _plain(name).endswith((PLAIN, LINES)):
                yield Path(place, name)


def _plain(name: str) -> str:
    """A file's name without the suffix of its compression, in small letters."""
    name = name.lower()
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    return name


def _neighbours(path: Path) -> list[str]:
    try:
        return [other.name for other in path.parent.iterdir()]
    except OSError:
        return []


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(str(text).split()) or type(error).__name__
