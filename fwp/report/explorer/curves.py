"""Curves of the seeds of a cell, thinned to what a chart can show.

A curve is a dict that becomes JSON: {"seed", "x", "y"}, and "kept", the x of the weights that were
kept, where x counts epochs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fwp.report.explorer.kinds import rounded
from fwp.results.frames import groups
from fwp.results.statistics import CELL

POINTS = 100
"""Of a curve; a history with more measurements is thinned."""

Curves = dict[tuple[str, str], list[dict[str, Any]]]
"""(task, model) → a curve per seed."""


def thinned(count: int, keep: Sequence[int] = ()) -> np.ndarray:
    """Places of at most `POINTS` of `count` measurements, evenly spaced, and those to keep."""
    if count <= POINTS:
        return np.arange(count)
    even = np.linspace(0, count - 1, POINTS).round().astype(int)
    return np.union1d(even, np.asarray(keep, dtype=int))


def curves(
    frame: pd.DataFrame, x: str, y: str, *, kept: Mapping[tuple, int] | None = None, digits: int = 4
) -> Curves:
    """A curve per run.

    Args:
        frame: has task, model, seed and the columns `x` and `y`; a point without y is left out.
        kept: (task, model, seed) → the x of the weights that were kept.
        digits: after the decimal point.
    """
    found: Curves = {}
    frame = frame[np.isfinite(frame[y].astype(float))].sort_values(x, kind="stable")
    for (task, model), cell in groups(frame, CELL):
        for seed, own in groups(cell, "seed"):
            xs, ys = own[x].to_numpy(float), own[y].to_numpy(float)
            mark = (kept or {}).get((task, model, seed))
            at = thinned(len(xs), np.flatnonzero(xs == mark).tolist())
            curve = {
                "seed": int(seed),
                "x": [_plain(value) for value in xs[at]],
                "y": [rounded(value, digits) for value in ys[at]],
            }
            found.setdefault((task, model), []).append(curve | ({"kept": mark} if mark else {}))
    return found


def _plain(value: float) -> float | int:
    return int(value) if value == int(value) else round(float(value), 2)
