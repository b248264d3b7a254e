"""The parts of a task of files: which files are for training, validation and test."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from fwp.datasets.files.source import FilesError
from fwp.utils.bins import Bin

Given = str | Sequence[str] | Mapping[str, Any] | None


def named(place: str, given: Given) -> dict[str, list[str]]:
    """Paths as a task names them, by the name of their bin; "" for files without one.

    Args:
        place: of the part, such as "files.test".
        given: a path, a list of paths, or bins with their paths: {"1-50": "short.csv"}.

    Raises:
        FilesError: there are none, or a value is no path.
    """
    found = given if isinstance(given, Mapping) else {"": given}
    parts = {str(name): _paths(paths) for name, paths in found.items() if paths is not None}
    for name, paths in parts.items():
        where = f"{place}.{name}" if name else place
        if not paths or not all(isinstance(path, str) and path for path in paths):
            raise FilesError(f"{where}: must be a file or a list of files, got {found[name]!r}")
    return parts


def every(parts: Mapping[str, Sequence[str]]) -> list[str]:
    """All paths of a part."""
    return [path for paths in parts.values() for path in paths]


def window(name: str) -> Bin | None:
    """The bin that a name in the config stands for; None if it names the files alone."""
    try:
        return Bin.parse(name.replace("–", "-"))
    except ValueError:
        return None


def held_out(strings: Sequence[Sequence[str]], share: float, seed: int) -> list[bool]:
    """Whether each of the training files' strings is for validation: a hash of it decides.

    Those with the lowest hashes are, at least one; equal strings are never on both sides.
    """
    hashes = [_hash(string, seed) for string in strings]
    distinct = sorted(set(hashes))
    taken = set(distinct[: max(1, round(share * len(distinct)))])
    return [found in taken for found in hashes]


def _hash(string: Sequence[str], seed: int) -> bytes:
    text = "\x00".join([str(seed), *string])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _paths(paths: Any) -> list:
    return list(paths) if isinstance(paths, list | tuple) else [paths]
