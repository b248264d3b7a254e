"""Rules that parameters and windows of all languages keep."""

import numpy as np


def check_integer(key: str, value: object, least: int, most: int) -> None:
    """ValueError, one line that begins with `key`, unless `value` is an integer in the range."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{key}: must be an integer from {least} to {most}, got {value!r}")


def check_window(min_length: int, max_length: int) -> None:
    """ValueError unless 1 <= min_length <= max_length, both whole numbers."""
    for key, value in (("min_length", min_length), ("max_length", max_length)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{key}: a length is a whole number of at least 1, got {value!r}")
    if min_length > max_length:
        raise ValueError(
            f"min_length must not exceed max_length, got {min_length} and {max_length}"
        )
