"""The columns of the tidy tables of texts and translations (`fwp.results.frames`)."""

import numpy as np
import pandas as pd

from fwp.results.frames import MEASURED, RUN, RUNS, Refuse, Schema
from fwp.results.text_kinds import ALL
from fwp.utils.bins import Bin


def _check_losses(frame: pd.DataFrame, refuse: Refuse) -> None:
    alive = frame["status"] != "diverged"
    refuse(alive & frame["nats"].isna(), "only a diverged run may have no loss", "nats")
    refuse(frame["nats"] < 0, "a loss is not negative", "nats")


def _check_text(frame: pd.DataFrame, refuse: Refuse) -> None:
    _check_losses(frame, refuse)
    refuse(frame["first"] < 1, "positions begin with 1", "first")
    refuse(frame["last"] < frame["first"], "a range does not end before it begins", "last")
    refuse(frame["tokens"] < 1, "a range holds tokens", "tokens")


def _check_translation(frame: pd.DataFrame, refuse: Refuse) -> None:
    _check_losses(frame, refuse)
    for bin in frame["bin"].unique():
        if bin != ALL:
            Bin.parse(bin)
    for column in ("bleu", "chrf"):
        score = frame[column]
        refuse((score < 0) | (score > 100.0001), f"{column} lies between 0 and 100", column)


TEXT = Schema(
    RUN
    | {
        "status": "category",
        "first": "int64",  # positions of a range, counted from 1, both included
        "last": "int64",
        "tokens": "int64",
        "bytes": "int64",
        "nats": "float64",  # mean per token
        "accuracy": "float64",  # share of tokens that the model holds most probable
        "ideal": "float64",  # mean nats per token of the true source; empty if it is not known
    },
    ("accuracy",),
    check=_check_text,
)
TRANSLATION = Schema(
    RUN
    | {
        "status": "category",
        "decoding": "category",
        "bin": "category",  # lengths of the source in tokens, or `ALL`
        "sentences": "int64",
        "tokens": "int64",
        "nats": "float64",  # mean per token of the target
        "bleu": "float64",
        "chrf": "float64",
    },
    check=_check_translation,
)
TEXT_HISTORY = Schema(
    MEASURED | {"validation": "float64", "selection": "float64"},  # nats per token, and exp(-nats)
    ("selection",),
)
TEXT_RUNS = Schema(
    RUNS
    | {
        "state": "Int64",  # numbers that a state holds: empty if it grows, 0 if it is not known
        "context": "int64",  # tokens of a training window; 0 for translations
    },
    ("selection",),
)


def beyond(text: pd.DataFrame, contexts: dict[str, int]) -> pd.Series:
    """Which rows of a table `TEXT` are of positions beyond the training context."""
    return text["first"].to_numpy() > text["task"].astype(str).map(contexts).to_numpy(np.int64)
