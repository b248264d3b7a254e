"""How models, tasks and accuracies are written in tables and figures.

Models and tasks carry names of the user's choice. The well-known ones are set as in the papers; any
other is shown as it was given.
"""

import math

MODELS = {
    "lstm": "LSTM",
    "elstm": "e-LSTM",
    "transformer": "Transformer",
    "linear_transformer": "Linear Transformer",
    "deltanet": "DeltaNet",
    "recurrent_delta": "Recurrent Delta",
    "srwm": "SRWM",
}

# Plain text (Unicode superscripts) and LaTeX.
TASKS = {
    "parity": ("Parity", "Parity"),
    "aa_star": ("(aa)*", "$(aa)^*$"),
    "abab_star": ("(abab)*", "$(abab)^*$"),
    "dyck_1": ("Dyck-1", "Dyck-1"),
    "reset_dyck_1": ("Reset Dyck-1", "Reset Dyck-1"),
    "anbn": ("aⁿbⁿ", "$a^nb^n$"),
    "anbncn": ("aⁿbⁿcⁿ", "$a^nb^nc^n$"),
    "shuffle_2": ("Shuffle-2", "Shuffle-2"),
}

_LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "≥": r"$\geq$",
    "†": r"$^\dagger$",
    "–": "--",
    **{character: "\\" + character for character in "&%$#_{}"},
}


def model(name: str) -> str:
    """The model's name as the papers write it, or `name` itself."""
    return MODELS.get(name, name)


def task(name: str) -> str:
    """The task's name as plain text, or `name` itself."""
    return TASKS[name][0] if name in TASKS else name


def model_latex(name: str) -> str:
    """The model's name for LaTeX's text mode."""
    return escape_latex(model(name))


def task_latex(name: str) -> str:
    """The task's name for LaTeX's text mode; languages are set as formulae."""
    return TASKS[name][1] if name in TASKS else escape_latex(name)


def escape_latex(text: str) -> str:
    """Replace the characters that LaTeX's text mode reads as commands."""
    return "".join(_LATEX_SPECIAL.get(character, character) for character in text)


def lengths(bin: str) -> str:
    """A bin of string lengths with an en dash: "2-50" → "2–50"."""
    return bin.replace("-", "–")


def percent(share: float) -> str:
    """A share in [0, 1] as a percentage: "100" and "0" mean exactly that, all else has one decimal.

    Rounded down, so that 99.97 % is not called 100; "–" for a missing value.
    """
    if share is None or math.isnan(share):
        return "–"
    if share in (0, 1):
        return f"{share:.0%}"[:-1]
    return f"{math.floor(share * 1000 + 1e-9) / 10:.1f}"
