"""Where models fail and what foretells it, which automata they have, how far their matrix moves."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fwp.report import labels
from fwp.report.tables.markdown import markdown_table
from fwp.results.frames import groups
from fwp.results.horizon import MEASURES, agreement, learnt
from fwp.utils.files import write_text

NOTE = (
    "States along the longest test strings are grouped by the state of the language's minimal "
    "automaton. Spread: root mean square distance from the mean of the group. Separation: the "
    "least distance of two means. q: spread over separation at a position. Drift: the same, from "
    "the means of the training lengths. The index u: only in the directions in which those means "
    "differ. Decay: how often the separation has halved since the training lengths. Lost: the "
    "share of the readout's margin that is gone for a tenth of the symbols. The margin is the "
    "logit of the right class minus the next one; the whole is its median in the training lengths. "
    "Medians over seeds are given at their end, and (→) where a seed fails. If none "
    "fails, the second number is at the end of the strings. Fails: the first position up to which "
    "fewer than 90 % of the strings have no error. Predicted: where a line through the second half "
    "of the training lengths reaches a threshold. Crossing: where the measure is seen to reach it. "
    "The threshold is 1/2, and 1 for decay and lost (half), or the median of the measure where the "
    "other seeds of the cell fail (others). Affine: the next state is A s + b, with A and b from "
    "the input alone. Only seeds that do not fail within the training lengths are shown. Cells: "
    "models × tasks; the correlation of their medians asks which model fails first, not which "
    "seed. Guess within: so many are within a factor of 2 of the median failure of the cell's "
    "other seeds, for which no state is looked at."
)


def failures(found: pd.DataFrame) -> str:
    """A table with a row per task × model: how many seeds learn, fail, and where."""
    rows = []
    one = found[(found["measure"] == "drift_u") & (found["rule"] == "half")]
    for (task, model), own in groups(one, ["task", "model"], sort=False):
        kept = learnt(own)
        fail = kept["measured"].dropna()
        affine = "yes" if own["affine"].iloc[0] else "no"
        cells = [labels.model(model), labels.task(task), affine, str(len(own)), str(len(kept))]
        cells += [str(len(fail)), _middle(fail)]
        for measure in MEASURES:
            part = learnt(found[(found["measure"] == measure) & (found["rule"] == "half")])
            part = part[(part["task"] == task) & (part["model"] == model)]
            end = part["at_failure"].median() if len(fail) else part["at_end"].median()
            cells.append(f"{_number(part['at_training'].median())} → {_number(end)}")
        rows.append(cells)
    header = ["Model", "Task", "Affine", "Seeds", "Learn", "Fail", "Fails at"]
    return markdown_table([*header, *MEASURES], rows, left=2)


def foretold(found: pd.DataFrame) -> str:
    """A table of `agreement`."""
    rows = [
        [
            "affine" if row["affine"] else "not affine",
            *(row[key] for key in ("measure", "rule", "foretold")),
            *(str(row[key]) for key in ("seeds", "fail", "both", "within", "guess", "neither")),
            *(_number(row[key]) for key in ("spearman", "pearson")),
            *(str(row["cells"]), _number(row["across"])),
        ]
        for row in agreement(found).to_dict("records")
    ]
    header = ["Recurrence", "Measure", "Threshold", "Foretold by", "Seeds", "Fail", "Foretold"]
    header += ["Within a factor of 2", "Guess within", "Neither", "Spearman", "Pearson (log)"]
    header += ["Cells", "Spearman of their medians"]
    return markdown_table(header, rows, left=4)


def same_automata(automata: pd.DataFrame) -> pd.DataFrame:
    """One row per model × task, and "all" tasks: seeds, solved, same, share.

    Args:
        automata: as `fwp.report.tables.automata.summary` makes it.

    Returns:
        solved: seeds that solved their task; same: those of them whose automaton is the minimal
        one of the language; share: same / solved, NaN without any.
    """
    rows = []
    for model, own in groups(automata, "model", sort=False):
        parts = [(task, part) for task, part in groups(own, "task", sort=False)]
        for task, part in [*parts, ("all", own)]:
            solved = part[part["status"] == "solved"]
            same = int(solved["same"].fillna(False).astype(bool).sum())
            share = same / len(solved) if len(solved) else float("nan")
            row = {"model": model, "task": task, "seeds": len(part), "solved": len(solved)}
            rows.append(row | {"same": same, "share": share})
    return pd.DataFrame(rows, columns=["model", "task", "seeds", "solved", "same", "share"])


def moves(records: Iterable[dict]) -> pd.DataFrame:
    """One row per task × model × seed × weights × layer × position × part × head: moved.

    Args:
        records: what `fwp.analysis.control.control_cell` writes; weights are trained or initial.
    """
    return _listed(records, "moved", ["layer", "position", "part", "head", "moved"])


def clusters(records: Iterable[dict]) -> pd.DataFrame:
    """One row per task × model × seed × weights × layer × part, with the states of the language."""
    columns = ["layer", "part", "clusters", "silhouette", "visited", "own"]
    return _listed(records, "clusters", columns)


def _listed(records: Iterable[dict], what: str, columns: list[str]) -> pd.DataFrame:
    rows = [
        {key: record[key] for key in ("task", "model", "states")}
        | {"seed": seed["seed"], "status": seed["status"], "weights": weights}
        | row
        for record in records
        for seed in record["seeds"]
        for weights, key in (("trained", what), ("initial", f"{what}_untrained"))
        for row in seed.get(key, [])
    ]
    names = ["task", "model", "states", "seed", "status", "weights", *columns]
    return pd.DataFrame(rows, columns=names)


def write_chapter(
    found: pd.DataFrame,
    shares: pd.DataFrame,
    moved: pd.DataFrame,
    clustered: pd.DataFrame,
    *,
    markdown: str | Path,
) -> None:
    """Write the chapter: failures, what foretells them, automata, and the matrix that moves."""
    parts = ["# Why models fail", NOTE, "## Where models fail", failures(found)]
    parts += ["## What foretells it", foretold(found), "## Automata of solved cells"]
    rows = [
        [
            labels.model(row["model"]),
            "all" if row["task"] == "all" else labels.task(row["task"]),
            *(str(row[key]) for key in ("seeds", "solved", "same")),
            labels.percent(row["share"]) if row["solved"] else "–",
        ]
        for row in shares.to_dict("records")
    ]
    header = ["Model", "Task", "Seeds", "Solved", "Minimal automaton", "Share (%)"]
    parts.append(markdown_table(header, rows, left=2))
    if len(moved):
        parts += ["## How far the matrix moves", MOVES, _moves(moved)]
        parts += ["## How many places it visits", PLACES, _places(clustered)]
    write_text(markdown, "\n\n".join(parts) + "\n")


MOVES = (
    "The norm of the change since the first symbol, over the norm at the start, at the last "
    "position: median over seeds and heads. Of the trained weights, and of the initial ones."
)
PLACES = (
    "Clusters of the matrix at positions within the training lengths, by k-means with the best "
    "silhouette, and 1 where that is at most 0.25. Rules: all parts but the first, which alone "
    "decide the next change. Own: share of positions whose matrix is nearest to the mean of its "
    "own automaton state. Medians over seeds."
)


def _moves(moved: pd.DataFrame) -> str:
    last = moved[moved["position"] == moved.groupby("task")["position"].transform("max")]
    rows = []
    for (task, model, status, layer, part), own in groups(
        last, ["task", "model", "status", "layer", "part"], sort=False
    ):
        by = own.groupby("weights")["moved"]
        middle = by.median()
        rows.append(
            [labels.model(model), labels.task(task), status, str(layer + 1), str(part + 1)]
            + [str(own["seed"].nunique())]
            + [_number(middle.get(key, float("nan"))) for key in ("trained", "initial")]
        )
    header = ["Model", "Task", "Training", "Layer", "Part", "Seeds", "Trained", "Initial"]
    return markdown_table(header, rows, left=3)


def _places(clustered: pd.DataFrame) -> str:
    rows = []
    keys = ["task", "model", "status", "weights", "layer", "part"]
    for (task, model, status, weights, layer, part), own in groups(clustered, keys, sort=False):
        rows.append(
            [
                *(labels.model(model), labels.task(task), status, weights, str(layer + 1)),
                str(int(part) + 1) if part.isdigit() else part,
                *(str(len(own)), str(own["states"].iloc[0]), f"{own['clusters'].median():g}"),
                f"{own['clusters'].min()}–{own['clusters'].max()}",
                labels.percent(own["own"].median()),
            ]
        )
    header = ["Model", "Task", "Training", "Weights", "Layer", "Part", "Seeds", "States"]
    return markdown_table([*header, "Clusters", "Range", "Own (%)"], rows, left=4)


def _middle(values: pd.Series) -> str:
    if values.empty:
        return "–"
    return f"{values.median():.0f} ({values.min()}–{values.max()})"


def _number(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}"
