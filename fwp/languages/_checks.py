"""Rules that parameters and windows of all languages keep."""

from collections.abc import Iterable

import numpy as np

MANY = 2**40
"""More strings than a config can ask for."""


def shown(value: object) -> str:
    """A value that was given, shortened."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def listed(names: Iterable[object], most: int = 10) -> str:
    """Names one after another; of many, the first alone."""
    texts = [str(name) for name in names]
    text = ", ".join(texts[:most])
    return text if len(texts) <= most else f"{text} and {len(texts) - most} more"


def check_integer(key: str, value: object, least: int, most: int) -> None:
    """ValueError, one line that begins with `key`, unless `value` is an integer in the range."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{key}: must be an integer from {least} to {most}, got {shown(value)}")


def check_flag(key: str, value: object) -> None:
    """ValueError, one line that begins with `key`, unless `value` is true or false."""
    if type(value) is not bool:
        raise ValueError(f"{key}: must be true or false, got {shown(value)}")


def check_choice(key: str, value: object, choices: tuple[str, ...]) -> None:
    """ValueError, one line that begins with `key`, unless `value` is one of the `choices`."""
    if value not in choices:
        raise ValueError(f"{key}: must be one of {', '.join(choices)}, got {shown(value)}")


def check_state(place: str, name: str) -> None:
    """ValueError, with its place in the config, unless a state's name is one that can be shown."""
    if len(name) > 64 or not name.isprintable():
        raise ValueError(
            f"{place}: a state's name is one line of at most 64 characters, got {shown(name)}"
        )


def check_text(key: str, value: object, most: int) -> None:
    """ValueError, one line that begins with `key`, unless `value` is text of at most `most`."""
    if not isinstance(value, str):
        raise ValueError(f"{key}: must be text, put it in quotes, got {shown(value)}")
    if len(value) > most:
        raise ValueError(
            f"{key}: must have at most {most} characters, got {len(value)}: {shown(value)}"
        )


def check_window(min_length: int, max_length: int) -> None:
    """ValueError unless 1 <= min_length <= max_length, both whole numbers."""
    for key, value in (("min_length", min_length), ("max_length", max_length)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{key}: a length is a whole number of at least 1, got {shown(value)}")
    if min_length > max_length:
        raise ValueError(
            f"min_length must not exceed max_length, got {min_length} and {max_length}"
        )
