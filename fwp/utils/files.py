"""Writing files so that a crash never leaves half of one behind."""

import csv
import errno
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


class WriteError(OSError):
    """A file that cannot be written; the message says which and why."""

    def __str__(self):
        return self.strerror


@contextmanager
def atomic(path: str | Path, *, flush: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds.

    The temporary name keeps the suffix, since many writers choose their format by it. The file is
    flushed to disk before the rename, so that `path` holds either the old contents or all of the
    new; without `flush`, which takes a while, that does not hold if the machine crashes.

    Raises:
        WriteError: the folder is read-only, the disk full or the like.
    """
    path = Path(path)
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        place = {"dir": path.parent, "prefix": f".{path.stem}-", "suffix": path.suffix}
        handle, name = tempfile.mkstemp(**place)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            if flush:
                with temporary.open("rb") as file:
                    os.fsync(file.fileno())
            # mkstemp makes files private to the user; results are shared like any other file.
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def remove_leftovers(folder: str | Path) -> None:
    """Remove what killed processes have left half written in a folder that no other writes to."""
    for path in Path(folder).glob(".*-????????.*"):
        path.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let errors of the system that say that something cannot be written name `path`."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNWRITABLE or isinstance(error, WriteError):
            raise
        reason = f"{path}: cannot be written: {error.strerror}; what is finished is kept"
        raise WriteError(error.errno, reason) from error


def write_text(path: str | Path, text: str, *, flush: bool = True) -> None:
    """Write `text` to `path` as UTF-8, atomically."""
    with atomic(path, flush=flush) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: object, *, flush: bool = True) -> None:
    """Write `value` to `path` as indented JSON, atomically."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, f"{text}\n", flush=flush)


def write_rows(path: str | Path, columns: Sequence[str], rows: Iterable[dict]) -> None:
    """Write `rows` to `path` as CSV, atomically; a key that is no column is an error."""
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_frame(path: str | Path, frame) -> None:
    """Write a pandas DataFrame to `path` as CSV without its index, atomically."""
    with atomic(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")
