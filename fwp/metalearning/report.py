"""What models know of A and B, as tables, and what that says of the paper's findings."""

import json
import math
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fwp.claims import means
from fwp.metalearning.job import MetalearningJob
from fwp.report import labels
from fwp.report.tables.markdown import markdown_table

SCORES = ("a_after_a", "b_after_b", "a_after_b", "a_again")
TITLES = {
    "clusters": "Clusters: few-shot classification",
    "linear": "Linear functions: regression",
    "sinusoids": "Sinusoids: regression",
    "images": "Images: few-shot classification",
}
OBJECTIVES = {"plain": "plain", "acl": "ACL"}
CONFIDENCE = 0.95

INTRODUCTION = """\
# Metalearning and continual learning

A model reads examples of task A, then of task B, then of A again. The score of a classification is
the accuracy in per cent. That of a regression is 1 − Σ(ŷ − y)² / Σy² in per cent: 0 is what
predicting 0 has, and below 0 is worse. *Forgotten* is A after A, less A after B. The objective
*plain* trains A after A and B after B. *ACL* (Irie et al. 2025) trains A after B, too. Each number
is the mean over seeds ± half of Student's 95 % interval.
"""


def collect(
    jobs: Iterable[MetalearningJob], files: Iterable[str | Path]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Runs and courses.

    Returns:
        A row per run: family, model, objective, seed, scores, status, steps, seconds, before (the
        score of A before any example), forgotten.
        A row per run and measurement: family, model, objective, seed, part, examples, a, b.
    """
    runs, course = [], []
    for job, file in zip(jobs, files, strict=True):
        found = json.loads(Path(file).read_text(encoding="utf-8"))
        names = ("family", "model", "objective", "seed")
        run = dict(zip(names, job, strict=True))
        facts = {key: found[key] for key in (*SCORES, "status", "steps", "seconds")}
        facts["before"] = found["course"][0]["a"]
        runs.append(run | facts | {"forgotten": found["a_after_a"] - found["a_after_b"]})
        course += [run | row for row in found["course"]]
    return pd.DataFrame(runs), pd.DataFrame(course)


def markdown(runs: pd.DataFrame) -> str:
    """A table per family, and what it says of two findings."""
    parts = [INTRODUCTION]
    for family in runs["family"].unique():
        found = runs[runs["family"] == family]
        parts += [f"## {TITLES[family]}\n", _table(found) + "\n", *_notes(found)]
        parts.append(findings(found))
    return "\n".join(parts)


def _table(runs: pd.DataFrame) -> str:
    header = ["Model", "objective", "A after A", "B after B", "A after B", "forgotten", "A again"]
    rows = []
    for model in runs["model"].unique():
        for objective in runs["objective"].unique():
            own = runs[(runs["model"] == model) & (runs["objective"] == objective)]
            columns = ("a_after_a", "b_after_b", "a_after_b", "forgotten", "a_again")
            rows.append(
                [labels.model(model), OBJECTIVES[objective], *(_mean(own[c]) for c in columns)]
            )
    return markdown_table(header, rows, left=2)


def _mean(values: pd.Series) -> str:
    low, high = _interval(values)
    around = "" if math.isnan(low) else f" ± {50 * (high - low):.1f}"
    return f"{100 * values.mean():.1f}{around}"


def _notes(runs: pd.DataFrame) -> list[str]:
    seeds, lost = runs["seed"].nunique(), int((runs["status"] == "diverged").sum())
    notes = [f"{seeds} seed{'s' * (seeds > 1)}, {runs['steps'].max()} steps."]
    notes += [f"Runs that diverged count as 0: {lost}."] if lost else []
    return [" ".join(notes) + "\n"]


def findings(runs: pd.DataFrame) -> str:
    """Verdicts on what Irie et al. (2025) find, for each model of a family of tasks."""
    rows = []
    for model in runs["model"].unique():
        own = by_objective(runs[runs["model"] == model])
        rows.append([labels.model(model), forgets(own), remembers(own)])
    table = markdown_table(["Model", "forgets without ACL", "ACL remembers more"], rows, left=3)
    return (
        "Irie et al. find that in-context learners forget A when they learn B, and that ACL "
        f"prevents it.\nHere, at {100 * CONFIDENCE:.0f} % confidence:\n\n{table}\n"
    )


def by_objective(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The runs with each objective."""
    return {str(name): own for name, own in runs.groupby("objective")}


def forgets(own: dict[str, pd.DataFrame]) -> str:
    """Whether a model forgets A without ACL, given its runs by objective."""
    if "plain" not in own:
        return "not trained"
    if not _learns(own["plain"]):
        return "learns nothing"
    return _verdict(own["plain"]["forgotten"])


def remembers(own: dict[str, pd.DataFrame]) -> str:
    """Whether A after B is better with ACL; seeds are pairs, which see the same episodes."""
    if len(own) < len(OBJECTIVES):
        return "not trained"
    if not any(map(_learns, own.values())):
        return "learns nothing"
    acl, plain = (own[name].set_index("seed")["a_after_b"] for name in ("acl", "plain"))
    return _verdict((acl - plain).dropna())


def _learns(runs: pd.DataFrame) -> bool:
    low, _ = _interval(runs["a_after_a"] - runs["before"])
    return not low <= 0  # nobody knows of a single seed


def _verdict(differences: pd.Series) -> str:
    """On a mean's being above 0, by its interval."""
    low, high = _interval(differences)
    if low > 0:
        return "yes"
    return "no" if high < 0 else "undetermined"


def _interval(values: pd.Series) -> tuple[float, float]:
    return means.of_mean(means.sample(values.to_numpy(float)), CONFIDENCE)
