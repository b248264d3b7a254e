"""What the trials of a search say: means over seeds, the expected best of k trials, and what was
chosen.

All accuracies are on validation strings, unless they are of the experiment's own seeds. A run that
diverged counts as 0. A trial that was pruned counts with what it had reached until then.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fwp.results import statistics
from fwp.results.frames import groups
from fwp.results.statistics import CELL
from fwp.results.trials import ACCURACIES, bins_of, settings_of
from fwp.utils.bins import bin_of_column

REACHED = 0.99
"""The accuracy from which on a trial has learnt a bin."""


def reached_column(accuracy_column: str) -> str:
    """Column with the number of trials that reach `REACHED` on a bin: "reached 2-50"."""
    return f"reached {bin_of_column(accuracy_column)}"


def by_trial(trials: pd.DataFrame) -> pd.DataFrame:
    """One row per task × model × trial, with means over the trial's seeds.

    Args:
        trials: the tidy table (`fwp.results.trials`).

    Returns:
        A frame with the settings, parameters, state, chosen; seeds, diverged and pruned: numbers of
        runs; mean accuracies (a run that diverged counts as 0), epochs and loss, and the sum of
        seconds.
    """
    accuracies = [*ACCURACIES, *bins_of(trials)]
    rows = _counted(trials, accuracies)
    rows = rows.assign(**{f: rows["status"] == f for f in ("diverged", "pruned")})
    same = [*settings_of(trials), "parameters", "state", "chosen"]
    means = rows.groupby([*CELL, "trial"], observed=True).agg(
        **{name: (name, "first") for name in same},
        seeds=("seed", "nunique"),
        diverged=("diverged", "sum"),
        pruned=("pruned", "sum"),
        **{name: (name, "mean") for name in (*accuracies, "epochs", "loss")},
        seconds=("seconds", "sum"),
    )
    return means.reset_index()


def expected_best(accuracies: ArrayLike) -> pd.DataFrame:
    """The highest of k accuracies, for k = 1 … n, when k of n trials are drawn with replacement.

    Dodge, Gururangan, Card, Schwartz and Smith (EMNLP 2019), "Show Your Work: Improved Reporting of
    Experimental Results": with the share P(v) of trials of at most v, the highest of k
    is at most v with probability P(v)^k. So its mean is Σ v (P(v)^k − P(v−)^k) over the values v,
    where P(v−) is the share of trials below v. Because of the replacement, the mean for k = n is
    below the highest accuracy, unless all are equal. As an estimate of what other trials would
    give it is too low (Tang et al., ACL 2020), and the closer k is to n the more so.

    Args:
        accuracies: of the n trials.

    Returns:
        A frame with a row per k: k, mean, and low and high, the quartiles of the highest of k,
        exact like the mean.
    """
    values, counts = np.unique(np.asarray(accuracies, float), return_counts=True)
    if not len(values) or np.isnan(values).any():
        raise ValueError("the expected best needs trials, each with an accuracy")
    k = np.arange(1, counts.sum() + 1)
    at_most = (np.cumsum(counts) / counts.sum()) ** k[:, None]  # [n, values]
    mean = np.diff(at_most, axis=1, prepend=0) @ values
    low, high = (values[(at_most < q - 1e-12).sum(axis=1)] for q in (0.25, 0.75))
    return pd.DataFrame({"k": k, "mean": mean, "low": low, "high": high})


def best_of(trials: pd.DataFrame) -> pd.DataFrame:
    """`expected_best` of every task × model, by the trials' mean validation accuracies."""
    parts = [
        expected_best(own["selection"]).assign(task=task, model=model)
        for (task, model), own in groups(by_trial(trials), CELL)
    ]
    frame = pd.concat(parts, ignore_index=True)
    for name in CELL:
        frame[name] = pd.Categorical(frame[name], trials[name].cat.categories, ordered=True)
    return frame


