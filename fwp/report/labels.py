"""How models, tasks and accuracies are written in tables and figures.

Models and tasks carry names of the user's choice and are shown by their titles. Which these are is
said by names.csv (`fwp.results.names`), within a block `with shown_as(names)`. Without it a name
stands for the built-in mixer or language of that name; any other is shown as it was given.
"""

import math
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from fwp import languages, mixers
from fwp.languages._title import titled
from fwp.mixers._signature import read_signature
from fwp.results.names import Name
from fwp.utils.named_bins import NamedBin

_SHOWN: ContextVar[dict[tuple[str, str], Name]] = ContextVar("shown", default={})  # noqa: B039

_LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "≥": r"$\geq$",
    "†": r"$^\dagger$",
    "◇": r"$^\diamond$",
    "‡": r"$^\ddagger$",
    "–": "--",
    "±": r"$\pm$",
    "∞": r"$\infty$",
    "−": "$-$",
    "·": r"$\cdot$",
    **{digit: f"$^{i}$" for i, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{character: "\\" + character for character in "&%$#_{}"},
}


@contextmanager
def shown_as(names: Iterable[Name]) -> Iterator[None]:
    """Show models and tasks by these titles, within the block."""
    token = _SHOWN.set({(name.kind, name.name): name for name in names})
    try:
        yield
    finally:
        _SHOWN.reset(token)


def find(kind: str, name: str) -> Name:
    """How a model or task is shown."""
    return _SHOWN.get().get((kind, name)) or _built_in(kind, name)


@cache
def _built_in(kind: str, name: str) -> Name:
    if kind == "model" and name in mixers.names():
        facts = read_signature(name).facts
        return Name(kind, name, name, facts.title, facts.latex, facts.state_names, facts.look)
    title, latex = titled(name, {}) if kind == "task" and name in languages.names() else ("", "")
    return Name(kind, name, name, title or name, latex)


def model(name: str) -> str:
    """The model's title."""
    return find("model", name).title


def task(name: str) -> str:
    """The task's title as plain text."""
    return find("task", name).title


def group(task: str) -> str:
    """The group of tasks that tables count a task in; "" if there is none."""
    return find("task", task).group


def in_order(kind: str, names: Iterable[str]) -> list[str]:
    """Models or tasks as in the config; what is not in it comes last, in the order given."""
    shown = {own.name: i for i, own in enumerate(_SHOWN.get().values()) if own.kind == kind}
    return sorted(names, key=lambda name: shown.get(name, len(_SHOWN.get())))


def seeds(numbers: Sequence[int]) -> str:
    """Seeds in words: seed 3; seeds 0, 2; seeds 0–9."""
    consecutive = len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1))
    listed = f"{numbers[0]}–{numbers[-1]}" if consecutive else ", ".join(map(str, numbers))
    return f"seed{plural(numbers)} {listed}"


def state(mixer: str, component: int, layer: int = 0, layers: int = 1) -> str:
    """What a part of a mixer's state is called: S, or "state 1" where nothing is known of it."""
    shown = [name for name in _SHOWN.get().values() if name.source == mixer]
    names = (*shown, _built_in("model", mixer))[0].state_names
    name = names[component] if component < len(names) else f"state {component + 1}"
    return f"{name}, layer {layer + 1}" if layers > 1 else name


def look(name: str) -> tuple[str, ...]:
    """Colour, dashes and marker of a model, or nothing where figures may choose."""
    return find("model", name).look


def colour(name: str) -> str:
    """Colour of a model in the config, or ""."""
    return find("model", name).colour


def model_latex(name: str) -> str:
    """The model's title for LaTeX's text mode."""
    return _latex(find("model", name))


def task_latex(name: str) -> str:
    """The task's title for LaTeX's text mode; languages are set as formulae."""
    return _latex(find("task", name))


def _latex(name: Name) -> str:
    return name.latex or escape_latex(name.title)


def escape_latex(text: str) -> str:
    """Replace the characters that LaTeX's text mode reads as commands."""
    return "".join(_LATEX_SPECIAL.get(character, character) for character in text)


def lengths(bin: str) -> str:
    """A bin of string lengths with an en dash: "2-50" → "2–50"."""
    return NamedBin.parse(bin).label


def plural(count: int | Sized, ending: str = "s") -> str:
    """The ending of a noun: "" after one thing, else s."""
    return "" if (len(count) if isinstance(count, Sized) else count) == 1 else ending


def with_dagger(text: str, diverged: int) -> str:
    """The text of a cell, with a dagger if a seed of it diverged."""
    return f"{text}†" if diverged else text


ROUNDED = "100 and 0 are exact; all else is rounded and lies between 0.1 and 99.9."
"""What a reader of percentages must know."""


def percent(share: float, decimals: int = 1) -> str:
    """A share in [0, 1] as a percentage, rounded to the nearest; "–" for a missing value.

    "100" and "0" mean exactly that: 99.97 % is 99.9, and 0.02 % is 0.1, whatever the decimals.
    """
    if share is None or math.isnan(share):
        return "–"
    if share in (0, 1):
        return f"{100 * share:.0f}"
    text = f"{100 * share:.{decimals}f}"
    return f"{min(max(100 * share, 0.1), 99.9):.1f}" if float(text) in (0, 100) else text


def listed(rows: Iterable[dict]) -> list[dict]:
    """Runs without results, one entry per job and state: what (in words), state, error and log."""
    jobs: dict[tuple, list[int]] = {}
    for row in rows:
        key = tuple(row[column] for column in ("task", "model", "state", "error", "log"))
        jobs.setdefault(key, []).append(row["seed"])
    return [
        {
            "what": f"{model(name)} on {task(on)}, {seeds(numbers)}",
            "state": state,
            "error": error,
            "log": log,
        }
        for (on, name, state, error, log), numbers in jobs.items()
    ]
