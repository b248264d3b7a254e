"""What the seeds of a model say about a text or a translation: means with their intervals."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fwp.results.frames import groups
from fwp.results.statistics import CELL
from fwp.results.text import TextResults
from fwp.results.text_facts import TextFacts
from fwp.results.text_kinds import ALL
from fwp.results.text_measures import MEASURES, measures, with_names_of

SCORES = ("bleu", "chrf", "nats")
"""What is measured of translations."""


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Student's interval for a mean; NaN for fewer than two values or one that is not finite."""
    from scipy.special import stdtrit  # scipy.stats takes a second to load

    values = np.asarray(values, dtype=float)
    if len(values) < 2 or not np.isfinite(values).all():
        return math.nan, math.nan
    half = stdtrit(len(values) - 1, (1 + confidence) / 2) * values.std(ddof=1) / len(values) ** 0.5
    return float(values.mean() - half), float(values.mean() + half)


def summarise_text(results: TextResults, facts: Mapping[str, TextFacts]) -> pd.DataFrame:
    """One row per text × model, in the order of the tables.

    Returns:
        task, model, `sizes`, seeds, diverged, and of each of the `MEASURES` the mean over seeds
        and the limits of its 95 % interval, `_low` and `_high`.
    """
    found = measures(results.text, results.history, results.runs, facts)
    return _summary(found, results.runs, MEASURES, CELL)


def summarise_translation(results: TextResults) -> pd.DataFrame:
    """One row per translation × model × decoding, over sentences of every length.

    Returns:
        As `summarise_text`, of the `SCORES`; and decoding, sentences.
    """
    found = results.translation[results.translation["bin"] == ALL]
    found = found.assign(nats=found["nats"].fillna(math.inf))
    return _summary(found, results.runs, SCORES, [*CELL, "decoding"], ["sentences"])


def sizes(runs: pd.DataFrame) -> pd.DataFrame:
    """Parameters of each task × model, by how many per cent they differ from the median, state."""
    first = runs.drop_duplicates(CELL)[[*CELL, "parameters", "state"]]
    median = first.groupby("task", observed=True)["parameters"].transform("median")
    return first.assign(parameters_off=100 * (first["parameters"] / median - 1))


def _summary(
    found: pd.DataFrame,
    runs: pd.DataFrame,
    columns: Iterable[str],
    keys: Sequence[str],
    same: Sequence[str] = (),
) -> pd.DataFrame:
    """Means of columns over seeds; those in `same` do not depend on the seed."""
    rows: list[dict[str, Any]] = []
    for values, own in groups(found, list(keys)):
        row = dict(zip(keys, values, strict=True))
        row |= {"seeds": len(own), "diverged": int((own["status"] == "diverged").sum())}
        row |= {name: own[name].iloc[0] for name in same}
        for name in columns:
            low, high = mean_interval(own[name])
            row |= {name: own[name].mean(skipna=False), f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    limits = [part for name in columns for part in (name, f"{name}_low", f"{name}_high")]
    table = pd.DataFrame(rows, columns=[*keys, *same, "seeds", "diverged", *limits])
    table = with_names_of(found, table)
    known = with_names_of(found, sizes(runs))
    place = len(keys)
    table = table.merge(known, on=CELL, how="left")
    own = ["parameters", "parameters_off", "state"]
    order = [*table.columns[:place], *own, *(c for c in table.columns[place:] if c not in own)]
    return table[order]
