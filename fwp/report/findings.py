"""What matters most of some results, in a few plain sentences.

They say no more than tables and verdicts do: how many seeds, which interval or range, and what is
undetermined. The most important stand first, so that a reader may stop anywhere.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fwp.claims.evidence import CONTRADICTED, NOT_TESTED, SUPPORTED, UNDETERMINED
from fwp.claims.judge import Judgement
from fwp.claims.verdicts import read_judgements
from fwp.report.labels import lengths, model, percent, plural, shown_as, task
from fwp.report.tables.evidence import cell, found, shared
from fwp.results import collect, unfinished
from fwp.results.integrity import MissingFile
from fwp.results.names import read_names
from fwp.results.pairwise import exact, holm
from fwp.results.statistics import APART, CELL, wilson
from fwp.results.summary import read_summary
from fwp.utils.files import write_text

CHANCE = 0.05  # probability of Fisher's test (by Holm) from which on a difference may be chance
NAMED = 3  # models, tasks or claims that a sentence names

Frame = pd.DataFrame


def write(folder: str | Path, output: str | Path, *, strings: bool, texts: bool) -> None:
    """Write the findings of results as a list in Markdown.

    Args:
        folder: of an experiment's results, with its `tables`.
        output: the file.
        strings, texts: whether there are tasks of strings; whether there are texts or translations.

    Raises:
        ResultsError: a table is missing or damaged.
    """
    tables = Path(folder) / "tables"
    with shown_as(read_names(tables / ("names.csv" if strings else "text_names.csv"))):
        sentences = find(tables, strings=strings, texts=texts)
    write_text(output, "".join(f"- {sentence}\n" for sentence in sentences))


def read(path: str | Path) -> list[str]:
    """The sentences that `write` wrote; none if there is no such file."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError:
        return []
    return [line.removeprefix("- ") for line in text.splitlines() if line.startswith("- ")]


def find(tables: Path, *, strings: bool, texts: bool) -> list[str]:
    """The findings, the most important first; within `shown_as`."""
    lost = unfinished.read_every_unfinished(tables, strings=strings, texts=texts)
    sentences = [*of_lost(lost), *of_claims(_judgements(tables))]
    surprises: list[str] = []
    if strings:
        summary, runs = read_summary(tables).cells, collect.read_runs(tables / "runs.csv")
        sentences += of_generalisation(summary)
        surprises += [*of_seeds(summary), *of_training(summary), *of_diverged(runs)]
    if texts:
        sentences += of_texts(_summary(tables / "text_summary.csv"))
        sentences += of_translations(_summary(tables / "translation_summary.csv"))
    return [*sentences, *surprises]


def _judgements(tables: Path) -> list[Judgement]:
    try:
        return read_judgements(tables / "claims.json")
    except MissingFile:
        return []


def _summary(path: Path) -> Frame:
    return pd.read_csv(path, dtype={"task": str, "model": str}, keep_default_na=False, na_values="")


def of_lost(rows: Sequence[dict]) -> Iterator[str]:
    """Runs without results."""
    if not rows:
        return
    states = Counter(row["state"] for row in rows)
    kinds = ", ".join(f"{count} {state}" for state, count in states.most_common())
    cells = list(dict.fromkeys((row["model"], row["task"]) for row in rows))
    names = _some(f"{model(name)} on {task(on)}" for name, on in cells)
    verb = "has" if len(rows) == 1 else "have"
    yield f"{len(rows)} run{plural(len(rows))} {verb} no results ({kinds}): {names}."


def of_claims(judgements: Sequence[Judgement]) -> Iterator[str]:
    """How many claims are decided, and those that the results contradict."""
    tested = [judged for judged in judgements if judged.verdict != NOT_TESTED]
    if not tested:
        return
    counts = Counter(judged.verdict for judged in tested)
    parts = [
        f"{counts[verdict]} {verdict}"
        for verdict in (SUPPORTED, CONTRADICTED, UNDETERMINED)
        if counts[verdict]
    ]
    text = f"Claims: {', '.join(parts)}"
    if untested := len(judgements) - len(tested):
        text += f"; {untested} not tested, as cells are missing"
    open_claims = [judged for judged in tested if judged.verdict == UNDETERMINED]
    if (more := _settling(open_claims)) is not None:
        count, seeds = more
        text += (
            f". {seeds} more seed{plural(seeds)} with the same outcome would settle "
            f"{count} of the undetermined ones"
        )
    yield f"{text}."
    for judged in [judged for judged in tested if judged.verdict == CONTRADICTED][:NAMED]:
        yield f"Contradicted: “{judged.claim.text.rstrip('.')}”. {_against(judged)}."


