"""What a class of the user's own must have, told where it has not."""

import re

import numpy as np
import pytest

from fwp.languages.parity import Parity


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"alphabet": ("0", "ab")}, "Own.alphabet must be a tuple of symbols, each one character"),
        ({"alphabet": ("0", "0")}, "given once, got ('0', '0')"),
        ({"alphabet": "01"}, "Own.alphabet must be a tuple of symbols"),
        ({"alphabet": ()}, "got ()"),
        ({"classes": ()}, "Own.classes must be a tuple of names, one or more, got ()"),
        ({"start": [0]}, "Own.start must be hashable, as all states: a number"),
    ],
)
def test_attributes_are_checked(attributes, message):
    own = type("Own", (Parity,), attributes)()
    with pytest.raises(ValueError, match=re.escape(message)):
        own.check()
    Parity().check()


@pytest.mark.parametrize("target", [2, -1, "0", None, 0.5])
def test_a_target_is_a_class(target):
    own = type("Own", (Parity,), {"target": lambda self, state: target if state else 0})()
    message = (
        "Own.target must be an index into classes, 0 to 1, or NO_TARGET, "
        f"got {target!r} for the state 1"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        own.label("0100")
    tokens = np.array([0, 1, 0], dtype=np.uint8)
    with pytest.raises(ValueError, match=re.escape(message)):
        own.targets(tokens, np.array([0, 3]))


def test_a_language_without_strings_says_so():
    own = type("Own", (Parity,), {"count": lambda self, length: 0})()
    with pytest.raises(ValueError, match="none of 5 to 9 symbols, nor any that is up to 64"):
        own.no_strings(5, 9)
