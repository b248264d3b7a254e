"""Changes of a config on the command line, in one dialect for `fwp` and Snakemake.

fwp train … --set training.epochs=5 --set 'models={lstm: null}'
snakemake … --config set="training.epochs=5 models={lstm: null}"
"""

import re
from collections.abc import Iterable
from typing import Any

from fwp.config.messages import ConfigError, show
from fwp.config.parsing import parse

PART = re.compile(r"""\s*("[^"]*"|'[^']*'|[^\s."'=]+)\s*""")  # of a key; in quotes it may hold dots
NEXT = re.compile(r"""\s+(?=(?:"[^"]*"|'[^']*'|[\w+-]+)(?:\.(?:"[^"]*"|'[^']*'|[\w+-]+))*=)""")


def layers(changes: object) -> list[dict]:
    """Configs that hold nothing but a change each.

    Args:
        changes: a text, which may hold several changes with blanks between them, or a list of them.

    Raises:
        ConfigError: one does not read key.key=value, or its value is not YAML.
    """
    listed = changes if isinstance(changes, list | tuple) else [changes]
    return [_layer(change) for text in listed for change in _split(_text(text))]


def _text(given: object) -> str:
    """A change as it was written: Snakemake reads text with a colon in it as YAML."""
    if isinstance(given, dict) and all(isinstance(value, str) for value in given.values()):
        return "\n".join(f"{key}: {value}" for key, value in given.items())
    if not isinstance(given, str):
        raise ConfigError([f"must read key.key=value, got {show(given)}"], "a change (set)")
    return given


def _split(text: str) -> Iterable[str]:
    """The changes in a text: a new one begins behind a blank that is in no bracket or quotes."""
    begin = depth = 0
    quote = ""
    for i, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and (i == 0 or text[i - 1] in " \t\n.=[{,:("):
            quote = character
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character.isspace() and not depth and NEXT.match(text, i):
            if text[begin:i].strip():
                yield text[begin:i].strip()
            begin = i
    yield text[begin:].strip()


def _layer(change: str) -> dict:
    keys, at = [], 0
    while match := PART.match(change, at):
        keys.append(match[1].strip("\"'"))
        at = match.end()
        if change[at : at + 1] != ".":
            break
        at += 1
    if not all(keys) or not keys or change[at : at + 1] != "=":
        raise ConfigError(
            [f"must read key.key=value, got {change!r}"],
            "a change (set)",
        )
    value: Any = parse(change[at + 1 :], change)
    for key in reversed(keys):
        value = {key: value}
    return value
