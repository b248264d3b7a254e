"""What a task of files amounts to, before any job: how many strings there are, and how long.

Small files are read; of large ones the first piece is read and their size tells the rest.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fwp.datasets.files.formats import files_of, read
from fwp.datasets.files.parts import every, named
from fwp.datasets.files.reading import symbols_of
from fwp.datasets.files.source import FilesError
from fwp.datasets.spec import BinnedStrings, DatasetSpec, TaskSettings, TrainStrings

FILES = "files"
"""What stands where a task of strings names its language."""

MEASURED = ("test", "bins")
"""Keys of `files` that decide what is measured alone: so they change without training."""

SAMPLE = 1 << 17  # bytes of a file that are looked at
UNKNOWN = (1, 1, 1)  # of files that cannot be read, which is told elsewhere


def files_windows(
    task: TaskSettings, settings: Mapping[str, Any], windows: Sequence[Sequence[int]]
) -> DatasetSpec:
    """The spec of a task; numbers and lengths of strings in it are for estimates.

    Args:
        task: with the settings that decide training.
        settings: all that the config says under `files`.
        windows: of the test, as the config has them for all tasks.
    """
    train = _survey(settings, settings["train"], "train")
    if settings["validation"] is None:
        low, high, count = train
        share = settings["holdout"]
        validation = low, high, max(1, round(share * count))
        train = low, high, max(1, count - validation[2])
    else:
        validation = _survey(settings, settings["validation"], "validation")
    low, high, count = _survey(settings, settings["test"], "test")
    measure = {key: settings[key] for key in MEASURED} | {"windows": [list(w) for w in windows]}
    return DatasetSpec(
        task,
        settings["seed"],
        TrainStrings(*train),
        BinnedStrings((validation[:2],), validation[2]),
        BinnedStrings(((low, high),), count),
        measure,
    )


def _survey(settings: Mapping[str, Any], given: Any, kind: str) -> tuple[int, int, int]:
    """Shortest and longest string of some files, and how many there are."""
    options = {key: settings[key] for key in ("format", "string", "labels", "separator")}
    try:
        paths = every(named(f"files.{kind}", given))
        found = [
            _look(path, stamps(path, options), tuple(sorted(options.items()))) for path in paths
        ]
    except (FilesError, OSError):
        return UNKNOWN
    if not found:
        return UNKNOWN
    lows, highs, counts = zip(*found, strict=True)
    return min(lows), max(highs), sum(counts)


def stamps(path: str, options: Mapping[str, Any]) -> tuple:
    """What changes with the files of a path: their sizes and times."""
    states = [Path(name).stat() for name in files_of(path, options)]
    return tuple((state.st_mtime_ns, state.st_size) for state in states)


@cache
def _look(path: str, stamp: tuple, options: tuple) -> tuple[int, int, int]:
    """Shortest, longest and number of the strings of a file; the number is an estimate."""
    settings = dict(options)
    source = read(Path(path), settings, SAMPLE)
    spaced = any(" " in text.strip() for text in source.strings if isinstance(text, str))
    separator = settings["separator"] or source.separator or ("characters", "spaces")[spaced]
    lengths = [len(symbols_of(text, separator)) for text in source.strings]
    if not lengths:
        return UNKNOWN
    factor = max(1.0, max(size for _, size in stamp) / SAMPLE)
    shortest = max(1, min(lengths))
    return shortest, max(shortest, *lengths), round(len(lengths) * factor)
