"""Which format a file of labelled strings has, by its name and its first line."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fwp.datasets.files.benchmarks import (
    LABELS,
    NEXT,
    STRINGS,
    partner,
    read_flare,
    read_mlregtest,
    read_src_tgt,
)
from fwp.datasets.files.source import FilesError, Source, read_lines
from fwp.datasets.files.tables import read_csv, read_jsonl

READERS: dict[str, Callable[[Path, Mapping[str, Any], int | None], Source]] = {
    "csv": read_csv,
    "tsv": read_csv,
    "jsonl": read_jsonl,
    "src-tgt": read_src_tgt,
    "mlregtest": read_mlregtest,
    "flare": read_flare,
}
HEAD = 1 << 16  # bytes by which a format is told


def read(path: Path, options: Mapping[str, Any], most: int | None = None) -> Source:
    """The rows of a file.

    Args:
        path: the file, or a folder of FLaRe.
        options: format, string, labels: those of the task.
        most: bytes that are looked at; all by default.

    Raises:
        FilesError: it has no such format, or a mistake in it.
    """
    kind = options["format"] or told(path)
    return READERS[kind](path, {**options, "format": kind}, most)


def told(path: Path) -> str:
    """The format of a file.

    Raises:
        FilesError: neither name nor first line tells.
    """
    if path.is_dir() or path.name == STRINGS:
        return "flare"
    suffix = path.suffix.lower()
    other = partner(path)
    if suffix == ".src" or (other is not None and other.is_file()):
        return "src-tgt"
    if suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    first = next((line for line in read_lines(path, HEAD) if line.strip()), "")
    if re.fullmatch(r"[^\t]*\t(TRUE|FALSE)", first):
        return "mlregtest"
    if suffix in (".csv", ".tsv"):
        return suffix[1:]
    if first.lstrip().startswith("{"):
        return "jsonl"
    if "\t" in first:
        return "tsv"
    if "," in first or ";" in first:
        return "csv"
    raise FilesError(
        f"{path}:1:1: its format cannot be told; set files.format, one of {', '.join(READERS)}"
    )


def files_of(path: str, options: Mapping[str, Any]) -> list[str]:
    """All files that are read with a path: its partner's too, and those of a folder."""
    found, kind = Path(path), options["format"]
    if found.is_dir() or found.name == STRINGS or kind == "flare":
        folder = found if found.is_dir() else found.parent
        names = (STRINGS, LABELS, *[NEXT] * (options["labels"] == "next"))
        return [str(folder / name) for name in names]
    other = partner(found)
    paired = kind == "src-tgt" or (kind is None and (found.suffix == ".src" or other is not None))
    if paired and other is not None and (other.is_file() or kind or found.suffix == ".src"):
        return [path, str(other)]
    return [path]
