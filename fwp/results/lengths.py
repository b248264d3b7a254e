"""Accuracy against string length, with so many strings per point that a line shows no chance."""

import numpy as np
import pandas as pd

from fwp.utils.named_bins import NamedBin

# Neighbouring lengths whose ratio is below about e^0.2 = 1.22 share a point of the line: few
# strings are tested per length, so that a line through single lengths would show chance.
GROUP = 0.2


def grouped(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Accuracy per run and group of neighbouring lengths.

    Each bin is cut into groups of about equal width on a log scale, so that no group reaches across
    the end of a bin; a group's accuracy is the mean over its lengths, weighted by their numbers of
    strings. Where accuracy was not measured per length a bin is one group.

    Returns:
        A frame with columns task, model, seed, length (geometric mean of the group's) and accuracy.
    """
    rows = accuracy.assign(accuracy=accuracy["sequence_accuracy"].fillna(0.0))
    low, high = _ends(rows)
    whole = rows["length"].isna()
    measured = set(map(tuple, rows.loc[~whole, ["task", "model"]].drop_duplicates().to_numpy()))
    pairs = pd.Series(list(zip(rows["task"], rows["model"], strict=True)), index=rows.index)
    rows["length"] = rows["length"].astype(float).fillna((low * high) ** 0.5)
    rows["log"] = np.log(rows["length"])
    rows["group"] = place_in_bin(rows).where(~whole, -1)
    rows = rows[~whole | ~pairs.isin(measured)]
    rows = rows.assign(
        weighted=rows["accuracy"] * rows["strings"], log=rows["log"] * rows["strings"]
    )
    keys = ["task", "model", "seed", "bin", "group"]
    sums = rows.groupby(keys, observed=True)[["weighted", "log", "strings"]].sum()
    return pd.DataFrame(
        {
            "length": np.exp(sums["log"] / sums["strings"]),
            "accuracy": sums["weighted"] / sums["strings"],
        }
    ).reset_index()


def place_in_bin(rows: pd.DataFrame) -> pd.Series:
    """Which group of neighbouring lengths of its bin each row is in, from 0."""
    low, high = _ends(rows)
    span = np.log(high + 1) - np.log(low)
    count = np.maximum(np.ceil(span / GROUP), 1)
    return ((np.log(rows["length"].astype(float)) - np.log(low)) / span * count).astype(int)


def _ends(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """The shortest and the longest length of the bin of each row."""
    bins = {bin: NamedBin.parse(bin) for bin in rows["bin"].unique()}
    low, high = (rows["bin"].map({b: ends[i] for b, ends in bins.items()}) for i in (0, 1))
    return low.astype(float), high.astype(float)
