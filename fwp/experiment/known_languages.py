"""Languages that a plan asks more than once: each is made once, as a large automaton takes a while.

They are for asking alone: a plan draws no strings.
"""

from collections.abc import Mapping
from typing import Any

from fwp import languages
from fwp.languages import Language

MOST = 1_000  # that are kept
_made: dict[tuple[str, str], Language] = {}


def known_language(name: str, params: Mapping[str, Any]) -> Language:
    """What `fwp.languages.get` returns; one object for equal parameters.

    A class of the user's own is made each time, as its file may change meanwhile.

    Raises:
        ValueError, TypeError: as there.
    """
    if ":" in name:
        return languages.get(name, **params)
    key = (name, repr(sorted(params.items())))
    if key not in _made:
        made = languages.get(name, **params)
        if len(_made) >= MOST:
            del _made[next(iter(_made))]
        _made[key] = made
    return _made[key]
