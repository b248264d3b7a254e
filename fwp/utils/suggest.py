"""What somebody may have meant by a word that is not known."""

import difflib
from collections.abc import Iterable


def suggestion(word: object, known: Iterable) -> str:
    """The words " (did you mean …?)" for one that is close to a known one, else nothing."""
    names = {str(name).lower(): str(name) for name in known}
    close = difflib.get_close_matches(str(word).lower(), names, n=1)
    return f" (did you mean {names[close[0]]!r}?)" if close else ""
