"""The trials of all searches in one tidy table: one row per trial × seed.

A *trial* is one point of a search space, trained with seeds of its own and measured on validation
strings. Every search (model × task) leaves a `trials.csv`; `collect_trials` joins them. Settings
are columns by their dotted keys, such as `training.learning_rate`. A setting that a model's space
lacks is empty in the rows of that model. A setting that was tried as null reads "null".
"""

import io
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from fwp.results.frames import read_whole
from fwp.results.integrity import ResultsError, check_sum, damaged
from fwp.results.record import STATUSES, one_of
from fwp.utils.bins import bin_of_column
from fwp.utils.files import write_frame

KEYS = {"task": "str", "model": "str", "trial": "Int64", "seed": "Int64"}
# then one column per setting that is searched for, and
OUTCOME = {
    "parameters": "Int64",
    "state": "Int64",  # numbers that a state holds; empty if it grows with the string
    "status": "str",
    "epochs": "Int64",
    "best_epoch": "Int64",  # empty if the run diverged before the first epoch ended
    "selection": "float64",  # validation accuracy: the mean over the validation bins
    # then one column per validation bin (`fwp.utils.bins.accuracy_column`), and
    "inductive": "float64",  # on the longest bin, at the epoch that is best on the shortest
    "expressive": "float64",  # on the longest bin, the highest of any epoch
    "loss": "float64",
    "seconds": "float64",
    "chosen": "bool",
}
NULL = "null"
TRIAL_STATUSES = (*STATUSES, "pruned")
ACCURACIES = ("selection", "inductive", "expressive")
_MAY_LACK = ("state", "best_epoch", "loss", *ACCURACIES)
_SETTING = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_WHOLE = re.compile(r"[+-]?\d{1,18}")


def settings_of(trials: pd.DataFrame) -> list[str]:
    """The columns that are settings, in their order."""
    return [name for name in map(str, trials) if _is_setting(name)]


def bins_of(trials: pd.DataFrame) -> list[str]:
    """The columns of accuracies on validation bins that have values, shortest bin first."""
    found = {name: bin for name in map(str, trials) if (bin := bin_of_column(name))}
    return [name for name in sorted(found, key=lambda n: found[n]) if trials[name].notna().any()]


