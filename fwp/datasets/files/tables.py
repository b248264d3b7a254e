"""Tables of labelled strings: CSV, TSV and JSONL."""

import csv
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fwp.datasets.files.source import FilesError, Labels, Source, Text, read_lines
from fwp.utils.suggest import suggestion

STRING = ("string", "strings", "text", "sequence", "input", "inputs", "src", "source", "x")
LABELS = ("labels", "label", "targets", "target", "outputs", "output", "tgt", "y", "class")
LONGEST = 1 << 30  # characters of a field


def read_csv(path: Path, options: Mapping[str, Any], most: int | None = None) -> Source:
    """Rows of a table with a header, cells apart by commas, semicolons or tabs.

    Raises:
        FilesError: there is no such column, or a row has another number of cells than the header.
    """
    lines = read_lines(path, most)
    kind = "tsv" if options["format"] == "tsv" else "csv"
    between = "\t" if kind == "tsv" else max(",;", key=lines[0].count)
    reader = csv.reader([f"{line}\n" for line in lines], delimiter=between, strict=True)
    before = csv.field_size_limit(LONGEST)
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise FilesError(f"{path}:{reader.line_num}:1: not {kind.upper()}: {error}") from None
    finally:
        csv.field_size_limit(before)
    header = [cell.strip() for cell in rows[0][1]]
    at = {
        what: _column(f"{path}:1:1", header, options[what], names, what)
        for what, names in (("string", STRING), ("labels", LABELS))
    }
    source = Source(path, kind)

    def column(line: int, what: str) -> int:
        return _begin(lines[line - 1], between, at[what])

    source.column = column
    for line, row in rows[1:]:
        if not row:
            continue
        if len(row) != len(header):
            raise FilesError(
                f"{path}:{line}:1: must have {len(header)} cells, as the header has "
                f"({', '.join(header)}), got {len(row)}"
            )
        source.add(line, row[at["string"]], row[at["labels"]])
    return source


def read_jsonl(path: Path, options: Mapping[str, Any], most: int | None = None) -> Source:
    """An object per line: the string as text or list, labels as text, list, number or boolean.

    Raises:
        FilesError: a line is no object with both keys, or a value is of another kind.
    """
    lines = read_lines(path, most)
    source, keys = Source(path, "jsonl"), {}

    def column(line: int, what: str) -> int:
        found = re.search(rf'"{re.escape(keys[what])}"\s*:\s*"?', lines[line - 1])
        return found.end() + 1 if found else 1

    source.column = column
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise FilesError(f"{where}:{error.colno}: not JSON: {error.msg}") from None
        except RecursionError:
            raise FilesError(f"{where}:1: not JSON that can be read: it nests too deep") from None
        if re.search(r"\\u[dD][89a-fA-F]", line) and not _is_text(record):
            raise FilesError(f"{where}:1: half of a surrogate pair is no character of a text")
        if not isinstance(record, dict):
            raise FilesError(f"{where}:1: must be an object, such as {{'string': …, 'labels': …}}")
        for what, names in (("string", STRING), ("labels", LABELS)):
            if what not in keys:
                found = list(record)
                keys[what] = found[_column(f"{where}:1", found, options[what], names, what)]
            elif keys[what] not in record:
                raise FilesError(
                    f"{where}:1: has no key {keys[what]!r}{suggestion(keys[what], record)}, only "
                    f"{', '.join(map(str, record))}"
                )
        source.add(
            number,
            _string(record[keys["string"]], f"{where}:{column(number, 'string')}"),
            _labels(record[keys["labels"]], f"{where}:{column(number, 'labels')}"),
        )
    return source


def _is_text(record: object) -> bool:
    try:
        json.dumps(record, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _column(
    where: str, header: list[str], wanted: str | None, names: Iterable[str], what: str
) -> int:
    """Which column holds the strings or the labels: the one that is named, or a usual name."""
    known = {name.lower(): i for i, name in reversed([*enumerate(header)])}
    if wanted is not None:
        if wanted in header:
            return header.index(wanted)
        raise FilesError(
            f"{where}: must have the column {wanted!r} (files.{what})"
            f"{suggestion(wanted, header)}, got {', '.join(header)}"
        )
    found = [known[name] for name in names if name in known]
    if not found:
        raise FilesError(
            f"{where}: must name the column of the {what}, one of {', '.join(names)}; or set "
            f"files.{what}; got {', '.join(header)}"
        )
    return found[0]


def _begin(line: str, between: str, field: int) -> int:
    """Column of a cell's first character; of a cell that a line before has begun, 1."""
    at, quoted = 0, False
    for i, character in enumerate(line):
        if field == 0:
            break
        quoted ^= character == '"'
        if character == between and not quoted:
            field, at = field - 1, i + 1
    if field:
        return 1
    return at + 1 + (line[at : at + 1] == '"')


def _string(value: object, where: str) -> Text:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(symbol, str | int) for symbol in value):
        return [_word(symbol) for symbol in value]
    raise FilesError(f"{where}: a string must be text or a list of symbols, got {_shown(value)}")


def _labels(value: object, where: str) -> Labels:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return _word(value)
    if isinstance(value, list) and all(
        label is None or isinstance(label, str | bool | int | float) for label in value
    ):
        return [None if label is None else _word(label) for label in value]
    raise FilesError(
        f"{where}: labels must be text, a number, true or false, or a list of these (null for no "
        f"label), got {_shown(value)}"
    )


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