def summarise_search(trials: pd.DataFrame, accuracy: pd.DataFrame | None = None) -> pd.DataFrame:
    """What was tried, what was chosen, and how good it is.

    Args:
        trials: the tidy table (`fwp.results.trials`).
        accuracy: that of the experiment's own seeds (`fwp.results.collect`).

    Returns:
        One row per task × model. trials; diverged and pruned: trials with a run that did so;
        seeds_per_trial. Of the chosen trial: trial (its number), settings, parameters, state and
        validation, its mean validation accuracy. validation_median: of all trials. "reached
        <bin>": number of trials that reach `REACHED` on a validation bin. seeds, first_bin,
        first_median, second_bin, second_median: the experiment's own seeds, and their median
        accuracy on the first two bins of test strings. inductive_bias and expressivity: the two
        columns of Butoi et al. (ICLR 2025, "Training Neural Networks as Recognizers of Formal
        Languages"), the mean and the highest accuracy of all runs, after a choice of the epoch by
        short validation strings and by long ones; here measured on the longest validation bin.
    """
    means, settings = by_trial(trials), settings_of(trials)
    runs = _counted(trials, list(ACCURACIES)).groupby(CELL, observed=True)
    rows = []
    for (task, model), own in groups(means, CELL):
        chosen = own[own["chosen"]].iloc[0]
        accuracies = bins_of(trials[(trials["task"] == task) & (trials["model"] == model)])
        rows.append(
            {
                "task": task,
                "model": model,
                "trials": len(own),
                "diverged": int((own["diverged"] > 0).sum()),
                "pruned": int((own["pruned"] > 0).sum()),
                "seeds_per_trial": int(own["seeds"].max()),
                "trial": chosen["trial"],
                **{name: chosen[name] for name in [*settings, "parameters", "state"]},
                "validation": chosen["selection"],
                "validation_median": own["selection"].median(),
                **{reached_column(c): int((own[c] >= REACHED).sum()) for c in accuracies},
                "inductive_bias": runs["inductive"].mean()[task, model],
                "expressivity": runs["expressive"].max()[task, model],
            }
        )
    frame = pd.DataFrame(rows)
    whole = [
        "trial",
        "parameters",
        "state",
        *(n for n in map(str, frame) if n.startswith("reached ")),
    ]
    types = {name: trials[name].dtype for name in settings} | dict.fromkeys(whole, "Int64")
    frame = frame.astype(types)
    for name in CELL:
        frame[name] = pd.Categorical(frame[name], trials[name].cat.categories, ordered=True)
    tested = _tested(frame, accuracy)
    place = list(frame).index("inductive_bias")
    return pd.concat([frame.iloc[:, :place], tested, frame.iloc[:, place:]], axis="columns")


def _tested(cells: pd.DataFrame, accuracy: pd.DataFrame | None) -> pd.DataFrame:
    """Number of the experiment's seeds of each cell, first two test bins, medians on them."""
    columns = ["seeds", "first_bin", "first_median", "second_bin", "second_median"]
    rows = [dict.fromkeys(columns) for _ in range(len(cells))]
    places = {pair: i for i, pair in enumerate(zip(cells["task"], cells["model"], strict=True))}
    if accuracy is not None:
        for (task, model, index), own in groups(statistics.by_bin(accuracy), [*CELL, "bin_index"]):
            if index > 1 or (task, model) not in places:
                continue
            name = ("first", "second")[index]
            rows[places[task, model]] |= {
                "seeds": own["seed"].nunique(),
                f"{name}_bin": str(own["bin"].iloc[0]),
                f"{name}_median": own["sequence_accuracy"].median(),
            }
    kinds = {"seeds": "Int64", **dict.fromkeys(columns[2::2], "float64")}
    return pd.DataFrame(rows, columns=columns, index=cells.index).astype(kinds)


def _counted(trials: pd.DataFrame, accuracies: list[str]) -> pd.DataFrame:
    """The runs, with 0 in place of the accuracies of those that diverged."""
    lost = trials["status"] == "diverged"
    return trials.assign(**{name: trials[name].mask(lost, 0.0) for name in accuracies})
