"""From how states come apart along a string to the length at which a model fails: predicted, seen.

A measure m(t) is one of those of `fwp.analysis.error_control` (`MEASURES`).

    predicted: the first t with a + b t ≥ τ, where a + b t is the least squares line through m(t) at
               windows that end in the second half of the training lengths
    crossing:  the end of the first window beyond the first at which m is seen to reach τ
    measured:  the first position up to which fewer than `RIGHT` of the strings have no error

The threshold τ is either "half": a state is as far from its mean as halfway to the nearest other,
the separation has halved, or the margin of the readout is gone (`HALF`). Or it is the median of m
at the measured failures of the other seeds of the cell, "others": it stands for the threshold of a
trained readout, and uses longer strings, but none of the seed that is judged.
"""

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
import pandas as pd

RIGHT = 0.9
FITTED = 3  # windows that a line needs
OTHERS = 2  # seeds that fail, for a threshold from them
MEASURES = ("q", "q_u", "drift", "drift_u", "decay", "lost")
HALF = dict.fromkeys(MEASURES, 0.5) | {"decay": 1.0, "lost": 1.0}  # thresholds
RULES = ("half", "others")  # of the threshold
COLUMNS = (
    "task", "model", "seed", "status", "affine", "states", "training", "length", "layer", "strings",
    "measure", "at_training", "at_failure", "at_end", "slope", "rule", "threshold", "predicted",
    "crossing", "measured",
)  # fmt: skip


def horizons(records: Iterable[dict]) -> pd.DataFrame:
    """One row per task × model × seed × measure × rule.

    Args:
        records: what `fwp.analysis.control.control_cell` writes, one or several of a cell.

    Returns:
        `COLUMNS`: status of the training, affine, states of the minimal automaton, longest training
        length, length of the strings, the layer that is judged (whose q is least at the end of the
        training lengths), how many strings; the measure there, at the measured failure (the last
        window before it) and at the end of the strings; slope b; rule (half or others) and
        threshold τ; predicted, crossing and measured, empty for those beyond the strings. A seed
        whose state grows, or whose strings are too short, has no rows.
    """
    parts = [pd.DataFrame(_of_seed(record, seed)) for record in records for seed in record["seeds"]]
    found = pd.concat([part for part in parts if len(part)] or [pd.DataFrame()], ignore_index=True)
    if found.empty:
        return pd.DataFrame(columns=COLUMNS)
    rows = []
    for _, own in found.groupby(["task", "model", "measure"], sort=False):
        learnt = own[own["measured"].fillna(np.inf) > own["training"]]
        for row in own.to_dict("records"):
            along, line = row.pop("along"), row.pop("line")
            others = learnt.loc[learnt["seed"] != row["seed"], "at_failure"].dropna()
            median = float(others.median()) if len(others) >= OTHERS else float("nan")
            for rule, threshold in zip(RULES, (HALF[row["measure"]], median), strict=True):
                told = _foretold(along, line, threshold, row["training"], row["length"])
                rows.append(row | {"rule": rule, "threshold": threshold} | told)
    whole = ("layer", "predicted", "crossing", "measured")
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.astype(dict.fromkeys(whole, "Int64") | {"affine": "boolean"})


def failure(first_errors: Sequence[int]) -> int | None:
    """The first position up to which fewer than `RIGHT` of the strings have no error.

    Args:
        first_errors: positions of first errors, 0 for a string without.
    """
    wrong = sorted(position for position in first_errors if position)
    allowed = int(np.floor((1 - RIGHT) * len(first_errors) + 1e-9))
    return wrong[allowed] if len(wrong) > allowed else None


def _of_seed(record: dict, seed: dict) -> list[dict]:
    """A row per measure, with the measure along the string and the line through its beginning."""
    along = pd.DataFrame(seed["along"])
    if along.empty or seed["affine"] is None:
        return []
    along = along.astype(dict.fromkeys(MEASURES, float))  # empty ones are None
    along = along.dropna(subset="q").sort_values("position")
    training, measured = record["training"], failure(seed["first_errors"])
    within = along[along["position"] <= training]
    if within.empty:
        return []
    layer = int(within.groupby("layer").tail(1).set_index("layer")["q"].idxmin())
    along, within = (frame[frame["layer"] == layer] for frame in (along, within))
    facts = {key: record[key] for key in ("task", "model", "states", "training", "length")}
    facts |= {key: seed[key] for key in ("seed", "status", "affine")}
    facts |= {"layer": layer, "strings": len(seed["first_errors"]), "measured": measured}
    rows = []
    for measure in MEASURES:
        values = along.set_index("position")[measure]
        before = values[values.index < (measured or 0)]
        line = _line(values[(values.index > training / 2) & (values.index <= training)])
        rows.append(
            facts
            | {"measure": measure, "at_training": float(within[measure].iloc[-1])}
            | {"at_failure": float(before.iloc[-1]) if len(before) else float("nan")}
            | {"at_end": float(values.iloc[-1]), "slope": line[0], "along": values, "line": line}
        )
    return rows


