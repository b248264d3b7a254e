"""The tidy tables as CSV: their columns, and reading them with every mistake named.

Tables of single cells and of whole experiments have the same columns. Models, tasks and bins are
ordered categoricals: models and tasks in the order of their first rows, bins by length.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fwp.results.integrity import check_sum, damaged, read_bytes
from fwp.results.record import STATUSES, one_of
from fwp.utils.bins import bin_of_column
from fwp.utils.named_bins import NamedBin


class Schema(dict[str, str]):
    """The columns of a table, in their order, with their dtypes.

    Args:
        columns: name → category, str, float64, int64, or Int64 for whole numbers that may be
            missing.
        shares: columns whose values lie in [0, 1].
        bins: whether a column for each validation bin stands before the last column.
        check: raises ValueError for what the dtypes cannot forbid; it is given the frame and a
            function that refuses rows.
    """

    def __init__(
        self,
        columns: dict[str, str],
        shares: tuple[str, ...] = (),
        *,
        bins: bool = False,
        check: Callable[[pd.DataFrame, "Refuse"], None] | None = None,
    ):
        super().__init__(columns)
        self.shares, self.bins, self.check = shares, bins, check

    def dtype(self, column: str) -> str:
        """What a column is read as; whole numbers that may be missing are read as floats."""
        kind = self.get(column, "float64")
        return "float64" if kind == "Int64" else kind


Refuse = Callable[[pd.Series, str, str], None]
"""Raises ValueError for the first row that is marked, with the rule and the column's value."""


def _check_accuracy(frame: pd.DataFrame, refuse: Refuse) -> None:
    alive = frame["status"] != "diverged"
    for column in ("sequence_accuracy", "position_accuracy"):
        refuse(alive & frame[column].isna(), "only a diverged run may have no accuracy", column)
    bins = {bin: NamedBin.parse(bin) for bin in frame["bin"].unique()}
    low, high = (frame["bin"].map({b: x[i] for b, x in bins.items()}) for i in (0, 1))
    length = frame["length"]
    outside = (length < low.astype(float)) | (length > high.astype(float))
    refuse(outside, "a length lies in its bin", "length")


RUN = {"task": "category", "model": "category", "seed": "int64"}
"""The columns that every table begins with."""

ACCURACY = Schema(
    RUN
    | {
        "status": "category",
        "bin": "category",
        "length": "Int64",  # empty for a bin's own row
        "strings": "int64",
        "sequence_accuracy": "float64",
        "position_accuracy": "float64",
    },
    ("sequence_accuracy", "position_accuracy"),
    check=_check_accuracy,
)
MEASURED = RUN | {
    "epoch": "int64",
    "strings": "int64",
    "seconds": "float64",
    "loss": "float64",
}
"""Of a history: what every measurement has."""
# One column per validation bin (`fwp.utils.bins.accuracy_column`) stands before the last.
HISTORY = Schema(MEASURED | {"selection": "float64"}, ("selection",), bins=True)
RUNS = Schema(
    RUN
    | {
        "status": "category",
        "epochs": "int64",
        "best_epoch": "Int64",  # empty if the run diverged before the first epoch ended
        "selection": "float64",
        "seconds": "float64",
        "parameters": "int64",
        "mixer": "str",
        "device": "str",
        "machine": "str",  # `fwp.results.record.machine`
        "cell": "str",  # the folder of the cell's record: task/model/group
    },
    ("selection",),
)
_BATCH = 64 * 2**20  # bytes of CSV text parsed at a time: bounds the memory a large grid takes


def present(names: pd.Series) -> list[str]:
    """The models or tasks that occur in a column, in the order of its categories."""
    return list(names.cat.remove_unused_categories().cat.categories)


