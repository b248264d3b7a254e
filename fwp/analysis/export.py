"""All results of an experiment as one long table, for other tools.

One row per run and measure: task, model, seed, status, measure, value and where it was taken
(`PLACE`), then mixer, machine and every setting of the run.
"""

import math
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fwp.analysis.results import ExperimentResults
from fwp.utils.bins import bin_of_column
from fwp.utils.files import atomic

RUN = ["task", "model", "seed"]
PLACE = ["bin", "length", "epoch", "seen", "decoding"]
"""Where a measure was taken, empty where this does not apply. bin: of lengths, or positions of a
text; seen: training strings so far; decoding: of translations."""
ENDING = ("epochs", "best_epoch", "selection", "seconds", "parameters")
SUFFIXES = (".parquet", ".csv")
INSTALL = "pip install 'fwp-lab[parquet]'"


class ExportError(ValueError):
    """A file that cannot be written; the message says why and what to do."""


def long_table(results: ExperimentResults, *, lengths: bool = False) -> pd.DataFrame:
    """One row per run and measure.

    Args:
        lengths: whether accuracies on single lengths are in it, which are most rows.

    Returns:
        task, model, seed, status, measure, value, `PLACE`, device, machine, cell, settings by
        their names (`fwp.results.settings`). Measures of a run: sequence_accuracy and
        position_accuracy by bin; nats, bits_per_byte, accuracy, bleu and chrf of texts and
        translations; epochs, best_epoch, selection, seconds, parameters of the whole training;
        loss, selection, seconds and validation_accuracy by epoch.

    Raises:
        ResultsError: a table or record is missing or damaged.
    """
    parts = [*_of_strings(results, lengths), *_of_texts(results)]
    runs = results.every_run
    parts.append(_melted(runs, ENDING))
    plain = [part.astype(dict.fromkeys(RUN[:2], str)) for part in parts if len(part)]
    found = pd.concat(plain, ignore_index=True)
    for column in PLACE:
        if column not in found:
            found[column] = pd.NA
    facts = runs[[*RUN, "status", "device", "machine", "cell"]]
    facts = facts.astype(dict.fromkeys(["task", "model", "status"], str))
    settings = results.settings.drop(columns="parameters")
    taken = {*RUN[2:], "status", "measure", "value", *PLACE, *facts}
    settings = settings.rename(columns={n: f"model.{n}" for n in settings if n in taken - {*RUN}})
    settings = settings.astype(dict.fromkeys(RUN[:2], str)).apply(_storable)
    found = found.merge(facts, on=RUN, how="left").merge(settings, on=RUN[:2], how="left")
    first = [*RUN, "status", "measure", "value", *PLACE, "device", "machine", "cell"]
    found = found[first + [name for name in found if name not in first]]
    whole = dict.fromkeys(("length", "epoch", "seen"), "Int64")
    return found.astype(whole | {"bin": "string", "decoding": "string"})


def export(results: ExperimentResults, path: str | Path, *, lengths: bool = False) -> int:
    """Write `long_table` to a file, by its suffix Parquet or CSV; returns the number of rows.

    Raises:
        ExportError: the suffix is another one, or Parquet needs a package that is missing.
        ResultsError: a table or record is missing or damaged.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ExportError(f"--output must end in {' or '.join(SUFFIXES)}, got {path.name!r}")
    if path.suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise ExportError(
                f"{path.name}: Parquet needs the package pyarrow: {INSTALL}; .csv needs none"
            ) from None
    table = long_table(results, lengths=lengths)
    with atomic(path) as temporary:
        if path.suffix == ".csv":
            table.to_csv(temporary, index=False, lineterminator="\n")
        else:
            texts = table.select_dtypes(["object", "string"]).columns
            # Names repeat in most rows: a dictionary of them makes the file small.
            table.astype(dict.fromkeys(texts, "category")).to_parquet(temporary, index=False)
    return len(table)


def _of_strings(results: ExperimentResults, lengths: bool) -> Iterable[pd.DataFrame]:
    accuracy, history = results.accuracy, results.history
    rows = accuracy if lengths else accuracy[accuracy["length"].isna()]
    yield _melted(rows, ("sequence_accuracy", "position_accuracy"), ("bin", "length"))
    yield _of_history(history)


def _of_texts(results: ExperimentResults) -> Iterable[pd.DataFrame]:
    if not (results.tables / "text.csv").exists():
        return
    text, translation = results.text, results.translation
    bits = text["nats"] * text["tokens"] / text["bytes"].where(text["bytes"] > 0) / math.log(2)
    ranges = text["first"].astype(str) + "-" + text["last"].astype(str)
    text = text.assign(bits_per_byte=bits, bin=ranges)
    yield _melted(text, ("nats", "bits_per_byte", "accuracy"), ("bin",))
    yield _melted(translation, ("nats", "bleu", "chrf"), ("bin", "decoding"))
    yield _of_history(results.text_history)


def _of_history(history: pd.DataFrame) -> pd.DataFrame:
    """Measures by epoch; accuracies on validation bins as one measure."""
    bins = {name: bin for name in map(str, history) if (bin := bin_of_column(name))}
    others = [name for name in ("loss", "validation", "selection", "seconds") if name in history]
    rows = history.rename(columns={"strings": "seen"})
    found = _melted(rows, (*others, *bins), ("epoch", "seen"))
    of_bin = found["measure"].map({name: str(bin) for name, bin in bins.items()})
    names = found["measure"].where(of_bin.isna(), "validation_accuracy")
    return found.assign(measure=names, bin=of_bin)


def _melted(
    frame: pd.DataFrame, measures: Iterable[str], place: Iterable[str] = ()
) -> pd.DataFrame:
    """A row for each value in some columns of a tidy frame; missing values are left out."""
    keys = [*RUN, *place]
    plain = frame[[*keys, *measures]].astype(dict.fromkeys(measures, "float64"))
    return plain.melt(keys, list(measures), "measure", "value").dropna(subset="value")


def _storable(column: pd.Series) -> pd.Series:
    """A setting as one type: what is neither a number nor a truth value is text."""
    if column.dtype != object:
        return column
    return column.map(lambda value: None if value is None else str(value)).astype("string")