def _against(judged: Judgement) -> str:
    """What contradicts a claim: a cell, or the share of cells that are as claimed."""
    for item in judged.evidence:
        if item.verdict == CONTRADICTED and not item.criterion.is_of_share:
            return f"{cell(item)}: {found(item)}"
    return next(shared(one) for one in judged.shares if one.verdict == CONTRADICTED)


def _settling(judgements: Sequence[Judgement]) -> tuple[int, int] | None:
    """How many claims the fewest further seeds that settle any would settle."""
    needed = [judged.more for judged in judgements if judged.more]
    return (needed.count(min(needed)), min(needed)) if needed else None


def of_generalisation(summary: Frame) -> Iterator[str]:
    """Which model solves the longest strings most often, and how far it gets."""
    last = summary["bin_index"].max()
    longest = summary[summary["bin_index"] == last]
    if longest.empty or last == 0:
        return
    counts = longest.groupby("model", observed=True)[["solved", "seeds"]].sum()
    counts["rate"] = counts["solved"] / counts["seeds"]
    counts = counts.sort_values("rate", ascending=False, kind="stable")
    best, tasks = str(counts.index[0]), longest["task"].nunique()
    bins = longest["bin"].unique()
    strings = f"longest strings ({lengths(bins[0])})" if len(bins) == 1 else "longest strings"
    where = f"on {tasks} tasks" if tasks > 1 else f"on {task(longest['task'].iloc[0])}"
    if not counts["solved"].any():
        which = "any task" if tasks > 1 else task(longest["task"].iloc[0])
        yield f"No run solves the {strings} of {which}."
        yield from _furthest(longest)
        return
    first = [name for name in counts.index if counts.loc[name, "rate"] == counts["rate"].iloc[0]]
    verb, each = ("solves", "") if len(first) == 1 else ("solve", " each")
    text = (
        f"{_some(map(model, first))} {verb} the {strings} most often: {_of(counts.loc[best])} runs"
        f"{each} {where}, every position right"
    )
    text += _interval(counts.loc[best]) if tasks == 1 else ""
    others = [name for name in counts.index if name not in first]
    ours = (int(counts.loc[best, "solved"]), int(counts.loc[best, "seeds"]))
    tests = [exact(*ours, *map(int, counts.loc[name, ["solved", "seeds"]])) for name in others]
    close = [name for name, p in zip(others, holm(tests), strict=True) if p >= CHANCE]
    if close:
        names = _some(f"{model(name)} ({_of(counts.loc[name])})" for name in close)
        verb = "is" if len(close) == 1 else "are"
        text += f". Not clearly worse {verb} {names}"
    elif others:
        text += f". Next is {model(others[0])}, {_of(counts.loc[others[0]])}"
    yield f"{text}."
    if tasks == 1:
        yield from _furthest(longest)


def _furthest(rows: Frame) -> Iterator[str]:
    """The cell with the greatest generalisation length."""
    rows = rows[rows["generalisation_median"].notna()]
    if rows.empty:
        return
    best: Any = rows.iloc[int(rows["generalisation_median"].astype(float).argmax())]
    if best["generalisation_median"] == 0:
        yield "No run gets 99 % of even the shortest strings right."
        return
    reach = f"{best['generalisation_median']:g}"
    if best["generalisation_median"] >= best["tested_length"]:
        reach += ", the longest tested"
    seeds = int(best["seeds"])
    spread = ""
    if seeds > 1:
        low, high = int(best["generalisation_worst"]), int(best["generalisation_best"])
        spread = f" ({seeds} seeds)"
        if low < high:
            spread = f" (median of {seeds} seeds, which reach {low} to {high})"
    alike = rows["generalisation_median"] == best["generalisation_median"]
    first = rows.loc[alike & (rows["task"] == best["task"]), "model"]
    spread = spread if len(first) == 1 else f" (median of {seeds} seeds each)"
    verb = "gets" if len(first) == 1 else "get"
    yield (
        f"{_some(map(model, first))} {verb} furthest on {task(best['task'])}: at least 99 % of "
        f"strings of each length are right up to length {reach}{spread}."
    )


