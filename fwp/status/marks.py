"""The states that a run can be in, and the marks that stand for them."""

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class State:
    """A state that a run can be in."""

    glyph: str
    plain: str  # for terminals without Unicode
    style: str
    meaning: str


STATES = {
    "solved": State("✓", "+", "green", "done, 100 % on validation"),
    "budget": State("•", "o", "cyan", "done, budget used up"),
    "diverged": State("!", "!", "magenta", "done, diverged"),
    "running": State("▸", ">", "bold yellow", "running"),
    "trained": State("○", "O", "cyan", "trained, not yet evaluated"),
    "outdated": State("~", "~", "dim", "outdated: config or code has changed since"),
    "failed": State("✗", "x", "bold red", "failed"),
    "damaged": State("#", "#", "bold red", "damaged: a file is not what was written"),
    "interrupted": State("?", "?", "red", "interrupted"),
    "waiting": State("·", ".", "dim", "waiting"),
}


def mark(state: str, text: str | None = None, count: int | str = "") -> tuple[str, str]:
    """The glyph of a state, or a text, in the colour of the state."""
    return f"{count}{STATES[state].glyph if text is None else text}", STATES[state].style


def counted(counts: Counter) -> list[tuple[str, str]]:
    """How many runs are in each state, as marks."""
    return [mark(state, count=counts[state]) for state in STATES if counts[state]]


def letters(text: str) -> str:
    """The text for a terminal without Unicode."""
    plain = {ord(state.glyph): state.plain for state in STATES.values()} | {ord("≤"): "<="}
    return text.translate(plain).encode("ascii", "replace").decode()
