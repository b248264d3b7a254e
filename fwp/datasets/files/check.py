"""What can be said of files of strings before any job starts, without PyTorch or pandas.

Small files are read as the job reads them. Of large ones the first piece is read, so that planning
stays fast; the job checks the rest.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from fwp.datasets.dataset import Dataset
from fwp.datasets.files.build import build_files
from fwp.datasets.files.formats import files_of
from fwp.datasets.files.parts import every, named
from fwp.datasets.files.reading import apart, layout, read_all
from fwp.datasets.files.source import FilesError
from fwp.datasets.files.windows import SAMPLE, stamps
from fwp.datasets.spec import DatasetSpec
from fwp.utils.suggest import suggestion

SMALL = 1 << 20  # bytes of all files of a task that are read as a whole
KINDS = ("train", "validation", "test")


def check_files(spec: DatasetSpec) -> Iterator[str]:
    """Mistakes in a task of files, a line each that begins with its place: "files.train: …"."""
    options = spec.task.params["files"]
    missing = [*_missing(spec)]
    yield from missing
    if missing:
        return
    try:
        if _size(spec) <= SMALL:
            whole(spec)
            return
        how = None
        for kind in KINDS:
            given = spec.measure["test"] if kind == "test" else options[kind]
            if paths := every(named(f"files.{kind}", given)):
                place = f"files.{kind}"
                sources = read_all(paths, options, SAMPLE)
                how = how or layout(sources, options)
                apart(sources, how)
    except FilesError as error:
        told = str(error)
        yield told if told.startswith("files.") else f"{place}: {told}"


def whole(spec: DatasetSpec) -> Dataset:
    """All strings of a task, read once as long as the files stay as they are."""
    return _whole(_Key(spec, tuple(stamps(p, spec.task.params["files"]) for p in paths_of(spec))))


def is_small(spec: DatasetSpec) -> bool:
    """Whether a plan reads the files as a whole."""
    return not [*_missing(spec)] and _size(spec) <= SMALL


def remarks(spec: DatasetSpec) -> list[str]:
    """Warnings about strings that a plan has read as a whole; none of others."""
    from fwp.datasets.files.card import describe_files

    return describe_files(whole(spec))["warnings"] if is_small(spec) else []


def paths_of(spec: DatasetSpec, kinds: tuple[str, ...] = KINDS) -> list[str]:
    """The paths that a task names."""
    options, found = spec.task.params["files"], []
    for kind in kinds:
        given = spec.measure["test"] if kind == "test" else options[kind]
        found += every(named(f"files.{kind}", given))
    return found


def inputs(spec: DatasetSpec, kinds: tuple[str, ...]) -> list[str]:
    """All files on disk that sets of some kinds are read from."""
    options = spec.task.params["files"]
    try:
        found = [file for path in paths_of(spec, kinds) for file in files_of(path, options)]
    except FilesError:  # told when the config is checked
        return []
    return list(dict.fromkeys(found))


def _missing(spec: DatasetSpec) -> Iterator[str]:
    """Paths that lead nowhere, and sets that share a file."""
    options = spec.task.params["files"]
    seen: dict[Path, str] = {}
    for kind in KINDS:
        given: Any = spec.measure["test"] if kind == "test" else options[kind]
        try:
            parts = named(f"files.{kind}", given)
        except FilesError as error:
            yield str(error)
            continue
        if kind != "validation" and not every(parts):
            yield f"files.{kind}: must name a file, got none"
        for name, paths in parts.items():
            place = f"files.{kind}.{name}" if name else f"files.{kind}"
            for path in paths:
                files = [Path(file) for file in files_of(path, options)]
                for file in files:
                    if not file.is_file():
                        rule = "is no file" if file.exists() else "does not exist"
                        yield f"{place}: {file} {rule}{suggestion(file.name, _beside(file))}"
                real = files[0].resolve()
                if real in seen:
                    yield f"{place}: {files[0]} is read for {seen[real]}, too; sets must not share"
                seen.setdefault(real, place)


def _beside(file: Path) -> list[str]:
    try:
        return [other.name for other in file.parent.iterdir()]
    except OSError:
        return []


def _size(spec: DatasetSpec) -> int:
    return sum(Path(file).stat().st_size for file in inputs(spec, KINDS))


class _Key:
    """A spec and the state of its files, to remember by."""

    def __init__(self, spec: DatasetSpec, state: tuple):
        self.spec = spec
        self.own = (repr(spec.as_dict()), state)

    def __hash__(self) -> int:
        return hash(self.own)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.own == other.own


@cache
def _whole(key: _Key) -> Dataset:
    return build_files(key.spec, KINDS)
