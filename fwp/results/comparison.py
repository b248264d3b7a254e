"""How far the measurements of two experiments are apart, and whether seeds explain it."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from fwp.results import permutation
from fwp.results.frames import groups

KEYS = ["task", "model", "measure", "bin"]
EQUAL, DIFFERS = "equal", "differs"
VERDICTS = (DIFFERS, "no difference shown", "too few seeds", EQUAL)
FEWEST_PAIRS = 8
"""Pairs of seeds from which on they are exchanged within pairs: fewer reach no small p-value."""

METHOD = (
    "Exact permutation test on the means of the seeds, two-sided, for each cell that is not equal. "
    f"With the same data and {FEWEST_PAIRS} shared seeds or more, values are exchanged within "
    "pairs of equal seeds, else among all seeds. Where a loss is infinite, ranks stand for values. "
    "p-values are corrected for the number of cells by Benjamini and Hochberg (1995)."
)


def measurements(
    accuracy: pd.DataFrame,
    text: pd.DataFrame | None = None,
    translation: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Tables of strings, texts and translations as one: `KEYS`, seed and value.

    Measures are sequence accuracy, nats per token, and BLEU by decoding. A diverged run has an
    accuracy and a BLEU of 0, and an infinite loss.
    """
    strings = accuracy[accuracy["length"].isna()]
    strings = strings.assign(value=strings["sequence_accuracy"].fillna(0.0))
    parts = [strings.assign(measure="sequence accuracy")]
    if text is not None:
        ranges = text["first"].astype(str) + "-" + text["last"].astype(str)
        parts.append(
            text.assign(measure="nats per token", bin=ranges, value=text["nats"].fillna(np.inf))
        )
    if translation is not None:
        names = "BLEU, " + translation["decoding"].astype(str)
        parts.append(translation.assign(measure=names, value=translation["bleu"].fillna(0.0)))
    plain = [
        part[[*KEYS, "seed", "value"]].astype(dict.fromkeys(KEYS, str))
        for part in parts
        if len(part)
    ]
    if not plain:
        return pd.DataFrame(columns=[*KEYS, "seed", "value"])
    return pd.concat(plain, ignore_index=True)


def compare(
    a: pd.DataFrame,
    b: pd.DataFrame,
    same_data: Iterable[tuple[str, str]] = (),
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Every cell and bin that both have.

    Args:
        a, b: as `measurements` returns them.
        same_data: (task, model) whose training and test data are the same in both.

    Returns:
        `KEYS`; a, b: means over seeds, missing if a loss is infinite; difference: b − a; a_seeds,
        b_seeds: how many; shared: how many seeds both have, and same: how many of these have equal
        values; test: paired, unpaired or none; p, p_corrected; verdict: one of `VERDICTS`. Where
        the shared seeds have equal values, or all seeds have one value, the verdict is equal. Where
        no outcome of so few seeds could have been significant, it is too few seeds.
    """
    data = set(same_data)
    first, second = (_values(frame) for frame in (a, b))
    keys = [key for key in first if key in second]
    rows = [_row(key, first[key], second[key], paired=(key[0], key[1]) in data) for key in keys]
    found = pd.DataFrame(rows, columns=[*KEYS, *_COLUMNS])
    for seeds, own in groups(found, "seeds", sort=False):
        _test(found, own.index, seeds, [(first[keys[i]], second[keys[i]]) for i in own.index])
    unequal = found["test"] != "none"
    found.loc[unequal, "p_corrected"] = permutation.false_discoveries(
        found.loc[unequal, "p"].to_numpy()
    )
    found["verdict"] = [_verdict(row, 1 - confidence) for row in found.itertuples()]
    return found.drop(columns=["seeds", "pairs"])


_COLUMNS = (
    *("a", "b", "difference", "a_seeds", "b_seeds", "shared", "same", "seeds", "pairs"),
    *("test", "p", "p_corrected"),
)


Values = dict[int, float]
"""By seed."""


def _values(frame: pd.DataFrame) -> dict[tuple[str, ...], Values]:
    """Values of every cell and bin."""
    found: dict[tuple[str, ...], Values] = {}
    keys = zip(*(frame[key].astype(str) for key in KEYS), strict=True)
    for key, seed, value in zip(keys, frame["seed"], frame["value"], strict=True):
        found.setdefault(key, {})[int(seed)] = float(value)
    return found


def _row(key: tuple[str, ...], a: Values, b: Values, *, paired: bool) -> dict:
    shared = tuple(sorted(a.keys() & b.keys()))
    same = sum(a[seed] == b[seed] for seed in shared)
    constant = len({*a.values()} | {*b.values()}) == 1
    equal = constant or (len(shared) > 0 and same == len(shared))
    pairs = paired and len(shared) >= FEWEST_PAIRS
    seeds = shared if pairs else (tuple(sorted(a)), tuple(sorted(b)))
    means = (float(np.mean([*own.values()])) for own in (a, b))
    first, second = (mean if np.isfinite(mean) else np.nan for mean in means)
    return dict(zip(KEYS, key, strict=True)) | {
        "a": first,
        "b": second,
        "difference": second - first,
        "a_seeds": len(a),
        "b_seeds": len(b),
        "shared": len(shared),
        "same": same,
        "seeds": () if equal else seeds,
        "pairs": pairs,
        "test": "none" if equal else "paired" if pairs else "unpaired",
        "p": 1.0,
        "p_corrected": 1.0,
    }


def _test(found: pd.DataFrame, rows: pd.Index, seeds: tuple, values: list) -> None:
    """Fill in p of rows whose seeds are the same; `values` of each in A and in B."""
    if not seeds:
        return
    pairs = bool(found["pairs"][rows[0]])
    wanted = (seeds, seeds) if pairs else seeds
    a, b = (
        np.array([[pair[i][seed] for pair in values] for seed in own])
        for i, own in enumerate(wanted)
    )
    endless = ~np.isfinite(np.concatenate([a, b])).all(0)
    if endless.any():  # such a mean says nothing
        a[:, endless], b[:, endless] = _ranks(a[:, endless], b[:, endless])
    test = permutation.paired if pairs else permutation.unpaired
    found.loc[rows, "p"] = test(a, b)


def _ranks(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranks of values [seeds, quantities] among all those of a quantity."""
    from scipy.stats import rankdata

    found = rankdata(np.concatenate([a, b]), axis=0)
    return found[: len(a)], found[len(a) :]


def _verdict(row, level: float) -> str:
    if row.test == "none":
        return EQUAL
    if row.p_corrected <= level:
        return DIFFERS
    sizes = (row.shared, row.shared) if row.pairs else (row.a_seeds, row.b_seeds)
    few = permutation.lowest(*sizes, pairs=row.pairs) > level
    return "too few seeds" if few else "no difference shown"
