"""What automata were read out of models, and whether they are those of the languages."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fwp.report import labels
from fwp.report.tables.markdown import escape_markdown, markdown_table
from fwp.utils.files import write_frame, write_text

NOTE = (
    "From seeds that solved their task. Groups: sets of state vectors that go on alike; separated: "
    "share of state vectors nearer to the mean of their own group than to any other; states: of "
    "the automaton after minimising; agrees: share of positions of strings that had no part in it "
    "at which it says what the model does. An automaton differs from that of the language after "
    "the string given, or no string that was read began like the one given."
)
HEADER = ["Seed", "Groups", "Separated (%)", "States", "Agrees (%)", "Against the language's"]
COLUMNS = (
    "task", "model", "seed", "status", "language_states", "groups", "purity", "separation",
    "states", "fidelity", "difference", "unread", "same",
)  # fmt: skip


def summary(records: Iterable[dict]) -> pd.DataFrame:
    """One row per task × model × seed.

    Args:
        records: what `fwp.analysis.automata.read_out_cell` writes.

    Returns:
        task, model, seed, status, language_states, groups, purity, separation, states, fidelity,
        difference, unread and same: whether the automaton is the language's. Empty where there is
        none.
    """
    rows = []
    for record in records:
        own = record["language"]
        for seed in record["seeds"]:
            machine = seed.get("machine")
            rows.append(
                {
                    "task": record["task"],
                    "model": record["model"],
                    "seed": seed["seed"],
                    "status": seed["status"],
                    "language_states": len(own) if own else pd.NA,
                    **{key: seed.get(key) for key in ("groups", "purity", "separation")},
                    "states": len(machine) if machine else pd.NA,
                    "fidelity": seed.get("fidelity") if machine else None,
                    **{key: seed.get(key) for key in ("difference", "unread")},
                    "same": _same(seed) if own else pd.NA,
                }
            )
    frame = pd.DataFrame(rows, columns=COLUMNS)
    whole = ("language_states", "groups", "states")
    return frame.astype(dict.fromkeys(whole, "Int64") | {"same": "boolean"})


def _same(seed: dict) -> bool:
    return bool(seed.get("machine")) and seed["difference"] is None and seed["unread"] is None


def write_automata(table: pd.DataFrame, *, csv: str | Path, markdown: str | Path) -> None:
    """Write the `summary`."""
    write_frame(csv, table)
    parts = ["# Automata read out of models", NOTE]
    for names, rows in table.groupby(["task", "model"], sort=False):
        task, model = map(str, names)
        parts.append(f"## {escape_markdown(labels.model(model))} on {labels.task(task)}")
        parts.append(verdict(rows))
        solved = rows[rows["status"] == "solved"]
        if len(solved):
            parts.append(markdown_table(HEADER, [_row(row) for row in solved.itertuples()]))
    write_text(markdown, "\n\n".join(parts) + "\n")


def verdict(rows: pd.DataFrame) -> str:
    """In a sentence, what the seeds of one model on one task amount to."""
    solved = rows[rows["status"] == "solved"]
    if solved.empty:
        return f"None of {len(rows)} seeds solved the task: nothing is read out."
    same = int(solved["same"].fillna(False).sum())
    states = rows["language_states"].iloc[0]
    own = "the language's own" if pd.isna(states) else f"the language's own, with {states} states"
    text = f"{same} of {len(solved)} solved seeds {'is' if same == 1 else 'are'} {own}"
    others = solved.loc[~solved["same"].fillna(False), "states"]
    if len(others):
        found = ", ".join("no automaton" if pd.isna(n) else f"{n} states" for n in others)
        text += f"; the others: {found}"
    return text + "."


def _row(row) -> list[str]:
    if pd.isna(row.states):
        return [str(row.seed), str(row.groups), labels.percent(row.separation), "–", "–", "–"]
    return [
        str(row.seed),
        str(row.groups),
        labels.percent(row.separation),
        str(row.states),
        labels.percent(row.fidelity),
        _comparison(row),
    ]


def _comparison(row) -> str:
    if row.same:
        return "the same"
    if pd.isna(row.difference):
        return f"the same as far as it goes, which is not to {row.unread}"
    return f"differs after {row.difference}"
