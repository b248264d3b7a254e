"""Whether files of results are what was written, and one message for each that is not.

Three places keep hashes. A record (JSON) has a *seal*, a hash of all else in it. It also has size
and hash of the files that were written with it, under the key `files`. Tables and figures stand in
a file `<rule>.sha256` beside them, which `sha256sum --check` reads, too.
"""

import errno
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fwp.utils.files import write_text

REMEDY = "delete it, and the next `snakemake` makes it again"
SEAL = "seal"


class ResultsError(ValueError):
    """A file of results that is missing, damaged or of something else; the message names it."""


class MissingFile(ResultsError):  # noqa: N818 - a state of the results
    """A file that is not there."""


class OldRecord(ResultsError):  # noqa: N818 - a state of the results
    """A record without hashes, as older versions wrote it."""


def damaged(path: str | Path, reason: str) -> ResultsError:
    """An error that names a damaged file, why it is none of ours, and what to do."""
    return ResultsError(f"{path}: {reason}; {REMEDY}")


def read_bytes(path: str | Path) -> bytes:
    """The contents of a file.

    Raises:
        ResultsError: it is missing, a folder, a link to itself or cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise MissingFile(f"{path}: the file is missing") from None
    except IsADirectoryError:
        raise damaged(path, "is a folder, not a file") from None
    except OSError as error:
        link = error.errno == errno.ELOOP
        raise damaged(path, "is a link to itself" if link else error.strerror or "?") from None


def read_json(path: str | Path) -> Any:
    """The value in a JSON file.

    Raises:
        ResultsError: there is no such file, or it is not JSON.
    """
    try:
        return json.loads(read_bytes(path))
    except (RecursionError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise damaged(path, f"not JSON, perhaps cut short ({error})") from None


def loops(folder: str | Path) -> list[str]:
    """Messages on links to themselves anywhere in a folder, on which Snakemake stumbles."""
    found, waiting = [], [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        found += [entry.path] if _is_loop(entry.path) else []
                    elif entry.is_dir():
                        waiting.append(entry.path)
        except OSError:
            continue
    return [str(damaged(path, "is a link to itself")) for path in sorted(found)]


def _is_loop(path: str) -> bool:
    try:
        Path(path).stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def digest(data: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


# Records ------------------------------------------------------------------------------------------


def facts(path: str | Path) -> dict[str, int | str]:
    """Size in bytes and SHA-256 of a file, as records keep them."""
    data = read_bytes(path)
    return {"bytes": len(data), "sha256": digest(data)}


def write_sealed(path: str | Path, record: dict, files: Iterable[str | Path] = ()) -> None:
    """Write a record as JSON, with its seal.

    Args:
        record: ready for JSON.
        files: lie in the same folder; their facts go into the record.
    """
    found = {Path(file).name: facts(file) for file in files}
    record = json.loads(json.dumps(record | ({"files": found} if found else {})))
    text = json.dumps(record | {SEAL: _seal(record)}, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, f"{_with_lists_on_lines(text)}\n")


def _with_lists_on_lines(text: str) -> str:
    """Indented JSON with each list of plain values on a line of its own: long ones are many."""
    lines: list[str] = []
    waiting: list[str] = []  # the lines of a list, as long as it holds plain values
    for line in text.split("\n"):
        if line[-1] in "[{":
            lines += waiting
            waiting = [line] if line[-1] == "[" else []
            lines += [] if waiting else [line]
        elif not waiting:
            lines.append(line)
        elif line.lstrip() in ("]", "],"):
            lines.append(waiting[0] + " ".join(x.strip() for x in waiting[1:]) + line.lstrip())
            waiting = []
        else:
            waiting.append(line)
    return "\n".join(lines)


def read_sealed(path: str | Path) -> dict:
    """Read what `write_sealed` wrote.

    Raises:
        ResultsError: it is missing, damaged or no record.
    """
    record = read_json(path)
    if not isinstance(record, dict):
        raise damaged(path, "not a record")
    return check_seal(path, record)


def check_seal(path: str | Path, record: dict) -> dict:
    """The record, which `path` holds, without its seal.

    Raises:
        OldRecord: it has none.
        ResultsError: it is not what was written.
    """
    record = dict(record)
    if SEAL not in record:
        raise OldRecord(f"{path}: has no seal, so an older version of this code wrote it; {REMEDY}")
    if record.pop(SEAL) != _seal(record):
        raise damaged(path, "has changed since it was written: its seal does not match")
    return record


def _seal(record: dict) -> str:
    return digest(json.dumps(record, sort_keys=True).encode())


def check_file(path: str | Path, record: dict, of: str | Path, *, whole: bool = True) -> None:
    """Compare a file with what a record says of it.

    Args:
        record: with `files`.
        of: the record's own path, for the message.
        whole: compare the hash, not the size alone.

    Raises:
        ResultsError: the file is missing, damaged or of something else.
    """
    path, known = Path(path), record.get("files", {}).get(Path(path).name)
    if known is None:
        raise ResultsError(f"{of}: knows no file {path.name}; {REMEDY}")
    if whole or not path.is_file():
        wrong = facts(path) != known
    else:
        wrong = path.stat().st_size != known["bytes"]
    if wrong:
        raise damaged(
            path,
            f"is not the file that {Path(of).name} names: it has changed since it was written, or "
            "is of another cell or run",
        )


# Tables and figures -------------------------------------------------------------------------------


def write_sums(path: str | Path, files: Iterable[str | Path]) -> None:
    """Write the hashes of files into `path`, as `sha256sum` does; it lies in their folder."""
    own = [file for file in map(Path, files) if file != Path(path)]
    lines = [f"{digest(read_bytes(file))}  {file.name}\n" for file in own]
    write_text(path, "".join(lines))


def check_sum(path: str | Path) -> None:
    """Compare a file with its hash in a `.sha256` file of its folder.

    Raises:
        ResultsError: the file is missing or has changed, or no hash is known.
    """
    path = Path(path)
    data, known = read_bytes(path), sums(path.parent)
    if path.name not in known:
        raise ResultsError(
            f"{path}: no .sha256 file beside it names it: an older version of this code wrote it, "
            f"or that file was not copied with it; {REMEDY}"
        )
    if known[path.name] != digest(data):
        raise damaged(path, "has changed since it was written: its hash does not match")


def sums(folder: str | Path) -> dict[str, str]:
    """The hashes that the `.sha256` files of a folder hold, by file name."""
    known = {}
    # Those with a dot are being written: another job will rename them at any moment.
    for path in sorted(Path(folder).glob("[!.]*.sha256")):
        try:
            pairs = [line.split("  ", 1) for line in read_bytes(path).decode().splitlines()]
            known |= {name: value for value, name in pairs}
        except ValueError as error:
            if isinstance(error, ResultsError):
                raise
            raise damaged(path, "does not hold hashes of files") from None
    return known
