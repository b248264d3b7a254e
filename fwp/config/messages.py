"""How mistakes in a config are told: places and values as they stand in it."""

import json
import re
import reprlib
from collections.abc import Iterable

MOST_LINES = 10  # of a message
MOST_SHOWN = 60  # characters of a value
PLAIN = re.compile(r"[\w+-]+")  # keys that need no quotes


class ConfigError(ValueError):
    """Mistakes in a config; `problems` holds one line for each, `source` names the config."""

    def __init__(self, problems: Iterable[str], source: str = "the config"):
        self.source = source
        # Half a character, which YAML can hold, cannot be printed.
        lines = (line.encode("utf-8", "backslashreplace").decode() for line in problems)
        self.problems = list(dict.fromkeys(lines))
        count = "a mistake" if len(self.problems) == 1 else f"{len(self.problems)} mistakes"
        told = self.problems[:MOST_LINES]
        if len(self.problems) > MOST_LINES:
            told = [*told, f"and {len(self.problems) - MOST_LINES} more"]
        super().__init__("\n  ".join([f"{source} has {count}:", *told]))


def dotted(place: Iterable) -> str:
    """A place in the config as it is written in messages: models.deltanet.heads."""
    text = ""
    for key in place:
        name = str(key) if PLAIN.fullmatch(str(key)) else show(key)
        text += f"[{key}]" if isinstance(key, int) else f".{name}" if text else name
    return text or "the config"


def show(value: object) -> str:
    """A value as it might stand in the config, shortened; of a large one the rest is not read."""
    if isinstance(value, str):
        value = value[: MOST_SHOWN + 1]
    text = ""
    try:
        for part in json.JSONEncoder(ensure_ascii=False).iterencode(value):
            text += part
            if len(text) > MOST_SHOWN:
                break
    except (TypeError, ValueError):
        text = reprlib.repr(value)
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "..."
