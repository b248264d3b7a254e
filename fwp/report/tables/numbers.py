"""How losses, perplexities, scores and sizes are written in tables."""

import math

import pandas as pd

MISSING = "–"
LARGE = 1e6  # perplexities from here on are of models that have learnt nothing
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def mean_with_interval(row, name: str, decimals: int = 3) -> str:
    """A mean with half of its interval's width: 2.159 ± 0.013; the mean alone without one.

    Args:
        row: of a summary (`fwp.results.text_summary`), with `name`, `name_low` and `name_high`.
        name: the column.
        decimals: of both numbers.
    """
    mean, low, high = (float(getattr(row, name + end)) for end in ("", "_low", "_high"))
    text = number(mean, decimals)
    if math.isnan(low) or not math.isfinite(mean):
        return text
    return f"{text} ± {number((high - low) / 2, decimals)}"


def number(value: float, decimals: int = 3) -> str:
    """A number; – if it is missing, ∞ if it is not finite."""
    if pd.isna(value):
        return MISSING
    return f"{value:,.{decimals}f}" if math.isfinite(value) else "∞"


def perplexity(row, name: str) -> str:
    """A perplexity with its interval, the larger, the fewer decimals; or its size: 2.4·10⁸."""
    mean = float(getattr(row, name))
    if LARGE <= mean < math.inf:
        power = math.floor(math.log10(mean))
        return f"{mean / 10**power:.1f}·10{str(power).translate(RAISED)}"
    return mean_with_interval(row, name, 2 if mean < 100 else 1 if mean < 1000 else 0)


def size(value: float | None) -> str:
    """A number of parameters: 812 k, 4.21 M."""
    if value is None or pd.isna(value):
        return MISSING
    for unit, least in (("M", 1e6), ("k", 1e4)):
        if value >= least:
            digits = 2 if value < 10 * least else 1 if value < 100 * least else 0
            return (
                f"{value / (1e6 if unit == 'M' else 1e3):.{digits if unit == 'M' else 0}f} {unit}"
            )
    return f"{value:,.0f}"


def parameters(row) -> str:
    """Parameters, and by how many per cent they differ from the median of the task's models."""
    off = float(row.parameters_off)
    return size(row.parameters) + (f" ({off:+.1f} %)".replace("-", "−") if abs(off) >= 0.05 else "")


def state(row) -> str:
    """Numbers that a state holds."""
    return "grows" if pd.isna(row.state) else f"{row.state:,}" if row.state else MISSING


def speed(value: float) -> str:
    """Tokens per second, to three digits."""
    if pd.isna(value) or not math.isfinite(value):
        return MISSING
    if value >= 1e6:
        return f"{value / 1e6:.2f} M"
    digits = max(0, math.floor(math.log10(value)) - 2) if value >= 1 else 0
    return f"{round(value, -digits):,.0f}"
