"""What results say about claims: a table with verdicts, and the evidence for each."""

import html
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd

from fwp.claims.judge import CONTRADICTED, SUPPORTED, UNDETERMINED, Evidence, Judgement
from fwp.report import labels
from fwp.report.tables.grid import escape_markdown, html_table, markdown_table, page
from fwp.utils.files import write_frame, write_text

NOTE = (
    "A claim is judged by the 95 % interval of its statistic over seeds (another, if its file says "
    "so), on test strings. Supported: the whole interval is on the claimed side. Contradicted: it "
    "is on the other side, for at least one of the cells (model × task × lengths) that the claim "
    "is about. Undetermined: it is on both; then more seeds would tell. A contradicted claim is a "
    "finding, not an error: budgets, sizes and data may differ from those of the source."
)
SHOWN = 3  # cells that a verdict's short reasons name


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
        write_text(html, page("Claims", f"<p>{NOTE}</p>", fragment(judgements)))


def table(judgements: Iterable[Judgement], runs: pd.DataFrame) -> pd.DataFrame:
    """One row per claim × cell; a claim that was not tested has one row without a cell."""
    folders = runs.groupby(["task", "model"], observed=True)["cell"].unique().map(" ".join)
    rows = []
    for judged in judgements:
        facts = {"claim": judged.claim.name, "verdict": judged.verdict}
        for item in judged.evidence or [None]:
            rows.append(facts | _row(item, folders) | {"source": judged.claim.source})
    return pd.DataFrame(rows, columns=COLUMNS)


COLUMNS = (
    *("claim", "verdict", "task", "model", "bin", "cell_verdict", "statistic", "claimed"),
    *("threshold", "seeds", "reached", "value", "low", "high"),
    *("other", "other_seeds", "other_reached", "p", "more_seeds", "cells", "source"),
)


def _row(item: Evidence | None, folders: pd.Series) -> dict:
    if item is None:
        return {}
    names = ("task", "model", "bin", "threshold", "seeds", "reached", "value", "low", "high", "p")
    return {name: getattr(item, name) for name in (*names, "other")} | {
        "cell_verdict": item.verdict,
        "statistic": item.criterion.statistic,
        "claimed": claimed(item),
        "other_seeds": item.other_seeds if item.other else "",
        "other_reached": item.other_reached if item.other else "",
        "more_seeds": "" if item.more is None else item.more,
        "cells": folders[item.task, item.model],
    }


# In words -----------------------------------------------------------------------------------------


def claimed(item: Evidence) -> str:
    """What a criterion demands of a cell: "median at least 90 %"."""
    criterion = item.criterion
    name = {"success_rate": "success rate", "best": "best seed"}.get(criterion.statistic, "median")
    if criterion.more_than:
        return f"{name} above that of {labels.model(criterion.more_than)}"
    if criterion.at_least is not None:
        return f"{name} at least {_percent(criterion.at_least)}"
    return f"{name} below {_percent(criterion.below)}"


def found(item: Evidence, decision: bool = True) -> str:
    """What the seeds of a cell show: "2 of 3 seeds at 100 % (21–94 %)"; what would decide it."""
    goal = "at 100 %" if item.threshold == 1 else f"at {_percent(item.threshold)} or more"
    interval = f"{round(100 * item.low)}–{round(100 * item.high)} %" if item.low == item.low else ""
    counts = f"{item.reached} of {item.seeds} seed{'s' * (item.seeds > 1)} {goal}"
    if item.other:
        text = (
            f"{counts}, of {labels.model(item.other)} {item.other_reached} of {item.other_seeds}; "
            f"p = {item.p:.2g}"
        )
    elif item.criterion.statistic == "success_rate":
        text = f"{counts} ({interval})"
    elif item.criterion.statistic == "best":
        text = f"best seed {_percent(item.value)}; {counts} ({interval})"
    else:
        few = f"of {item.seeds} seeds, too few for an interval"
        text = f"median {_percent(item.value)} " + (f"({interval})" if interval else few)
    is_open = decision and item.verdict == UNDETERMINED
    return text + (f"; {decisive(item.more)}" if is_open else "")


def decisive(more: int | None) -> str:
    """How many more seeds would decide what is undetermined."""
    if more is None:
        return "more seeds like these would not decide it"
    return f"{more} more seed{'s' * (more > 1)} like these would decide it"


def _percent(share: float) -> str:
    return f"{labels.percent(share).removesuffix('.0')} %"


def _cell(item: Evidence) -> str:
    return _named(item.task, item.model, item.bin)


def _named(task: str, model: str, bin: str | int) -> str:
    strings = labels.lengths(bin) if isinstance(bin, str) else f"bin {bin}"
    return f"{labels.model(model)} on {labels.task(task)}, {strings}"


