"""From accuracies of single runs to statements about a model on a task.

A *run* is one model × task × seed. A run *solves* a bin if it has every position of every string of
the bin right. A run that diverged and therefore has no accuracy counts as 0: leaving it out would
flatter its model.
"""

import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fwp.results.frames import groups
from fwp.utils.named_bins import NamedBin

CELL = ["task", "model"]
APART = 0.2  # accuracy of the best seed less that of the worst, from which on seeds are far apart


def wilson(
    successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval for a proportion; (0, 1) where there are no trials.

    Args:
        successes: number of successes, or an array of them.
        trials: number of trials, of the same shape.

    Returns:
        The lower and the upper limit, floats or arrays of the shape of `successes`.
    """
    from statsmodels.stats.proportion import proportion_confint

    successes, trials = _counts(successes, trials)
    # statsmodels divides by the number of trials; none means that nothing is known. The limits at 0
    # and at all successes are exactly 0 and 1, which rounding errors would hide.
    low, high = proportion_confint(
        successes, np.maximum(trials, 1), alpha=1 - confidence, method="wilson"
    )
    return np.where(successes > 0, low, 0.0), np.where(successes < trials, high, 1.0)


def confidence_sequence(
    successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Anytime-valid interval for a proportion; (0, 1) where there are no trials.

    Wilson's interval is for a number of trials that is fixed beforehand. Whoever adds trials until
    it excludes a value excludes the true one too often. The probability that this interval misses
    the truth after any number of trials at all is at most 1 - confidence, so one may stop whenever
    one likes. The price is width: all of 8 trials exclude one half, where Wilson's needs 4.

    Mixture of binomial likelihoods over a uniform prior (Robbins 1970, Ann. Math. Stat. 41:1397;
    Howard et al. 2021, Ann. Stat. 49:1055). A rate belongs to the interval while the likelihood of
    the mixture is less than 1 / (1 - confidence) times that of the rate. By Ville's inequality, the
    true rate ever leaves it with probability 1 - confidence at most.

    Args:
        successes: number of successes, or an array of them.
        trials: number of trials, of the same shape.

    Returns:
        The lower and the upper limit, floats or arrays of the shape of `successes`.
    """
    successes, trials = _counts(successes, trials)
    low = _lowest_rate(successes, trials, 1 - confidence)
    return low, np.asarray(1 - _lowest_rate(trials - successes, trials, 1 - confidence))


def _counts(successes: ArrayLike, trials: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of successes and trials as arrays; ValueError if there cannot be such."""
    successes, trials = np.asarray(successes), np.asarray(trials)
    if np.any(successes < 0) or np.any(successes > trials):
        raise ValueError("successes lie between 0 and the number of trials")
    return successes, trials


def _lowest_rate(successes: np.ndarray, trials: np.ndarray, level: float) -> np.ndarray:
    """The lower limit of `confidence_sequence`; the upper one is that of the failures."""
    from scipy.optimize.elementwise import find_root
    from scipy.special import betaln, xlog1py, xlogy

    failures = trials - successes
    least = betaln(successes + 1, failures + 1) + math.log(level)

    def surplus(rate, successes, failures, least):
        return xlogy(successes, rate) + xlog1py(failures, -rate) - least

    # The likelihood rises up to successes / trials; without successes, no rate is too low.
    some = np.maximum(successes, 1)
    bracket = (np.full(trials.shape, 1e-300), some / np.maximum(trials, 1))
    root = find_root(surplus, bracket, args=(some, failures, least)).x
    return np.where(successes > 0, root, 0.0)


def fewest_for_median(confidence: float = 0.95) -> int:
    """How many values a confidence interval for a median needs; 6 for 95 %.

    The widest interval that n values can give reaches from the smallest to the largest. It misses
    the median if all of them lie on one side of it, which happens with probability 2^(1 - n).
    """
    return 1 + math.ceil(-math.log2(1 - confidence))


def median_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrap interval (percentiles of 9 999 resamples) for the median along the last axis.

    Args:
        values: [..., n], for instance the accuracies of n seeds.

    Returns:
        The lower and the upper limit, each [...]; NaN where n is less than `fewest_for_median`,
        since what resampling gives there is far too narrow. The same values give the same limits.
    """
    from scipy.stats import bootstrap

    values = np.asarray(values, dtype=float)
    if values.shape[-1] < fewest_for_median(confidence):
        return np.full(values.shape[:-1], np.nan), np.full(values.shape[:-1], np.nan)
    limits = bootstrap(
        (values,),
        np.median,
        axis=-1,
        confidence_level=confidence,
        method="percentile",
        batch=100,  # resamples at a time: bounds the memory that a large grid takes
        rng=np.random.default_rng(0),
    ).confidence_interval
    return limits.low, limits.high


def generalisation_length(
    lengths: Iterable[int], accuracies: Iterable[float], threshold: float = 0.99
) -> int:
    """The longest tested length up to which every tested length is right with at least `threshold`.

    0 if the shortest tested length is not. A missing accuracy (NaN) is not right.
    """
    lengths, accuracies = np.asarray(lengths), np.asarray(accuracies, dtype=float)
    order = np.argsort(lengths, kind="stable")
    right = accuracies[order] >= threshold
    passed = len(right) if right.all() else int(right.argmin())
    return int(lengths[order][passed - 1]) if passed else 0


def generalisation(accuracy: pd.DataFrame, threshold: float = 0.99) -> pd.DataFrame:
    """The generalisation length of every run.

    Returns:
        A frame with columns task, model, seed, status, generalisation_length and tested_length (the
        longest tested length: a run that reaches it may go further). Runs without per-length rows
        are left out.
    """
    rows = accuracy[accuracy["length"].notna()]
    rows = rows.assign(
        length=rows["length"].astype("int64"),
        failed=~(rows["sequence_accuracy"] >= threshold),
    )
    keys = [*CELL, "seed", "status"]
    every = rows.groupby(keys, observed=True)["length"].agg(["min", "max"])
    # The lengths right below a run's first failure are what counts.
    first = rows[rows["failed"]].groupby(keys, observed=True)["length"].min().rename("first")
    rows = rows.join(first, on=keys)
    passed = rows[rows["first"].isna() | (rows["length"] < rows["first"])]
    reached = passed.groupby(keys, observed=True)["length"].max()
    result = pd.DataFrame(
        {
            "generalisation_length": reached.reindex(every.index).fillna(0).astype("int64"),
            "tested_length": every["max"],
        }
    )
    return result.reset_index()


def by_bin(accuracy: pd.DataFrame) -> pd.DataFrame:
    """One row per run × bin, with `bin_index` (see `bins`) and `solved`."""
    rows = accuracy[accuracy["length"].isna()].drop(columns="length").reset_index(drop=True)
    index = {
        (task, bin): i for i, of_task in enumerate(bins(accuracy)) for task, bin in of_task.items()
    }
    for column in ("sequence_accuracy", "position_accuracy"):
        rows[column] = rows[column].fillna(0.0)
    pairs = zip(rows["task"], rows["bin"], strict=True)
    return rows.assign(
        solved=rows["sequence_accuracy"] == 1,
        bin_index=[index[pair] for pair in pairs],
    )


def bins(accuracy: pd.DataFrame) -> list[dict[str, str]]:
    """Which bins of the tasks belong side by side: per index, shortest first, a dict task → bin.

    Where no two bins of different tasks overlap without being equal, equal bins share an index and
    a task may lack one (a language without strings of those lengths). Otherwise, where tasks have
    windows of their own, the n-th bins of all tasks share index n.
    """
    pairs = accuracy.loc[accuracy["length"].isna(), ["task", "bin"]].drop_duplicates()
    every = sorted(pairs["bin"].unique(), key=NamedBin.parse)
    apart = all(a.longest < b.shortest for a, b in pairwise(map(NamedBin.parse, every)))
    found: list[dict[str, str]] = []
    for task, own in groups(pairs, "task"):
        for i, bin in enumerate(sorted(own["bin"], key=NamedBin.parse)):
            index = every.index(bin) if apart else i
            found += [{} for _ in range(index + 1 - len(found))]
            found[index][task] = bin
    return found


def summarise(accuracy: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """What the seeds of each model say about each bin of each task.

    Returns:
        One row per task × model × bin. mean, best, median, worst: of the seeds' sequence
        accuracies; median_low, median_high: `median_interval`, empty where there are too few seeds;
        position_mean: mean position accuracy; score_mean, score_best: mean and highest of the
        seeds' scores, as Delétang et al. (2023) define them: the mean over the lengths of a bin of
        the position accuracy of each; seeds, diverged: numbers of runs; solved:
        number of runs that solve the bin; success_rate = solved / seeds, wilson_low and wilson_high
        its interval. The generalisation length does not depend on the bin and is repeated on each
        of them: its median, worst and best over seeds, and the longest length tested (all empty
        where accuracy was not measured per length).
    """
    rows = by_bin(accuracy).join(_scores(accuracy), on=[*CELL, "seed", "bin"])
    rows["diverged"] = rows["status"] == "diverged"
    by_cell = rows.groupby([*CELL, "bin_index", "bin"], observed=True)
    summary = by_cell.agg(
        strings=("strings", "first"),
        seeds=("seed", "nunique"),
        diverged=("diverged", "sum"),
        mean=("sequence_accuracy", "mean"),
        best=("sequence_accuracy", "max"),
        median=("sequence_accuracy", "median"),
        worst=("sequence_accuracy", "min"),
        position_mean=("position_accuracy", "mean"),
        score_mean=("score", "mean"),
        score_best=("score", "max"),
        solved=("solved", "sum"),
    ).reset_index()
    of_seeds = by_cell["sequence_accuracy"].apply(list).to_list()
    place = list(summary).index("median") + 1
    for name, limits in zip(("high", "low"), _median_intervals(of_seeds, confidence), strict=True):
        summary.insert(place, f"median_{name}", limits)
    summary["success_rate"] = summary["solved"] / summary["seeds"]
    summary["wilson_low"], summary["wilson_high"] = wilson(
        summary["solved"], summary["seeds"], confidence
    )
    lengths = (
        generalisation(accuracy)
        .groupby(CELL, observed=True)
        .agg(
            generalisation_median=("generalisation_length", "median"),
            generalisation_worst=("generalisation_length", "min"),
            generalisation_best=("generalisation_length", "max"),
            tested_length=("tested_length", "max"),
        )
        .reset_index()
    )
    lengths[["generalisation_worst", "generalisation_best", "tested_length"]] = lengths[
        ["generalisation_worst", "generalisation_best", "tested_length"]
    ].astype("Int64")
    return summary.merge(lengths, on=CELL, how="left")


def _scores(accuracy: pd.DataFrame) -> pd.Series:
    """The score of every run on every bin: see `summarise`."""
    rows = accuracy[accuracy["length"].notna()]
    rows = rows.assign(score=rows["position_accuracy"].fillna(0.0))
    return rows.groupby([*CELL, "seed", "bin"], observed=True)["score"].mean()


def apart(summary: pd.DataFrame) -> pd.Series:
    """Which rows of a summary are of seeds so far apart that their mean may describe none."""
    return (summary["best"] - summary["worst"]).astype(float) > APART


def _median_intervals(samples: list[list[float]], confidence: float) -> np.ndarray:
    """Upper and lower limits [2, samples] of `median_interval` for samples of unequal sizes."""
    sizes = np.array([len(sample) for sample in samples])
    limits = np.full((2, len(samples)), np.nan)
    for size in np.unique(sizes):
        chosen = np.flatnonzero(sizes == size)
        low, high = median_interval([samples[i] for i in chosen], confidence)
        limits[:, chosen] = high, low
    return limits
