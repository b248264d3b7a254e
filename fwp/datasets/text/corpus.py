"""The text of a task: files or a package, in parts for training, validation and test.

One text is cut into consecutive parts, in this order; three files are the parts as they are.
"""

from collections.abc import Mapping
from typing import NamedTuple

from fwp.datasets.text import packages
from fwp.datasets.text.files import PARTS, CorpusError, expanded, listed, read
from fwp.datasets.text.words import boundary

__all__ = ["PARTS", "Corpus", "CorpusError", "corpus_files", "read_corpus"]

NEAR = 1024  # bytes around a cut within which the end of a line is looked for


class Corpus(NamedTuple):
    """The parts of a text, each of them bytes."""

    train: bytes
    validation: bytes
    test: bytes


def corpus_files(params: Mapping) -> list[str]:
    """The files on disk that a text task reads; none of a package or a generator.

    A file or folder that cannot be read stands for itself: whoever reads it says what is wrong.
    """
    found = []
    for place, path in listed(params.get("files") or []):
        try:
            found += [str(file) for file in expanded(place, path)]
        except CorpusError:
            found.append(path)
    return found


def read_corpus(params: Mapping) -> Corpus:
    """Read the text that a task names by `files` or `package`.

    Args:
        params: of the task: files, field, package, tokens, validation, test.

    Raises:
        CorpusError: it cannot be read, is empty or not UTF-8, or a part would have no text.
    """
    if params.get("package") is not None:
        return _cut(packages.read(params["package"]), params)
    utf8 = params["tokens"] != "bytes"
    texts: dict[str, list[bytes]] = {}
    for place, path in listed(params["files"]):
        texts.setdefault(place, []).extend(
            read(file, params.get("field") or "text", utf8=utf8) for file in expanded(place, path)
        )
    if not isinstance(params["files"], Mapping):
        return _cut(b"".join(texts.get("text.files", [])), params)
    parts = {part: b"".join(texts.get(f"text.files.{part}", [])) for part in PARTS}
    for part, text in parts.items():
        if not text:
            raise CorpusError(f"text.files.{part}: has no text")
    return Corpus(**parts)


def cut(text: bytes, validation: float, test: float) -> tuple[bytes, bytes, bytes]:
    """Consecutive parts of a text, for training, validation and test.

    Args:
        text: the whole.
        validation: share of the second part.
        test: share of the third.

    A cut is moved to the end of a line where one is near, else to the limit of a character.
    """
    whole = len(text)
    near = min(NEAR, int(whole * min(validation, test, 1 - validation - test)) // 4)
    first = _limit(text, round(whole * (1 - validation - test)), near)
    second = max(first, _limit(text, round(whole * (1 - test)), near))
    return text[:first], text[first:second], text[second:]


def check_shares(validation: float, test: float) -> None:
    """CorpusError unless every part has a share of the text."""
    for part, share in (("validation", validation), ("test", test)):
        if share <= 0:
            raise CorpusError(
                f"text.{part}: the {part} part has no text; its share must be above 0, got {share}"
            )
    if validation + test >= 1:
        raise CorpusError(
            "text.validation: with text.test it leaves no text for training; their sum must be "
            f"below 1, got {validation} and {test}"
        )


def _cut(text: bytes, params: Mapping) -> Corpus:
    check_shares(params["validation"], params["test"])
    corpus = Corpus(*cut(text, params["validation"], params["test"]))
    for part, piece in corpus._asdict().items():
        if not piece:
            place = "files" if part == "train" else part
            raise CorpusError(
                f"text.{place}: the {part} part has no text, as the whole has {len(text)} bytes"
            )
    return corpus


def _limit(text: bytes, at: int, near: int) -> int:
    """Where to cut a text near `at`."""
    after = text.find(b"\n", max(at - 1, 0), at + near)
    before = text.rfind(b"\n", max(at - near, 0), at)
    ends = [end + 1 for end in (after, before) if end >= 0]
    return min(ends, key=lambda end: abs(end - at)) if ends else boundary(text, at)
