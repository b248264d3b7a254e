"""What figures of losses share: their axis, and the source's own loss."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from fwp.report.figures.style import GREY
from fwp.results.text_facts import TextFacts

SOURCE: dict[str, Any] = {"color": "black", "linestyle": (0, (3, 2)), "linewidth": 0.8}
"""The line of the true source."""


def source_key() -> Line2D:
    """The source's entry in a legend."""
    return Line2D([], [], label="the true source", **SOURCE)


def bits_label(facts: Mapping[str, TextFacts]) -> str:
    """What an axis of losses says: bits per byte, or per symbol of sources."""
    kinds = {"symbol" if own.unit == "symbols" else "byte" for own in facts.values()}
    return f"Bits per {' or '.join(sorted(kinds)) or 'byte'}"


def bits(nats: pd.Series, tokens: pd.Series | float, size: pd.Series | float) -> pd.Series:
    """Bits per byte of so many nats per token, `size` being the bytes of `tokens` tokens."""
    return nats / math.log(2) * tokens / size


def loss_axis(axis: Axes, low: float, high: float) -> None:
    """An axis from `low` to `high`; what is above leaves the panel at its top."""
    pad = 0.06 * (high - low) or 0.05 * abs(high) or 0.1
    axis.set_ylim(low - pad, high + pad)
    for line in axis.lines:
        top = np.nanmax(np.asarray(line.get_ydata(), float), initial=-math.inf)
        line.set_clip_on(bool(top > high + pad))
    axis.yaxis.set_tick_params(color=GREY)


def finite(values: pd.Series) -> pd.Series:
    """Values that can be drawn."""
    return values[np.isfinite(values.astype(float))]
