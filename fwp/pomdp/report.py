"""Returns of agents as a table and a figure: trained at short horizons, tested at longer ones."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fwp.claims import means
from fwp.pomdp.published import STATEMENTS, Statement
from fwp.report import labels
from fwp.report.figures.layout import page
from fwp.report.figures.lines import curves, log_ticks
from fwp.report.figures.style import GREY, handles, looks
from fwp.report.tables.markdown import markdown_table

CONFIDENCE = 0.95


def collect(
    jobs: Iterable[Sequence[Any]], titles: Mapping[str, str], files: Iterable[str | Path]
) -> pd.DataFrame:
    """One row per run and horizon of the test.

    Args:
        jobs: environment, model and seed of each.
        titles: of environments.
        files: what each job wrote.

    Returns:
        environment, title, world, model, seed, trained (the longest horizon of the training),
        horizon, return, success (share of episodes), parameters, seconds.
    """
    rows = []
    for (environment, model, seed), file in zip(jobs, files, strict=True):
        found = json.loads(Path(file).read_text(encoding="utf-8"))
        job = {"environment": environment, "title": titles[environment]}
        job |= {"world": found["world"], "model": model, "seed": seed, "trained": found["trained"]}
        after = {key: found[key] for key in ("parameters", "seconds")}
        rows += [job | row | after for row in found["test"]]
    return pd.DataFrame(rows)


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, and Student's 95 % interval of it; NaN for the limits of fewer than two values."""
    one = means.sample(np.asarray(values, float))
    return one.mean, *means.of_mean(one, CONFIDENCE)


def markdown(table: pd.DataFrame) -> str:
    """A table per environment, models by rows and horizons by columns, then what was stated."""
    parts = [
        "# Worlds that show only a part of their state\n\nMean return of an episode over seeds, "
        "without exploration, with Student's 95 % interval of the mean. Columns are horizons: "
        "steps of an episode. Agents were trained at horizons up to the one that is named.\n"
    ]
    for environment in table["environment"].unique():
        found = table[table["environment"] == environment]
        horizons = sorted(found["horizon"].unique())
        rows = []
        for model in found["model"].unique():
            own = found[found["model"] == model]
            returns = [own[own["horizon"] == horizon]["return"] for horizon in horizons]
            cells = [_number(*mean_interval(own.tolist())) for own in returns]
            rows.append([labels.model(model), *cells])
        trained = found["trained"].iloc[0]
        parts.append(f"## {found['title'].iloc[0]}\n\nTrained at horizons up to {trained}.\n")
        parts.append(markdown_table(["Model", *map(str, horizons)], rows) + "\n")
    parts += [text for statement in STATEMENTS if (text := _judged(table, statement))]
    return "\n".join(parts)


def figure(table: pd.DataFrame) -> Figure:
    """Return against the horizon, a panel per environment; a line where the training ended.

    Thick lines are means over seeds, thin lines are the seeds.
    """
    shown = list(dict.fromkeys(table["environment"]))
    style = looks(dict.fromkeys(table["model"]))
    columns = min(len(shown), 3)
    x, y, key = "Horizon (steps)", "Return", handles(style)
    with page(len(shown), columns, (2.4, 1.7), x=x, y=y, legend=key) as (drawn, axes):
        for axis, environment in zip(axes, shown, strict=True):
            runs = table[table["environment"] == environment]
            curves(axis, runs, "horizon", "return", style, middle="mean")
            axis.axvline(runs["trained"].iloc[0], color=GREY, linewidth=0.8, linestyle=(0, (2, 2)))
            axis.set(title=runs["title"].iloc[0])
            log_ticks(axis, float(runs["horizon"].min()), float(runs["horizon"].max()))
    return drawn


def _judged(table: pd.DataFrame, statement: Statement) -> str:
    """A section on a statement: a row per language; empty without its models or languages."""
    rows = []
    beyond = table[(table["world"] == "language") & (table["horizon"] > table["trained"])]
    for _, own in beyond.groupby("environment", sort=False):
        returns = own.pivot_table(index="seed", columns="model", values="return")
        if not {statement.better, statement.worse} <= {*returns.columns}:
            continue
        mean, low, high = _difference(returns[statement.better], returns[statement.worse])
        verdict = "supported" if low > 0 else "contradicted" if high < 0 else "undetermined"
        rows.append([own["title"].iloc[0], _number(mean, low, high), verdict])
    if not rows:
        return ""
    pair = f"{labels.model(statement.better)} − {labels.model(statement.worse)}"
    return (
        f"## {pair}\n\n> {statement.quote}\n>\n> Lu et al. (2024), abstract\n\nThe abstract "
        "names no threshold; this reading of it is ours. Difference of the mean returns over "
        "the horizons beyond the training, with Welch's 95 % interval. The statement is supported "
        "if the interval is above 0, contradicted if it is below, and undetermined otherwise.\n\n"
        f"{markdown_table(['Language', pair, 'Verdict'], rows)}\n"
    )


def _number(mean: float, low: float, high: float) -> str:
    interval = "" if np.isnan(low) else f" [{low:.2f}, {high:.2f}]"
    return f"{mean:.2f}{interval}".replace("-", "−")


def _difference(better: pd.Series, worse: pd.Series) -> tuple[float, float, float]:
    """Difference of two means, and Welch's 95 % interval of it; NaN for fewer than two seeds."""
    one, other = (means.sample(own.dropna().to_numpy(float)) for own in (better, worse))
    return one.mean - other.mean, *means.of_difference(one, other, CONFIDENCE)