def of_seeds(summary: Frame) -> Iterator[str]:
    """Where seeds of one cell disagree most."""
    several = summary[summary["seeds"] > 1]
    if several.empty:
        return
    gap = (several["best"] - several["worst"]).astype(float)
    apart = several[gap > APART].drop_duplicates(CELL)
    if apart.empty:
        yield (
            f"Seeds agree: in no cell and bin are they more than {100 * APART:.0f} points apart."
        )
        return
    worst: Any = several.iloc[int(gap.argmax())]
    total = len(several.drop_duplicates(CELL))
    yield (
        f"In {len(apart)} of {total} cells, seeds lie more than {100 * APART:.0f} points apart on "
        f"some strings. Furthest: {model(worst['model'])} on {task(worst['task'])}, lengths "
        f"{lengths(worst['bin'])}, {percent(worst['worst'])} to {percent(worst['best'])} % right "
        f"among {int(worst['seeds'])} seeds."
    )


def of_training(summary: Frame) -> Iterator[str]:
    """Tasks that no run has learnt even on the lengths that it was trained on."""
    first = summary[summary["bin_index"] == 0]
    best = first.groupby("task", observed=True)["best"].max()
    unsolved = best[best < 1]
    if len(unsolved):
        names = _some(f"{task(str(name))} (best {percent(x)} %)" for name, x in unsolved.items())
        yield f"No run solves even the shortest strings of {names}."


def of_diverged(runs: Frame) -> Iterator[str]:
    """Runs whose loss became infinite."""
    diverged = runs[runs["status"] == "diverged"]
    if len(diverged):
        cells = diverged.drop_duplicates(CELL)
        names = _some(
            f"{model(m)} on {task(t)}" for t, m in zip(cells["task"], cells["model"], strict=True)
        )
        yield f"{len(diverged)} of {len(runs)} runs diverged and count as wrong: {names}."


def of_texts(summary: Frame) -> Iterator[str]:
    """The model with the lowest loss on each text."""
    yield from _best(summary, "bits_within", "bits per byte within the context", low=True)


def of_translations(summary: Frame) -> Iterator[str]:
    """The model with the highest BLEU on each translation."""
    if "decoding" in summary and len(summary):
        summary = summary[summary["decoding"] == summary["decoding"].iloc[-1]]
    yield from _best(summary, "bleu", "BLEU", low=False)


def _best(summary: Frame, column: str, unit: str, *, low: bool) -> Iterator[str]:
    for i, (name, rows) in enumerate(summary.groupby("task", sort=False)):
        if i == NAMED:
            more = summary["task"].nunique() - NAMED
            yield f"{more} more task{plural(more)}: see the tables."
            return
        rows = rows[rows[column].notna()].sort_values(column, ascending=low, kind="stable")
        if rows.empty:
            continue
        digits = 3 if low else 1
        best: Any = rows.iloc[0]
        value = f"{best[column]:.{digits}f} {unit}"
        seeds = int(best["seeds"])
        text = f"{model(best['model'])} is best on {task(str(name))}: {value}"
        low_limit, high_limit = best[f"{column}_low"], best[f"{column}_high"]
        if seeds == 1 or pd.isna(low_limit):
            yield (
                f"{text}, of one seed, so that nothing is known of chance."
                if seeds == 1
                else (f"{text}, mean of {seeds} seeds.")
            )
            continue
        text += f" (mean of {seeds} seeds, 95 % interval {low_limit:.{digits}f} to "
        text += f"{high_limit:.{digits}f})"
        others = rows.iloc[1:]
        near = others[
            (others[f"{column}_low"] <= high_limit) & (others[f"{column}_high"] >= low_limit)
        ]
        if len(near):
            verb = "overlaps" if len(near) == 1 else "overlap"
            whose = "interval of" if len(near) == 1 else "intervals of"
            text += f". The {whose} {_some(map(model, near['model']))} {verb} with it"
        yield f"{text}."


def _of(counts: pd.Series) -> str:
    return f"{int(counts['solved'])} of {int(counts['seeds'])}"


def _limits(counts: pd.Series) -> tuple[float, float]:
    low, high = wilson(int(counts["solved"]), int(counts["seeds"]))
    return float(low), float(high)


def _interval(counts: pd.Series) -> str:
    low, high = _limits(counts)
    return f" (95 % interval {percent(low, 0)} to {percent(high, 0)} %)"


def _some(names: Iterable[str]) -> str:
    """Some names in words: "a, b, c and 4 more"."""
    names = list(names)
    more = len(names) - NAMED
    if more > 0:
        return f"{', '.join(names[:NAMED])} and {more} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
