"""What results say about claims: a table with verdicts, and the evidence for each."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from fwp.claims.judge import Evidence, Judgement
from fwp.report.html import render
from fwp.report.tables import evidence
from fwp.report.tables.evidence import cell, claimed, found, reasons
from fwp.report.tables.markdown import escape_markdown, markdown_table
from fwp.utils.files import write_frame, write_text

NOTE = (
    "A claim is judged on test strings, by the 95 % interval of its statistic over seeds (unless "
    "its file gives another level). Supported: the whole interval is on the claimed side of the "
    "threshold. Contradicted: for at least one cell (model × task × lengths) of the claim, the "
    "interval is on the other side. Undetermined: the interval includes the threshold; more seeds "
    "may settle it. A contradicted claim is a finding, not an error: budgets, sizes and data may "
    "differ from those of the source. Each interval is for one cell, and for a number of seeds "
    "that was fixed beforehand. It does not hold if seeds are added until a verdict fits, unless "
    "the verdict says so."
)
MEANS_NOTE = (
    "Losses on texts and scores of translations are judged by their means over seeds: a threshold "
    "by Student's interval of the mean, another model by Welch's interval of the difference of the "
    "two means. A single seed has no interval. A run that diverged and has no loss counts as a "
    "uniform guess of bytes, 8 bits per byte; its BLEU and chrF are 0."
)
ONE_SETTING = (
    "Each model was run with one setting, not searched: with another setting, a verdict may differ."
)
SEARCHED = (
    "Settings were chosen by a search on validation strings; verdicts are of the chosen ones with "
    "fresh seeds on test strings. The settings that reach a threshold are counted on validation "
    "strings of the same lengths: those whose mean over seeds does or, for a best seed, any seed."
)
FORMULA = ("=", "+", "-", "@")  # a spreadsheet would compute what begins so
COLUMNS = (
    "claim", "verdict", "task", "model", "bin", "cell_verdict", "statistic", "claimed",
    "threshold", "seeds", "reached", "value", "low", "high",
    "other", "other_seeds", "other_reached", "p", "more_seeds", "anytime",
    "settings", "settings_reached", "settings_seeds", "settings_pruned", "cells", "source",
    "other_value", "difference", "diverged", "other_diverged",
)  # fmt: skip


def note(judgements: Iterable[Judgement]) -> str:
    """How claims are judged, and whether settings were searched."""
    items = [item for judged in judgements for item in judged.evidence]
    searched = any(item.settings for item in items)
    means = f" {MEANS_NOTE}" if any(item.of_means for item in items) else ""
    return f"{NOTE}{means} {SEARCHED if searched else ONE_SETTING}"


def write_claims(
    judgements: Sequence[Judgement],
    runs: pd.DataFrame,
    *,
    csv: str | Path | None = None,
    markdown: str | Path | None = None,
    html: str | Path | None = None,
) -> None:
    """Write verdicts and evidence in the formats for which a path is given.

    Args:
        judgements: of `fwp.claims.judge`.
        runs: the table of runs; it names the folders of the cells.
    """
    if csv:
        write_frame(csv, table(judgements, runs))
    if markdown:
        write_text(markdown, _markdown(judgements))
    if html:
        values = {
            "note": note(judgements),
            "judgements": judgements,
            "words": evidence,
            "link": None,
        }
        write_text(html, render("claims.html.j2", **values))


def table(judgements: Iterable[Judgement], runs: pd.DataFrame) -> pd.DataFrame:
    """One row per claim × cell; a claim that was not tested has one row without a cell."""
    folders = runs.groupby(["task", "model"], observed=True)["cell"].unique().map(" ".join)
    rows = []
    for judged in judgements:
        source = judged.claim.source
        if source.startswith(FORMULA):
            source = f"'{source}"
        facts = {"claim": judged.claim.name, "verdict": judged.verdict}
        for item in judged.evidence or [None]:
            rows.append(facts | _row(item, folders) | {"source": source})
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(item: Evidence | None, folders: pd.Series) -> dict:
    if item is None:
        return {}
    names = ("task", "model", "bin", "threshold", "seeds", "reached", "value", "low", "high", "p")
    searched = ("settings", "settings_reached", "settings_seeds", "settings_pruned")
    names += ("other", "anytime", *(searched if item.settings else ()))
    if item.of_means:
        names += ("other_value", "difference", "diverged")
    return {name: getattr(item, name) for name in names} | {
        "reached": "" if item.of_means else item.reached,
        "other_diverged": item.other_diverged if item.of_means and item.other else "",
        "cell_verdict": item.verdict,
        "statistic": item.criterion.statistic,
        "claimed": claimed(item),
        "other_seeds": item.other_seeds if item.other else "",
        "other_reached": item.other_reached if item.other and not item.of_means else "",
        "more_seeds": "" if item.more is None else item.more,
        "cells": folders[item.task, item.model],
    }


def _markdown(judgements: Sequence[Judgement]) -> str:
    parts = ["# Claims", note(judgements)]
    rows = [
        [judged.claim.text, f"**{judged.verdict}**", ". ".join(reasons(judged))]
        for judged in judgements
    ]
    parts.append(markdown_table(["Claim", "Verdict", "Evidence"], rows, left=3))
    for judged in judgements:
        parts.append(f"## {judged.claim.name}: {judged.verdict}")
        parts.append(escape_markdown(judged.claim.text))
        if judged.claim.source:
            parts.append(f"Source: {escape_markdown(judged.claim.source)}")
        if judged.evidence:
            rows = [
                [cell(item), claimed(item), found(item), item.verdict] for item in judged.evidence
            ]
            parts.append(markdown_table(["Cell", "Claimed", "Found", "Verdict"], rows, left=4))
    return "\n\n".join(parts) + "\n"