def groups(
    frame: pd.DataFrame, keys: str | list[str], *, sort: bool = True
) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Parts of a frame by the values of columns, for values that occur, with these values."""
    return iter(frame.groupby(keys, observed=True, sort=sort))


def read(path: Path, schema: Schema) -> pd.DataFrame:
    """Read one table of an experiment.

    Raises:
        ResultsError: it is missing, truncated, malformed or not what was written.
    """
    frame, _ = parse([path], schema)
    check_sum(path)
    return frame


def parse(paths: list[Path], schema: Schema) -> tuple[pd.DataFrame, np.ndarray]:
    """Read CSV files of one schema; also say of each row which file it comes from.

    Parsing thousands of small files one by one takes minutes; their texts are joined and parsed at
    once.
    """
    frames, origins, sizes = [], [], Counter()
    waiting: dict[tuple[str, ...], list[tuple[int, bytes]]] = {}  # by header

    def flush(header: tuple[str, ...]) -> None:
        sources, bodies = zip(*waiting.pop(header), strict=True)
        frames.append(_parse_text(header, bodies, [paths[i] for i in sources], schema))
        origins.append(np.repeat(sources, [body.count(b"\n") for body in bodies]))
        sizes[header] = 0

    for i, path in enumerate(paths):
        header, body = _load(path, schema)
        waiting.setdefault(header, []).append((i, body))
        sizes[header] += len(body)
        if sizes[header] > _BATCH:
            flush(header)
    for header in list(waiting):
        flush(header)
    origin = np.concatenate(origins)
    frame = pd.concat(frames, ignore_index=True)
    if (np.diff(origin) < 0).any():
        order = origin.argsort(kind="stable")
        frame, origin = frame.iloc[order].reset_index(drop=True), origin[order]
    return finish(frame, schema), origin


def read_whole(path: Path) -> bytes:
    """The text of a CSV file.

    Raises:
        ResultsError: it is missing, empty, or its last line is cut short.
    """
    data = read_bytes(path)
    if not data:
        raise damaged(path, "the file is empty")
    if not data.endswith(b"\n"):
        raise damaged(path, "the last line is cut short")
    return data


def _load(path: Path, schema: Schema) -> tuple[tuple[str, ...], bytes]:
    first, _, body = read_whole(path).partition(b"\n")
    header = first.decode("utf-8", "replace").strip().split(",")
    extra = [name for name in header if name not in schema]
    missing = [name for name in schema if name not in header]
    if schema.bins:
        extra = [name for name in extra if bin_of_column(name) is None]
    if missing or extra or len(set(header)) != len(header):
        what = (
            f"no column {missing[0]!r}" if missing else f"unknown column {(extra or header)[0]!r}"
        )
        raise damaged(path, f"{what}; the columns are {', '.join(schema)}")
    return tuple(header), body


def _parse_text(
    header: tuple[str, ...], parts: Sequence[bytes], paths: list[Path], schema: Schema
) -> pd.DataFrame:
    """Parse the bodies of files with one header; find out whose fault it is if that fails."""
    dtypes = {name: schema.dtype(name) for name in header}
    if not any(parts):  # a header alone, which pandas would refuse
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in dtypes.items()})
    try:
        frame = pd.read_csv(
            io.BytesIO(b"".join(parts)),
            names=list(header),
            index_col=False,
            dtype=dtypes,
            keep_default_na=False,
            na_values={name: ["", "nan"] for name in header if schema.get(name) != "category"},
        )
        if len(frame) != sum(part.count(b"\n") for part in parts):
            raise ValueError("blank lines or quoted line breaks")
        _check(frame, schema)
    except (ValueError, OverflowError) as error:  # pandas' ParserError is a ValueError
        if len(paths) > 1:
            for part, path in zip(parts, paths, strict=True):
                _parse_text(header, [part], [path], schema)
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise damaged(paths[0], reason) from None
    return frame


def _check(frame: pd.DataFrame, schema: Schema) -> None:
    """Raise ValueError, with the row, for values that a table of this schema cannot hold."""

    def refuse(wrong: pd.Series, rule: str, column: str) -> None:
        if wrong.any():
            row = int(np.flatnonzero(wrong.to_numpy())[0])
            value = frame[column].iloc[row]
            raise ValueError(f"{rule}; line {row + 2} has {column} {value!s}")

    for column, kind in schema.items():
        if kind == "category":
            refuse(frame[column].isin([""]), f"{column} must not be empty", column)
    if "status" in frame:
        refuse(~frame["status"].isin(STATUSES), f"status is {one_of(STATUSES)}", "status")
    for column in map(str, frame):
        if column in schema.shares or " " in column:
            values = frame[column]
            refuse((values < 0) | (values > 1), "accuracies lie between 0 and 1", column)
    if schema.check:
        schema.check(frame, refuse)


def finish(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Set dtypes, order of columns and order of categories."""
    if schema.bins:
        bins = {name: bin for name in map(str, frame) if (bin := bin_of_column(name))}
        accuracies = sorted(bins, key=lambda name: bins[name])
        frame = frame[[*list(schema)[:-1], *accuracies, "selection"]]
    else:
        frame = frame[list(schema)]
    columns = {}
    for column, kind in schema.items():
        values = frame[column]
        if kind == "category":
            levels = values.unique().tolist()
            if column == "status":
                levels = list(STATUSES)
            elif column == "bin" and schema is ACCURACY:
                levels.sort(key=NamedBin.parse)
            columns[column] = pd.Categorical(values, categories=levels, ordered=True)
        else:
            columns[column] = values.astype(pd.api.types.pandas_dtype(kind))
    return frame.assign(**columns)


def joined(parts: Sequence[pd.DataFrame], schema: Schema) -> pd.DataFrame:
    """Tables one below the other, whose categories differ; columns beside the schema's go."""
    names = [name for name, kind in schema.items() if kind == "category"]
    plain = [part[list(schema)].astype(dict.fromkeys(names, object)) for part in parts]
    return finish(pd.concat(plain, ignore_index=True), schema)


def empty(schema: Schema) -> pd.DataFrame:
    """A table without rows."""
    columns = {name: pd.Series(dtype=schema.dtype(name)) for name in schema}
    return finish(pd.DataFrame(columns), schema)
