"""The page of all languages: title, class, alphabet, classes of targets and an example of each."""

import re
from collections.abc import Mapping

import numpy as np

from builder.markdown import MissingError, as_table, table
from fwp import languages
from fwp.languages._title import titled
from fwp.utils.targets import NO_TARGET

HEADINGS = (
    "Regular languages",
    "Counters and stacks",
    "State tracking",
    "Strings that hold their answer",
)
PARAMS: Mapping[str, dict] = {"word_problem": {"group": "S3"}}
"""What the example of a language takes where it has no defaults."""
INTRODUCTION = """# All languages

Every language of the package, by its name in the config. This page is made from the classes of
`fwp/languages/`. [Languages](languages.md) has definitions, parameters and sources.

An example is a drawn string and the target of its last position that has one. Of languages with
parameters, the defaults are shown.
"""
YOURS = "[yours](languages.md#your-own-without-code)"


def page() -> str:
    """The page in Markdown. MissingError if docs/languages.md does not list a language."""
    named = {
        name: heading
        for heading in HEADINGS
        for row in table("docs/languages.md", heading)
        for name in re.findall(r"`(\w+)`", row[0])
    }
    if missing := sorted({*languages.names()} - named.keys()):
        raise MissingError(f"no table of docs/languages.md has {', '.join(missing)}")
    parts = [INTRODUCTION]
    for heading in HEADINGS:
        rows = [_row(n) for n in named if named[n] == heading and n in languages.names()]
        header = ["name", "title", "alphabet", "classes", "example"]
        anchor = heading.lower().replace(" ", "-")
        parts.append(f"## {heading}\n\n[Definitions](languages.md#{anchor})\n")
        parts.append(as_table(header, rows))
    return "\n".join(parts)


def _row(name: str) -> list[str]:
    params = PARAMS.get(name, {})
    try:
        language = languages.get(name, **params)
    except ValueError:  # it needs what only its user can say
        return [f"`{name}`", "", YOURS, YOURS, ""]
    given = f" with {', '.join(f'{key}: {value}' for key, value in params.items())}" * bool(params)
    classes = f"{len(language.classes)}: {', '.join(language.classes)}"
    if len(language.classes) > 8:
        classes = f"{len(language.classes)}: {', '.join(language.classes[:4])}, …"
    return [
        f"`{name}`{given}",
        _plain(titled(name, params)[0]),
        _code(" ".join(language.alphabet)),
        _plain(classes),
        _example(language),
    ]


def _example(language: languages.Language) -> str:
    """A string of at least six symbols, and the target of its last position that has one."""
    length = language.lengths(6, 40)[0]
    (string,) = language.draw(np.random.default_rng(0), length, 1)
    labels = [label for label in language.label(string) if label != NO_TARGET]
    return f"{_code(string)} → {_plain(language.classes[labels[-1]])}"


def _code(text: str) -> str:
    return "<code>" + _plain(text) + "</code>"


def _plain(text: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    special = "&<>|*_`[]{}()~^\\#:"
    return "".join(f"&#{ord(c)};" if c in special else c for c in text)
