"""Claims about texts and translations: means over seeds, from the tables of `fwp.results.text`.

Losses are of a range of positions: within the training context, beyond it, all, or a range that the
rows of the table fill. Each seed gives one number, weighted by tokens or bytes. Where two models
are compared, that is by Welch's interval of the difference of their means (`fwp.claims.means`).

A run that diverged and has no loss counts against its model, as one that holds all bytes equally
likely: 8 bits per byte. Its BLEU and chrF are 0. Leaving it out would flatter its model.
"""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from fwp.claims import means, sides
from fwp.claims.claim import EVERY, SCORES, Criterion
from fwp.claims.evidence import CONTRADICTED, SUPPORTED, UNDETERMINED, Evidence
from fwp.claims.searched import Trials

if TYPE_CHECKING:
    from fwp.results.text import TextResults

GUESS = 8 * math.log(2)
"""Nats per byte of who holds all bytes equally likely."""

ALL = "all"
NAMED = {
    "context": "positions within the context",
    "beyond": "positions beyond the context",
    ALL: "all positions",
}


class Values(NamedTuple):
    """One number per seed, how many of the seeds diverged, and where they were measured."""

    numbers: np.ndarray
    diverged: int
    place: str


class Texts:
    """The results of texts and translations, by cell.

    Args:
        found: the tidy tables; None if there are none.
    """

    def __init__(self, found: "TextResults | None"):
        self._text: dict = {}
        self._translation: dict = {}
        self._contexts: dict[str, int] = {}
        if found is None:
            return
        keys = ["task", "model"]
        self._text = dict(list(found.text.groupby(keys, observed=True)))
        self._translation = dict(list(found.translation.groupby(keys, observed=True)))
        contexts = found.runs.groupby("task", observed=True)["context"].max()
        self._contexts = {str(task): int(context) for task, context in contexts.items()}

    def tasks(self, criterion: Criterion) -> tuple[str, ...]:
        """The tasks of a criterion; "*" if it is about all and there are none."""
        if criterion.tasks != (EVERY,):
            return criterion.tasks
        cells = self._translation if criterion.statistic in SCORES else self._text
        return tuple(dict.fromkeys(task for task, _ in cells)) or criterion.tasks

    def values(self, criterion: Criterion, task: str, model: str, place: str) -> Values | None:
        """What a criterion compares, of the seeds of a cell; None if that was not measured.

        Args:
            place: positions as in a criterion; of translations, how they are decoded.
        """
        if criterion.statistic in SCORES:
            rows = self._translation.get((task, model))
            return None if rows is None else _scores(rows, criterion.statistic, place)
        rows = self._text.get((task, model))
        return None if rows is None else self._losses(rows, criterion.statistic, task, place)

    def _losses(self, rows: pd.DataFrame, statistic: str, task: str, place: str) -> Values | None:
        begin, end = _range(place, self._contexts[task], int(rows["last"].max()))
        rows = rows[(rows["first"] >= begin) & (rows["last"] <= end)]
        filled = not rows.empty and (rows["first"].min(), rows["last"].max()) == (begin, end)
        if not filled or (statistic == "excess" and rows["ideal"].isna().any()):
            return None
        lost = rows["nats"].isna()
        nats = rows["nats"].where(~lost, GUESS * rows["bytes"] / rows["tokens"])
        if statistic == "excess":
            nats = nats - rows["ideal"]
        sums = pd.DataFrame(
            {"nats": nats * rows["tokens"], "tokens": rows["tokens"], "bytes": rows["bytes"]}
        )
        sums = sums.groupby(rows["seed"]).sum()
        nats = sums["nats"].to_numpy(float)
        if statistic == "bits_per_byte":
            numbers = nats / math.log(2) / sums["bytes"].to_numpy(float)
        else:
            numbers = nats / sums["tokens"].to_numpy(float)
        if statistic == "perplexity":
            numbers = np.exp(numbers)
        diverged = int(lost.groupby(rows["seed"]).any().sum())
        return Values(numbers, diverged, f"positions {begin}-{end}")


def _range(place: str, context: int, longest: int) -> tuple[int, int]:
    """First and last position."""
    named = {"context": (1, min(context, longest)), "beyond": (context + 1, longest)}
    if place in named:
        return named[place]
    if place == ALL:
        return 1, longest
    first, _, last = place.partition("-")
    return int(first), int(last)


def _scores(rows: pd.DataFrame, statistic: str, decoding: str) -> Values | None:
    rows = rows[(rows["bin"] == ALL) & rows["decoding"].astype(str).str.startswith(decoding)]
    names = rows["decoding"].astype(str).unique()
    if len(names) != 1:
        return None
    lost = rows[statistic].isna()
    return Values(rows[statistic].fillna(0.0).to_numpy(float), int(lost.sum()), names[0])


def place_of(criterion: Criterion, place: str) -> str:
    """A place in words, where it is not in the results."""
    if criterion.statistic in SCORES:
        return place
    return NAMED.get(place, f"positions {place}")


def weigh(
    criterion: Criterion,
    at: tuple[str, str, str],
    texts: Texts,
    confidence: float,
    search: Trials,
) -> tuple[Evidence, sides.Side] | None:
    """The evidence of one cell (task, model and place), and what further seeds would show.

    None if the cell, or what it is compared with, is not in the results.
    """
    task, model, place = at
    own, than = texts.values(criterion, task, model, place), criterion.than
    rival = None if than is None else texts.values(criterion, task, than, place)
    if own is None or (than is not None and rival is None):
        return None
    one = means.sample(own.numbers)
    facts: dict[str, Any] = {}
    if rival is None:
        low, high = means.of_mean(one, confidence)
        side = means.side_of_mean(one, criterion.limit, confidence)
    else:
        other = means.sample(rival.numbers)
        low, high = means.of_difference(one, other, confidence)
        side = means.side_of_difference(one, other, criterion.difference, confidence)
        facts = {"other": than, "other_value": other.mean, "other_seeds": other.number}
        facts |= {"other_diverged": rival.diverged, "p": means.p_value(one, other)}
    facts |= search.tried(task, model)
    now, verdict = side(0), UNDETERMINED
    if now:
        verdict = SUPPORTED if (now > 0) == criterion.is_upward else CONTRADICTED
    evidence = Evidence(
        task, model, own.place, criterion, math.nan, one.number, 0, one.mean, low, high, verdict,
        more=sides.fewest(side), diverged=own.diverged, **facts,
    )  # fmt: skip
    return evidence, side