def collect_trials(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Join the trials.csv of all searches, given in the order of models and tasks.

    Args:
        paths: `<results>/search/<task>/<model>/trials.csv`.

    Raises:
        ResultsError: a file is missing, truncated, malformed, or of another model or task.
    """
    paths = [Path(path) for path in paths]
    if not paths:
        raise ResultsError("no trials to collect: no model × task of the experiment is searched")
    frames = [_read(path) for path in paths]
    for frame in frames:  # of one search, in which no setting is missing
        own = settings_of(frame)
        frame[own] = frame[own].replace("", NULL)
    for frame, path in zip(frames, paths, strict=True):
        _check_place(frame, path)
    try:  # all at once, which is faster
        _check_values(pd.concat(frames, ignore_index=True).fillna(""))
    except ValueError:
        for frame, path in zip(frames, paths, strict=True):
            _check(frame, path)
        raise ResultsError("two of the files are of the same model and task") from None
    return _finish(frames)


def write_trials(trials: pd.DataFrame, path: str | Path) -> None:
    """Write the trials of an experiment."""
    write_frame(path, trials)


def read_trials(path: str | Path) -> pd.DataFrame:
    """Read what `write_trials` wrote.

    Raises:
        ResultsError: the file is missing, malformed or not what was written.
    """
    path = Path(path)
    frame = _read(path)
    _check(frame, path)
    check_sum(path)
    return _finish([frame])


# Single files -------------------------------------------------------------------------------------


def _read(path: Path) -> pd.DataFrame:
    """The texts of a file that has the columns of a table of trials."""
    data = read_whole(path)
    try:
        frame = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, index_col=False)
        if len(frame) != data.count(b"\n") - 1:
            raise ValueError("blank lines or quoted line breaks")
        _check_columns(data.partition(b"\n")[0].decode().strip().split(","))
        if frame.empty:
            raise ValueError("has no trials")
    except ValueError as error:  # pandas' ParserError and EmptyDataError are ValueErrors
        raise damaged(path, str(error).splitlines()[0]) from None
    return frame


def _check(frame: pd.DataFrame, path: Path) -> None:
    try:
        _check_values(frame)
    except ValueError as error:
        raise damaged(path, str(error)) from None


def _check_place(frame: pd.DataFrame, path: Path) -> None:
    """Refuse the trials of another search than that of the folder."""
    task, model = path.parts[-3:-1]
    for column, expected in (("task", task), ("model", model)):
        wrong = frame.loc[frame[column] != expected, column]
        if len(wrong):
            raise damaged(
                path, f"has trials of the {column} {wrong.iloc[0]!r}, and lies in {task}/{model}"
            )


def _check_columns(names: list[str]) -> None:
    known = [*KEYS, *OUTCOME]
    if missing := [name for name in known if name not in names]:
        raise ValueError(f"no column {missing[0]!r}; the columns are {', '.join(known)}, settings")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two columns {name!r}")
        if name not in known and bin_of_column(name) is None and not _is_setting(name):
            raise ValueError(
                f"unknown column {name!r}; a setting is named like training.learning_rate, an "
                "accuracy like accuracy 2-50"
            )


def _check_values(frame: pd.DataFrame) -> None:
    """Raise ValueError, with the line, for what a table of trials cannot hold."""

    def refuse(wrong: pd.Series | np.ndarray, rule: str, column: str) -> None:
        rows = np.flatnonzero(np.asarray(wrong, bool))
        if len(rows):
            value = frame[column].iloc[rows[0]]
            raise ValueError(f"{rule}; line {rows[0] + 2} has {column} {value or 'empty'}")

    for column, kind in (KEYS | OUTCOME).items():
        empty = frame[column] == ""
        if column not in _MAY_LACK:
            refuse(empty, f"{column} must not be empty", column)
        if kind == "Int64":
            whole = frame[column].str.fullmatch(_WHOLE.pattern)
            refuse(~empty & ~whole, f"{column} is a whole number", column)
        elif kind == "bool":
            refuse(~frame[column].isin(["True", "False"]), f"{column} is True or False", column)
        elif kind == "float64":
            refuse(~empty & _numbers(frame[column]).isna(), f"{column} is a number", column)
    status = frame["status"]
    refuse(~status.isin(TRIAL_STATUSES), f"status is {one_of(TRIAL_STATUSES)}", "status")
    for column in (*ACCURACIES, *filter(bin_of_column, map(str, frame))):
        share = _numbers(frame[column])
        refuse((share < 0) | (share > 1), "accuracies lie between 0 and 1", column)
        refuse(share.isna() & (frame[column] != ""), "accuracies are numbers", column)
    for column in ACCURACIES:
        lacks = (frame[column] == "") & (status != "diverged")
        refuse(lacks, "only a diverged trial may have no accuracy", column)
    repeated = frame.duplicated(["task", "model", "trial", "seed"])
    refuse(repeated, "a trial has one row per seed", "trial")
    trials = frame.groupby(["task", "model", "trial"], sort=False)
    for column in (*settings_of(frame), "chosen"):
        refuse(trials[column].transform("nunique") > 1, "seeds of a trial differ", column)
    of_chosen = frame[frame["chosen"] == "True"].groupby(["task", "model"])["trial"].nunique()
    for (task, model), _ in frame.groupby(["task", "model"], sort=False):
        if (number := of_chosen.get((task, model), 0)) != 1:
            raise ValueError(f"one trial of {model} on {task} is chosen; here {number} are")


def _is_setting(name: str) -> bool:
    return name not in KEYS and name not in OUTCOME and bool(_SETTING.fullmatch(name))


def _numbers(texts: pd.Series) -> pd.Series:
    """Texts as finite numbers; NaN for any other."""
    numbers = pd.to_numeric(texts, errors="coerce").astype(float)
    return numbers.where(np.isfinite(numbers))


def _finish(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Join checked files; set dtypes and the order of columns, models and tasks."""
    frame = pd.concat(frames, ignore_index=True).fillna("")
    bins = {name: bin for name in map(str, frame) if (bin := bin_of_column(name))}
    names = [*KEYS, *settings_of(frame), *OUTCOME]
    place = names.index("inductive")
    names[place:place] = sorted(bins, key=lambda name: bins[name])
    columns = {}
    for name in names:
        texts, kind = frame[name], (KEYS | OUTCOME).get(name, "float64")
        if name in ("task", "model", "status"):
            levels = list(TRIAL_STATUSES) if name == "status" else texts.unique().tolist()
            columns[name] = pd.Categorical(texts, levels, ordered=True)
        elif kind == "bool":
            columns[name] = texts == "True"
        elif _is_setting(name):
            columns[name] = _typed(texts)
        elif kind == "Int64":
            columns[name] = texts.where(texts != "").astype("Int64")
        else:
            columns[name] = _numbers(texts)
    return pd.DataFrame(columns)


def _typed(texts: pd.Series) -> pd.Series:
    """A setting: whole numbers, numbers or texts; a missing one stays missing."""
    given = texts.where(texts != "")
    known = given.dropna()
    if known.str.fullmatch(_WHOLE.pattern).all():
        return given.astype("Int64")
    return given if _numbers(known).isna().any() else _numbers(texts)
