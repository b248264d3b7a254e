"""From losses at positions to measures of a text: bits per byte, perplexities, excess, speed.

Everything is of test text unless it says validation. *Within* is within the training context, at
positions 1 to `context` of a stream; *beyond* is after it, as far as the test goes. All sums are
over tokens, so that a range counts by how many it has. A run that diverged and has no loss counts
as infinitely bad: leaving it out would flatter its model.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from fwp.results.frames import groups
from fwp.results.statistics import CELL
from fwp.results.text_facts import TextFacts
from fwp.results.text_frames import beyond

RUN_KEYS = [*CELL, "seed"]
PARTS = ("within", "beyond")
MEASURES = (
    *(f"{measure}_{part}" for measure in ("bits", "nats", "excess") for part in PARTS),
    *("perplexity_token", "perplexity_word", "equal_time", "tokens_per_second"),
)
"""Columns of `measures`, and of its summary with `_low` and `_high`."""


def measures(
    text: pd.DataFrame,
    history: pd.DataFrame,
    runs: pd.DataFrame,
    facts: Mapping[str, TextFacts],
) -> pd.DataFrame:
    """One row per run of a text.

    Args:
        text, history, runs: the tidy tables (`fwp.results.text`).
        facts: of each text (`fwp.results.text_facts`).

    Returns:
        task, model, seed, status and the `MEASURES`. bits: per byte of text. nats: per token.
        excess: nats per token above the loss of the true source, where that is known.
        perplexity_token, perplexity_word: exp of the nats per token or word, within the context.
        equal_time: `at_equal_time`, in bits per byte. tokens_per_second: read in training, by each
        of the seeds.
    """
    keys = [*RUN_KEYS, "status"]
    rows = text.assign(
        part=np.where(
            beyond(text, {name: own.context for name, own in facts.items()}), *PARTS[::-1]
        )
    )
    rows["nats"] = rows["nats"].fillna(math.inf)
    for column in ("nats", "ideal"):
        rows[f"{column}_sum"] = rows[column] * rows["tokens"]
    sums = rows.groupby([*keys, "part"], observed=True)[
        ["nats_sum", "ideal_sum", "tokens", "bytes"]
    ].sum(min_count=1)
    shares = pd.DataFrame(
        {
            "bits": sums["nats_sum"] / math.log(2) / sums["bytes"],
            "nats": sums["nats_sum"] / sums["tokens"],
            "excess": (sums["nats_sum"] - sums["ideal_sum"]) / sums["tokens"],
        }
    )
    found = pd.DataFrame(index=sums.reset_index("part").index.unique())
    for name in (name for name in MEASURES if name.endswith(PARTS)):
        measure, part = name.rsplit("_", 1)
        own = shares[measure]
        found[name] = own[own.index.get_level_values("part") == part].reset_index("part", drop=True)
    found = found.reset_index()
    with np.errstate(over="ignore"):
        found["perplexity_token"] = np.exp(found["nats_within"])
        found["perplexity_word"] = _per_word(found, facts)
    cost = with_names_of(found, costs(history, runs))
    found = found.merge(cost[[*RUN_KEYS, "tokens_per_second"]], on=RUN_KEYS, how="left")
    reached = with_names_of(found, at_equal_time(history))
    per_byte = {
        name: 1 / math.log(2) / own.bytes_per_token("validation") for name, own in facts.items()
    }
    reached["equal_time"] *= reached["task"].astype(str).map(per_byte).astype(float)
    found = found.merge(reached[[*RUN_KEYS, "equal_time"]], on=RUN_KEYS, how="left")
    return found[[*RUN_KEYS, "status", *MEASURES]]


def with_names_of(like: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with tasks and models of the same categories as another's, to be merged with it."""
    for key in CELL:
        own = like[key]
        frame = frame[frame[key].astype(str).isin(own.cat.categories)]
        frame = frame.assign(**{key: frame[key].astype(str).astype(own.dtype)})
    return frame


def _per_word(found: pd.DataFrame, facts: Mapping[str, TextFacts]) -> pd.Series:
    """exp(nats / words): bits per byte, and how many bytes a word of the test text has."""
    words = found["task"].astype(str).map({n: own.words_per_byte for n, own in facts.items()})
    nats_per_byte = found["bits_within"] * math.log(2)
    return np.exp(nats_per_byte / words.astype(float).where(words > 0))


def costs(history: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """What each run has spent: task, model, seed, strings, seconds, and tokens_per_second.

    The last is empty for translations, whose strings differ in length.
    """
    ends = history.groupby(RUN_KEYS, observed=True)[["strings", "seconds"]].max()
    rows = runs[[*RUN_KEYS, "context"]].join(ends, on=RUN_KEYS, how="inner")
    tokens = (rows["strings"] * rows["context"]).where(rows["context"] > 0)
    return rows.assign(tokens_per_second=tokens / rows["seconds"].where(rows["seconds"] > 0))


def equal_times(history: pd.DataFrame) -> dict[str, float]:
    """Task → seconds that the fastest model took for its whole training, the mean over its seeds.

    On the machines that trained: a comparison of models that were trained on different ones, or
    beside other jobs, says little.
    """
    ends = history.groupby(RUN_KEYS, observed=True)["seconds"].max()
    means = ends.groupby(CELL, observed=True).mean()
    return {str(task): float(own.min()) for task, own in means.groupby("task", observed=True)}


def at_equal_time(history: pd.DataFrame) -> pd.DataFrame:
    """The validation loss that each run had reached after the `equal_times` of its task.

    The lowest so far, linear between two measurements. A run that ended before counts with its
    end. Before the first measurement there is none.

    Returns:
        task, model, seed, seconds, equal_time (nats per token).
    """
    times, rows = equal_times(history), []
    for (task, model, seed), own in groups(history, RUN_KEYS):
        seconds, losses = own["seconds"].to_numpy(float), own["validation"].to_numpy(float)
        losses = np.fmin.accumulate(np.where(np.isnan(losses), math.inf, losses))
        known = np.isfinite(losses)
        at = times[str(task)]
        reached = (
            np.interp(at, seconds[known], losses[known], left=math.nan) if known.any() else math.inf
        )
        rows.append((task, model, seed, at, reached))
    return pd.DataFrame(rows, columns=[*RUN_KEYS, "seconds", "equal_time"])
