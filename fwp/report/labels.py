"""How models, tasks and accuracies are written in tables and figures.

Models and tasks carry names of the user's choice. The well-known ones are set as in the papers; any
other is shown as it was given.
"""

import math
from collections.abc import Iterable, Sequence

MODELS = {
    "lstm": "LSTM",
    "elstm": "e-LSTM",
    "transformer": "Transformer",
    "linear_transformer": "Linear Transformer",
    "deltanet": "DeltaNet",
    "recurrent_delta": "Recurrent Delta",
    "srwm": "SRWM",
    "deltanet_neg": "DeltaNet [-1,1]",
    "gated_deltanet": "Gated DeltaNet",
    "deltaproduct": "DeltaProduct",
    **{f"deltaproduct_{n}": f"DeltaProduct, n = {n}" for n in range(1, 5)},
    "deltaproduct_positive": "DeltaProduct [0,1]",
    "gated_deltaproduct": "Gated DeltaProduct",
    "kimi_delta": "Kimi Delta Attention",
    "rwkv7": "RWKV-7",
    "delta_rnn": "Delta RNN",
    "elman": "Elman",
    "gru": "GRU",
    "slstm": "sLSTM",
    "mlstm": "mLSTM",
    "selective_ssm": "Selective SSM",
    "mamba": "Mamba",
    "mamba_neg": "Mamba [-1,1]",
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
    "shuffle_4": ("Shuffle-4", "Shuffle-4"),
    "shuffle_6": ("Shuffle-6", "Shuffle-6"),
    "boolean_3": ("Boolean-3", "Boolean-3"),
    "boolean_5": ("Boolean-5", "Boolean-5"),
    "anbncndn": ("aⁿbⁿcⁿdⁿ", "$a^nb^nc^nd^n$"),
    "dyck_2": ("Dyck-2", "Dyck-2"),
    "aaaa_star": ("(aaaa)*", "$(aaaa)^*$"),
    **{f"tomita_{n}": (f"Tomita {n}", f"Tomita {n}") for n in range(1, 8)},
    "d_2": ("D₂", "$D_2$"),
    "d_3": ("D₃", "$D_3$"),
    "d_4": ("D₄", "$D_4$"),
    "d_12": ("D₁₂", "$D_{12}$"),
    "aa_bb_cc_dd_ee": ("aa*bb*cc*dd*ee*", "$aa^*bb^*cc^*dd^*ee^*$"),
    "ab_d_bc": ("{a,b}*d{b,c}*", r"$\{a,b\}^*d\{b,c\}^*$"),
    "012_0_2": ("{0,1,2}*02*", r"$\{0,1,2\}^*02^*$"),
    **{group.lower(): (group, group) for group in ("S3", "S4", "S5", "A4", "A5")},
    "cycle_navigation": ("Cycle navigation", "Cycle navigation"),
    "even_pairs": ("Even pairs", "Even pairs"),
    "flip_flop": ("Flip-flop", "Flip-flop"),
    "modular_arithmetic": ("Modular arithmetic", "Modular arithmetic"),
    "modular_arithmetic_brackets": ("Mod. arith., brackets", "Mod. arith., brackets"),
    "reverse_string": ("Reverse string", "Reverse string"),
    "stack_manipulation": ("Stack manipulation", "Stack manipulation"),
    "duplicate_string": ("Duplicate string", "Duplicate string"),
    "odds_first": ("Odds first", "Odds first"),
    "bucket_sort": ("Bucket sort", "Bucket sort"),
}

# Parts of a mixer's state, in its order.
STATES = {
    "lstm": ("h", "c"),
    "elstm": ("c",),
    "transformer": ("keys", "values"),
    "linear_transformer": ("S",),
    "deltanet": ("S",),
    "recurrent_delta": ("S", "y"),
    "srwm": ("W_y", "W_q", "W_k", "W_β"),
    "gated_deltanet": ("S", "convolution"),
    "deltaproduct": ("S", "convolution"),
    "kimi_delta": ("S", "convolution"),
    "rwkv7": ("S", "x"),
    "delta_rnn": ("W", "R", "y"),
    "elman": ("h",),
    "gru": ("h",),
    "slstm": ("h", "C / N", "log N"),
    "mlstm": ("C", "n", "m"),
    "selective_ssm": ("h", "convolution"),
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
    "‡": r"$^\ddagger$",
    "–": "--",
    **{character: "\\" + character for character in "&%$#_{}"},
}


def model(name: str) -> str:
    """The model's name as the papers write it, or `name` itself."""
    return MODELS.get(name, name)


def task(name: str) -> str:
    """The task's name as plain text, or `name` itself."""
    return TASKS[name][0] if name in TASKS else name


def seeds(numbers: Sequence[int]) -> str:
    """Seeds in words: seed 3; seeds 0, 2; seeds 0–9."""
    consecutive = len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1))
    listed = f"{numbers[0]}–{numbers[-1]}" if consecutive else ", ".join(map(str, numbers))
    return f"seed{'s' * (len(numbers) > 1)} {listed}"


def state(mixer: str, component: int, layer: int = 0, layers: int = 1) -> str:
    """What a part of a mixer's state is called: S, or "state 1" where nothing is known of it."""
    names = STATES.get(mixer, ())
    name = names[component] if component < len(names) else f"state {component + 1}"
    return f"{name}, layer {layer + 1}" if layers > 1 else name


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