def _line(values: pd.Series) -> tuple[float, float]:
    """Slope and start of the line through a measure at positions; NaN where there are too few."""
    values = values[np.isfinite(values)]
    if len(values) < FITTED:
        return float("nan"), float("nan")
    slope, start = np.polyfit(values.index, values, 1)
    return float(slope), float(start)


def _foretold(along: pd.Series, line, threshold: float, training: int, length: int) -> dict:
    """Where the line reaches the threshold, and where the measure is seen to."""
    if not np.isfinite(threshold):
        return {"predicted": None, "crossing": None}
    seen = along.index[1:][along.to_numpy()[1:] >= threshold]
    crossing = int(seen[0]) if len(seen) else None
    if crossing is not None and crossing <= training:
        return {"predicted": crossing, "crossing": crossing}
    slope, start = line
    if not slope > 0 or threshold - start > slope * length:
        return {"predicted": None, "crossing": crossing}
    # Where the measure is not seen to cross, the line may be above it.
    predicted = max(int(np.ceil((threshold - start) / slope)), training + 1)
    return {"predicted": predicted if predicted <= length else None, "crossing": crossing}


def learnt(found: pd.DataFrame) -> pd.DataFrame:
    """The rows of seeds that do not fail within the training lengths: these have lost nothing."""
    return found[found["measured"].isna() | (found["measured"] > found["training"])]


def agreement(found: pd.DataFrame) -> pd.DataFrame:
    """How well the measured failure is foretold, for affine models and others; `learnt` ones alone.

    Returns:
        One row per affine × measure × rule × foretold (predicted or crossing): seeds (with a
        threshold), fail (how many fail within the strings), both (how many of those are foretold
        to), neither (how many are neither foretold nor seen to fail), within (of `both`, how many
        within a factor of two), guess (the same for the median failure of the other seeds of the
        cell, which looks at no state), spearman (rank correlation over all seeds, where a position
        beyond the strings is the last rank), pearson (of the logarithms over `both`), cells (task ×
        model) and across (rank correlation of the medians of cells: which model fails first, not
        which seed). Correlations are NaN for fewer than three, or where either is constant.
    """
    rows = []
    own = learnt(found)
    own = own[own["threshold"].notna()]
    for key in product((True, False), MEASURES, RULES):
        wanted = dict(zip(("affine", "measure", "rule"), key, strict=True))
        part = own[(own[list(wanted)] == pd.Series(wanted)).all(axis=1)]
        if part.empty:
            continue
        end = part["length"].to_numpy() + 1
        seen = part["measured"].astype("Float64").to_numpy(float, na_value=np.inf)
        capped = part[["task", "model"]].assign(seen=np.minimum(seen, end))
        others = _others(capped)
        for column in ("predicted", "crossing"):
            told = part[column].astype("Float64").to_numpy(float, na_value=np.inf)
            both, neither = np.isfinite(told) & np.isfinite(seen), np.isinf(told) & np.isinf(seen)
            close, guess = (
                int((np.abs(np.log2(values[both] / seen[both])) <= 1).sum())
                for values in (told, others)
            )
            capped["told"] = np.minimum(told, end)
            middle = capped.groupby(["task", "model"]).median()
            ranks, across = (
                [frame[name].rank() for name in ("told", "seen")] for frame in (capped, middle)
            )
            logs = [pd.Series(np.log(values[both])) for values in (told, seen)]
            rows.append(
                wanted
                | {"foretold": column, "seeds": len(part), "fail": int(np.isfinite(seen).sum())}
                | {"both": int(both.sum()), "neither": int(neither.sum())}
                | {"within": close, "guess": guess, "spearman": _correlation(*ranks)}
                | {"pearson": _correlation(*logs), "cells": len(middle)}
                | {"across": _correlation(*across)}
            )
    names = ["affine", "measure", "rule", "foretold", "seeds", "fail", "both", "neither", "within"]
    names += ["guess", "spearman", "pearson", "cells", "across"]
    return pd.DataFrame(rows, columns=names)


def _others(frame: pd.DataFrame) -> np.ndarray:
    """Of task, model, seen: for each row the median of `seen` in the other rows of its cell."""
    found = np.full(len(frame), np.nan)
    for rows in frame.reset_index(drop=True).groupby(["task", "model"]).groups.values():
        seen = frame["seen"].to_numpy()[rows]
        for i, row in enumerate(rows):
            if len(rows) > 1:
                found[row] = np.median(np.delete(seen, i))
    return found


def _correlation(one: pd.Series, other: pd.Series) -> float:
    if len(one) < 3 or one.nunique() < 2 or other.nunique() < 2:
        return float("nan")
    return float(one.corr(other))
