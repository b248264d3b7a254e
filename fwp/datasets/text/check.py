"""What can be said of a text before any job starts, quickly, without PyTorch and other libraries.

A small text is read as the job reads it. Of a large one the files' sizes and some pieces are read,
so that planning stays fast; the job checks the rest.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from fwp.datasets.text import packages
from fwp.datasets.text.corpus import PARTS, CorpusError, check_shares, read_corpus
from fwp.datasets.text.files import (
    EXTRA,
    check_utf8,
    compression,
    expanded,
    is_jsonl,
    listed,
    opened,
    parsed,
    reading,
)
from fwp.datasets.text.vocabulary import MOST_TOKENS
from fwp.datasets.text.words import count_words
from fwp.utils.suggest import suggestion

SMALL = 1 << 21  # bytes of a text that is read as a whole
SAMPLE = 1 << 17  # bytes at a place of a large file
MOST_FILES = 200  # of a text, that are looked into
LEAST = {"words": 3, "bpe": 257}
SOURCES = ("files", "package", "generator")


def check_corpus(params: Mapping) -> Iterator[str]:
    """Mistakes in a text task, a line each that begins with its place: "text.files: …".

    Args:
        params: resolved settings of the task; a key that is missing counts as null.
    """
    given = [key for key in SOURCES if params.get(key) is not None]
    if len(given) != 1:
        names = " and ".join(given) or "none of them"
        yield f"text: must have exactly one of {', '.join(SOURCES)}, got {names}"
        return
    if given == ["generator"]:
        return
    yield from check_tokens(params)
    try:
        if given == ["package"]:
            packages.installed(params["package"])
            check_shares(params["validation"], params["test"])
            size = packages.package(params["package"]).bytes
            _check_context(params, shares(size, params), "bytes")
        else:
            yield from _files(params)
    except CorpusError as error:
        yield str(error)


def check_tokens(params: Mapping) -> Iterator[str]:
    """Vocabularies that cannot be, and a library that is missing."""
    tokens, vocabulary = params["tokens"], params.get("vocabulary")
    if tokens in ("bytes", "characters"):
        if vocabulary is not None:
            held = "are always 256" if tokens == "bytes" else "are those of the training part"
            yield (
                f"text.vocabulary: must be null with tokens: {tokens}, which {held}, "
                f"got {vocabulary}"
            )
        return
    if tokens == "bpe" and vocabulary is None:
        yield "text.vocabulary: bpe needs the number of tokens, for example 4096"
    if vocabulary is not None and not LEAST[tokens] <= vocabulary <= MOST_TOKENS:
        least = "the 256 bytes and a pair" if tokens == "bpe" else "unknown, line end and a word"
        yield (
            f"text.vocabulary: must be from {LEAST[tokens]} ({least}) to {MOST_TOKENS} with "
            f"tokens: {tokens}, got {vocabulary}"
        )
    if tokens == "bpe" and find_spec("tokenizers") is None:
        yield f"text.tokens: bpe needs the library tokenizers, which is not installed; {EXTRA}"


def _files(params: Mapping) -> Iterator[str]:
    """What is wrong with files, and with what is in them."""
    files = params["files"]
    if isinstance(files, Mapping) and set(files) != set(PARTS):
        odd = [key for key in files if key not in PARTS]
        near = suggestion(odd[0], PARTS) if odd else ""
        yield (
            f"text.files: must be paths, or have {', '.join(PARTS)}, "
            f"got {', '.join(map(str, files))}{near}"
        )
        return
    if not files:
        yield "text.files: must name at least one file or folder"
        return
    found: list[tuple[str, Path]] = []
    faults = []
    for place, path in listed(files):
        try:
            found += [(place, file) for file in expanded(place, path)]
        except CorpusError as error:
            faults.append(str(error))
    faults += _twice(found)
    yield from faults
    if faults:
        return
    sizes = [file.stat().st_size for _, file in found]
    if sum(sizes) <= SMALL:
        corpus = read_corpus(params)
        _check_context(params, [_count(params["tokens"], text) for text in corpus], "tokens")
        return
    if not isinstance(files, Mapping):
        check_shares(params["validation"], params["test"])
    for _, file in found[:MOST_FILES]:
        _look(file, params)
    if not any(compression(file) for _, file in found):
        _check_context(params, _sizes(params, found, sizes), "bytes at most")


def _twice(found: list[tuple[str, Path]]) -> Iterator[str]:
    """Files that are named more than once: the test would be on what was trained on."""
    real = [(place, file, file.resolve()) for place, file in found]
    counts = Counter(path for _, _, path in real)
    for path in [path for path, number in counts.items() if number > 1][:3]:
        places = [place for place, _, other in real if other == path]
        name = next(file for _, file, other in real if other == path)
        where = " and ".join(dict.fromkeys(places))
        yield f"{where}: {name} is read {counts[path]} times"


def _look(file: Path, params: Mapping) -> None:
    """Refuse a file that is empty, or wrong at its start, its middle or its end."""
    field, utf8 = params.get("field") or "text", params["tokens"] != "bytes"
    size = file.stat().st_size
    ends = is_jsonl(file) or compression(file)
    with reading(file), opened(file) as stream:
        for start in (0,) if ends else sorted({0, size // 2, max(size - SAMPLE, 0)}):
            if start:
                stream.seek(start)
            data = stream.read(SAMPLE)
            if not data and not start:
                raise CorpusError(f"text.files: {file} is empty")
            if is_jsonl(file):
                for number, line in enumerate(data.split(b"\n")[:-1], 1):
                    if line.strip():
                        parsed(file, number, line, field)
            elif utf8:
                within = 0
                while start and within < min(3, len(data)) and data[within] & 0xC0 == 0x80:
                    within += 1
                check_utf8(file, data[within:], start=start + within, final=False)


def _sizes(params: Mapping, found: list[tuple[str, Path]], sizes: list[int]) -> list[int]:
    """Bytes of each part, at most: what a file has besides its text is counted."""
    if not isinstance(params["files"], Mapping):
        return shares(sum(sizes), params)
    places = [f"text.files.{part}" for part in PARTS]
    return [sum(n for (p, _), n in zip(found, sizes, strict=True) if p == at) for at in places]


def shares(whole: int, params: Mapping) -> list[int]:
    """Bytes of the parts of a text of `whole` bytes."""
    validation, test = params["validation"], params["test"]
    return [round(whole * share) for share in (1 - validation - test, validation, test)]


def _count(tokens: str, text: bytes) -> int:
    """Tokens of a text; of byte pairs, which only the job knows, as many as may be."""
    if tokens == "words":
        return count_words(text)
    return len(text.decode()) if tokens == "characters" else len(text)


def _check_context(params: Mapping, counts: Sequence[int], unit: str) -> None:
    """Refuse a context that is not shorter than the texts for training and validation.

    No kind of token is shorter than a byte, so that bytes will do where tokens are not known.
    """
    context = params["context"]
    for part, count in zip(PARTS[:2], counts, strict=False):
        if count <= context:
            raise CorpusError(
                f"text.context: must be less than the tokens of the {part} text, got {context}; "
                f"the text has {count} {unit}"
            )
