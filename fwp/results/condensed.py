"""Accuracies per length in a tenth of the rows, for records: what is measured of them stays exact.

A row per bin stays as it is. Neighbouring lengths of a run become one row. The shortest length that
a run gets wrong keeps a row of its own, and a row has the longest length of its group. So the
generalisation length of every run is that of the whole table.
"""

import numpy as np
import pandas as pd

from fwp.results.frames import ACCURACY, finish
from fwp.results.lengths import place_in_bin

RIGHT = 0.99  # as in `fwp.results.statistics.generalisation`
DIGITS = 6
KEYS = ["task", "model", "seed", "status", "bin"]


def condensed(accuracy: pd.DataFrame) -> pd.DataFrame:
    """The table with a row per run × bin, and per run × group of neighbouring lengths.

    Accuracies of a group are means, weighted by the numbers of strings.
    """
    whole = accuracy["length"].isna()
    rows = accuracy[~whole].assign(length=accuracy.loc[~whole, "length"].astype("int64"))
    if rows.empty:
        return accuracy
    failed = ~(rows["sequence_accuracy"] >= RIGHT)
    keys = ["task", "model", "seed"]
    first = rows[failed].groupby(keys, observed=True)["length"].min().rename("first")
    rows = rows.join(first, on=keys)
    past = rows["length"] > rows["first"].fillna(np.inf)
    rows["part"] = np.where(rows["length"] == rows["first"], 1, 2 * past)
    rows["group"] = place_in_bin(rows)
    shares = ["sequence_accuracy", "position_accuracy"]
    for column in shares:
        rows[column] *= rows["strings"]
    grouped = rows.groupby([*KEYS, "part", "group"], observed=True)
    sums = grouped[shares].sum(min_count=1)
    found = grouped.agg(length=("length", "max"), strings=("strings", "sum"))
    for column in shares:
        found[column] = _rounded(sums[column] / found["strings"])
    found = found.reset_index().drop(columns=["part", "group"])
    joined = pd.concat([accuracy[whole], found], ignore_index=True)
    order = [joined[name].cat.codes for name in ("task", "model")]
    bins = [joined["seed"], joined["bin"].cat.codes, joined["length"].astype("float64").fillna(-1)]
    place = np.lexsort([*reversed(bins), *reversed(order)])
    return finish(joined.iloc[place].reset_index(drop=True), ACCURACY)


def _rounded(share: pd.Series) -> pd.Series:
    """Six digits, except where this would change whether a length is right."""
    near = share.round(DIGITS)
    same = ((near >= RIGHT) == (share >= RIGHT)) & ((near == 1) == (share == 1))
    return near.where(same | share.isna(), share)
