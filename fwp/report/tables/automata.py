"""What automata were read out of models, and whether they are those of the languages."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fwp.report import labels
from fwp.report.tables.markdown import escape_markdown, markdown_table
from fwp.utils.files import write_frame, write_text

NOTE = (
    "Only seeds that solved their task are shown. Groups: sets of state vectors with the same "
    "continuations. Separated: share of state vectors that are nearer to the mean of their own "
    "group than to any other. States: of the automaton after minimising. Agrees: share of "
    "positions, in strings that were not used for extraction, at which the automaton predicts the "
    "model's output. The last column compares the automaton with that of the language: it names "
    "the string after which they differ, or the prefix that no string had. Tasks of languages with "
    "more than 100 states, or without a finite automaton, are left out, and so are strings from "
    "files."
)
HEADER = ["Seed", "Groups", "Separated (%)", "States", "Agrees (%)", "Automaton of the language"]
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
    parts = ["# Automata extracted from models", NOTE]
    for names, rows in table.groupby(["task", "model"], sort=False):
        task, model = map(str, names)
        parts.append(f"## {escape_markdown(labels.model(model))} on {labels.task(task)}")
        parts.append(verdict(rows))
        solved = rows[rows["status"] == "solved"]
        if len(solved):
            parts.append(markdown_table(HEADER, [_row(row) for row in solved.itertuples()]))
    write_text(markdown, "\n\n".join(parts) + "\n")


def verdict(rows: pd.DataFrame) -> str:
    """A sentence on the automata of all seeds of one model on one task."""
    solved = rows[rows["status"] == "solved"]
    if solved.empty:
        return f"None of {len(rows)} seeds solved the task, so no automaton is extracted."
    same = int(solved["same"].fillna(False).sum())
    states = rows["language_states"].iloc[0]
    own = "the automaton of the language"
    own = own if pd.isna(states) else f"{own}, with {states} states"
    text = f"{same} of {len(solved)} solved seeds {'has' if same == 1 else 'have'} {own}"
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
        return f"the same, but no string began with {row.unread}"
    return f"differs after {row.difference}"
