"""Equations of docstrings, typeset: from plain text with Unicode to LaTeX, from there to MathML.

Docstrings have equations as a reader of the source wants them, `S_t = S_{t-1} + k_t ⊗ v_t`.
Browsers show MathML by themselves: no script, no font from elsewhere.
"""

import re
import unicodedata

FUNCTIONS = {"exp", "tanh", "softmax", "softplus", "silu", "conv", "lora", "diag", "max", "min"}
FUNCTIONS |= {"log", "LN", "RMSNorm", "SiLU", "elu", "relu"}

SYMBOLS = {
    "⊗": r"\otimes ",
    "∘": r"\circ ",
    "·": r"\cdot ",
    "←": r"\leftarrow ",
    "…": r"\dots ",
    "□": r"\square ",
    "√": r"\sqrt ",
    "Π": r"\prod ",
    "Σ": r"\sum ",
    "±": r"\pm ",
    "≤": r"\le ",
    "≥": r"\ge ",
    "∈": r"\in ",
    "∞": r"\infty ",
    "²": "^2",
    "⊤": r"\top ",
    "−": "-",
    "*": r"\ast ",
    "{": r"\{",
    "}": r"\}",
    "'": "'",
}

TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<script>[_^](?:\{[^{}]*\}|[^\W_]+|.))
  | (?P<word>[A-Za-z]{2,})
  | (?P<other>.)
    """,
    re.VERBOSE,
)
GAP = re.compile(r"\s{4,}")  # between two equations of one line


def to_latex(equation: str) -> str:
    """One equation in LaTeX's math mode; words between symbols are set as text."""
    parts, words = [], []

    def flush() -> None:
        if words:
            parts.append(rf"\;\text{{{' '.join(words)}}}\;")
            words.clear()

    for token in TOKEN.finditer(equation):
        kind, text = token.lastgroup, token.group()
        if kind == "space":
            continue
        if kind == "word" and text not in FUNCTIONS and _is_word(text, equation, token.end()):
            words.append(text)
            continue
        if text == ":" and words:
            words[-1] += ":"
            continue
        flush()
        if kind == "word":
            parts.append(_name(text))
        elif kind == "script":
            inside = text[1:].removeprefix("{").removesuffix("}")
            parts.append(f"{text[0]}{{{_script(inside)}}}")
        else:
            parts.append(_symbol(text))
    flush()
    return _roots("".join(parts)).strip()


def rows(block: str) -> list[str]:
    """The equations of an indented block in LaTeX, one for each row of the page."""
    found: list[str] = []
    for line in filter(None, map(str.strip, block.splitlines())):
        for number, part in enumerate(GAP.split(line)):
            latex = to_latex(part)
            if number and (part[:2].isalpha() or "…" in part):  # a remark on the one before
                found[-1] += r"\qquad " + latex
            else:
                found.append(latex)
    return found


def display(block: str) -> str:
    """An indented block of equations as MathML, an equation a row."""
    return '<div class="equations">' + "".join(map(_mathml, rows(block))) + "</div>"


def _mathml(latex: str) -> str:
    from latex2mathml.converter import convert

    return convert(latex, display="block")


INLINE = re.compile(
    r"(?<![\w`/.])([A-Za-zα-ωΑ-Ω]'?)((?:[_^](?:\{[^{}\n]*\}|[A-Za-z0-9α-ω□]+))+)(?!\w)"
)


def inline(text: str) -> str:
    """Prose of a docstring with its indices lowered, as HTML that Markdown leaves alone."""

    def lower(found: re.Match) -> str:
        scripts = re.findall(r"([_^])(?:\{([^{}]*)\}|([^_^{}]+))", found[2])
        tags = {"_": "sub", "^": "sup"}
        marks = [f"<{tags[s]}>{a or b}</{tags[s]}>" for s, a, b in scripts]
        return f"<i>{found[1]}</i>{''.join(marks)}"

    pieces = re.split(r"(`[^`]*`)", text)  # names of code stay as they are
    return "".join(
        piece if piece.startswith("`") else INLINE.sub(lower, escape(piece)) for piece in pieces
    )


def escape(text: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([*\[\]|])", r"\\\1", text)


def _is_word(text: str, equation: str, end: int) -> bool:
    """Whether letters are prose: `unless gated`, not a name with an index, such as `a_t`."""
    following = equation[end : end + 1]
    return following not in ("_", "^", "(") or text in {"with", "of", "and"}


def _name(text: str) -> str:
    return rf"\mathrm{{{text}}}"


def _script(inside: str) -> str:
    if re.fullmatch(r"[a-zA-Z]{2,}", inside):
        return _name(inside)
    return to_latex(inside)


def _symbol(character: str) -> str:
    if character in SYMBOLS:
        return SYMBOLS[character]
    named = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", unicodedata.name(character, ""))
    if named:
        letter = named[2].lower().replace("amda", "ambda")
        return "\\" + (letter.capitalize() if named[1] == "CAPITAL" else letter) + " "
    return character


def _roots(latex: str) -> str:
    """A root takes what follows: a letter, a command or a bracket."""
    return re.sub(r"\\sqrt (\\?\w+|\([^()]*\))", r"\\sqrt{\1}", latex)