def reasons(judged: Judgement) -> list[str]:
    """What a verdict rests on, in a few lines: the cells that decide it, or how many agree."""
    lines = []
    if judged.verdict == CONTRADICTED:
        against = [item for item in judged.evidence if item.verdict == CONTRADICTED]
        lines += [f"{_cell(item)}: {found(item)}" for item in against[:SHOWN]]
        if len(judged.evidence) > 1:
            lines.append(f"{len(against)} of {len(judged.evidence)} cells contradict it")
    elif len(judged.evidence) == 1:
        lines.append(f"{_cell(judged.evidence[0])}: {found(judged.evidence[0])}")
    elif judged.verdict == SUPPORTED:
        lines.append(f"All {len(judged.evidence)} cells as claimed, {_seeds(judged)}")
    elif judged.verdict == UNDETERMINED:
        lines += _open(judged)
    if judged.missing:
        cells = f"{len(judged.missing)} cell{'s' * (len(judged.missing) > 1)}"
        lines.append(f"Not in these results: {cells}, such as {_named(*judged.missing[0])}")
    return lines


def _open(judged: Judgement) -> list[str]:
    """What is undetermined, which way it points, and what would decide it."""
    items = [item for item in judged.evidence if item.verdict == UNDETERMINED]
    if not items:
        return [f"All {len(judged.evidence)} cells that were run are as claimed, {_seeds(judged)}"]
    against = [item for item in items if not item.as_claimed]
    lines = [f"{_cell(item)}: {found(item, decision=False)}" for item in against[:SHOWN]]
    share = f"{len(items)} of {len(judged.evidence)} cells open, {_seeds(judged)}"
    if against:
        lines.append(f"{share}; {len(against)} of these point against it so far")
    else:
        lines.append(f"{share}; all of these point its way so far")
    more = [item.more for item in items]
    lines.append(decisive(None if None in more else max(more)).capitalize())
    return lines


def _seeds(judged: Judgement) -> str:
    seeds = sorted({item.seeds for item in judged.evidence})
    number = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return f"with {number} seed{'s' * (seeds[-1] > 1)} each"


def verdicts(judgements: Iterable[Judgement], width: int = 100) -> str:
    """Verdicts and what they rest on, for a terminal."""
    lines = []
    for judged in judgements:
        first = f"{judged.verdict:<14}{judged.claim.text}"
        for line in (first, *(f"{'':14}→ {reason}" for reason in reasons(judged))):
            lines += textwrap.wrap(line, width, subsequent_indent=" " * 16)
    return "\n".join(lines)


# Pages --------------------------------------------------------------------------------------------


def _markdown(judgements: Sequence[Judgement]) -> str:
    parts = ["# Claims", NOTE]
    rows = [
        [judged.claim.text, f"**{judged.verdict}**", ". ".join(reasons(judged))]
        for judged in judgements
    ]
    parts.append(markdown_table(["Claim", "Verdict", "Evidence"], rows, left=3))
    for judged in judgements:
        parts.append(f"## {judged.claim.name}: {judged.verdict}")
        parts.append(escape_markdown(judged.claim.text))
        parts += [f"Source: {escape_markdown(judged.claim.source)}"] * bool(judged.claim.source)
        if judged.evidence:
            rows = [
                [_cell(item), claimed(item), found(item), item.verdict] for item in judged.evidence
            ]
            parts.append(markdown_table(["Cell", "Claimed", "Found", "Verdict"], rows, left=4))
    return "\n\n".join(parts) + "\n"


def fragment(judgements: Iterable[Judgement], link: Callable[[str, str], str] | None = None) -> str:
    """The claims as a part of a page: a table whose evidence unfolds.

    Args:
        link: where the record of a cell is, given its task and model; by default cells are named
            only.
    """
    rows = []
    for judged in judgements:
        evidence = "<br>".join(map(html.escape, reasons(judged)))
        if len(judged.evidence) > 1:
            listed = "".join(f"<li>{_item(item, link)}</li>" for item in judged.evidence)
            evidence = f"<details><summary>{evidence}</summary><ul>{listed}</ul></details>"
        elif judged.evidence:
            evidence = _item(judged.evidence[0], link)
        cells = [
            f'<td class="text"><b class="{_css(judged.verdict)}">{judged.verdict}</b></td>',
            f'<td class="text">{evidence}</td>',
            f'<td class="text">{html.escape(judged.claim.source)}</td>',
        ]
        rows.append((judged.claim.text, cells))
    return html_table(["Claim", "Verdict", "Evidence", "Source"], rows)


def _css(verdict: str) -> str:
    return verdict.replace(" ", "-")


def _item(item: Evidence, link: Callable[[str, str], str] | None) -> str:
    name = html.escape(_cell(item))
    if link is not None:
        name = f'<a href="{html.escape(link(item.task, item.model))}">{name}</a>'
    verdict = html.escape(f"({item.verdict}; claimed: {claimed(item)})")
    return f'{name}: {html.escape(found(item))} <span class="{_css(item.verdict)}">{verdict}</span>'
