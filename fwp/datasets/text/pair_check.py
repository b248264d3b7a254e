"""What can be said of pairs before any job starts: quickly, and without optional libraries."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from fwp.config.messages import show
from fwp.datasets.text import bibles, catalogues, libreoffice_help, parallel
from fwp.datasets.text.check import check_tokens
from fwp.datasets.text.pair import EXTRA, PairsError
from fwp.datasets.text.pair_split import PARTS
from fwp.datasets.text.pairs import PACKAGES, VOCABULARY, in_parts, read_pairs
from fwp.utils.suggest import suggestion

SMALL = 1 << 23  # bytes of files that are read as a whole


def check_pairs(params: dict) -> Iterator[str]:
    """Mistakes in a translation, a line each that begins with its place: "translation.files: …".

    Exactly one of files, catalogues and package is given; `fwp.datasets.text.sources` sees to it.
    """
    if find_spec("sacrebleu") is None:
        yield f"translation: BLEU and chrF need the package sacrebleu{EXTRA}"
    if params["folder"] is not None and params["package"] != "libreoffice_help":
        yield "translation.folder: is for the package libreoffice_help alone"
    tokens = params["tokens"]
    vocabulary = VOCABULARY if tokens == "bpe" else None
    for fault in check_tokens(params | {"vocabulary": params["vocabulary"] or vocabulary}):
        yield fault.replace("text.", "translation.", 1)
    if params["package"] is not None:
        yield from _package(params)
        return
    folder = params["catalogues"]
    place = "files" if folder is None else "catalogues"
    try:
        fault = _files(params["files"]) if folder is None else catalogues.missing(folder)
        if fault is None and _size(params) <= SMALL:
            read_pairs(params)
    except PairsError as error:
        fault = str(error)
    if fault is not None:
        yield f"translation.{place}: {fault}"


def _package(params: dict) -> Iterator[str]:
    if params["package"] == "bible_kjv_web":
        fault = bibles.missing()
    elif params["package"] == "libreoffice_help":
        fault = libreoffice_help.missing(params["folder"])
    else:
        near = suggestion(params["package"], PACKAGES)
        fault = f"must be one of {', '.join(PACKAGES)}{near}, got {show(params['package'])}"
    if fault is not None:
        yield f"translation.package: {fault}"


def _files(files: str | dict) -> str | None:
    """Forms that nothing is read from, and parallel files of unequal length, however large."""
    sets = [files[part] for part in PARTS] if in_parts(files) else [files]
    forms = "a table, {source, target}, or {train, validation, test} with one of these for each"
    if in_parts(files) and len(files) > len(PARTS):
        return f"must be {forms}, got {show(files)}"
    for one in sets:
        if isinstance(one, dict) and set(one) != {"source", "target"}:
            return f"must be {forms}, got {show(one)}"
        for path in one.values() if isinstance(one, dict) else [one]:
            if not isinstance(path, str):
                return f"must be {forms}, got {show(path)}"
        if isinstance(one, dict):
            numbers = {path: _count(path) for path in one.values()}
            if len(set(numbers.values())) > 1:
                return parallel.unequal(numbers)
    return None


def _count(path: str) -> int:
    """Lines of a file, which is read block by block."""
    lines, last = 0, b"\n"
    for block in parallel.blocks(path):
        lines, last = lines + block.count(b"\n"), block
    return lines + (not last.endswith(b"\n"))


def _size(params: dict) -> int:
    """Bytes of files that are read; none of catalogues, which take a moment."""
    if params["files"] is None:
        return 0
    try:
        return sum(Path(path).stat().st_size for path in parallel.paths(params["files"]))
    except OSError as error:
        raise PairsError(f"{error.filename} cannot be read: {error.strerror}") from None
