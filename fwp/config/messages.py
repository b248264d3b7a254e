"""How mistakes in a config are told: places and values as they stand in it."""

import json
import re
from collections.abc import Iterable

PLAIN = re.compile(r"[\w+-]+")  # keys that need no quotes


class ConfigError(ValueError):
    """Mistakes in a config; `problems` holds one line for each, `source` names the config."""

    def __init__(self, problems: Iterable[str], source: str = "the config"):
        self.source = source
        # Half a character, which YAML can hold, cannot be printed.
        lines = (line.encode("utf-8", "backslashreplace").decode() for line in problems)
        self.problems = list(dict.fromkeys(lines))
        count = "a mistake" if len(self.problems) == 1 else f"{len(self.problems)} mistakes"
        super().__init__("\n  ".join([f"{source} has {count}:", *self.problems]))


def dotted(place: Iterable) -> str:
    """A place in the config as it is written in messages: models.deltanet.heads."""
    text = ""
    for key in place:
        name = str(key) if PLAIN.fullmatch(str(key)) else show(key)
        text += f"[{key}]" if isinstance(key, int) else f".{name}" if text else name
    return text or "the config"


def show(value: object) -> str:
    """A value as it might stand in the config, shortened."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
