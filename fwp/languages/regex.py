"""Regular expressions: from a pattern to the minimal automaton."""

from collections.abc import Sequence

from fwp.languages import _patterns
from fwp.languages._checks import check_text, shown
from fwp.languages.automaton import Automaton, minimal

MOST_CHARACTERS = 20_000  # of a pattern


class Pattern(Automaton):
    """The strings that match a regular expression as a whole.

    Args:
        pattern: in the syntax of Python's `re`: symbols, `\\` before a special one, `.`, `[ab]`,
            `[a-z]`, `[^a]`, `( )`, `(?: )`, `|`, `*`, `+`, `?`, `{3}`, `{2,}`, `{2,5}`.
        alphabet: one character each; those of the pattern by default, sorted. `.` and `[^a]` mean
            symbols of the alphabet.
        labels: see `Automaton`.

    ValueError, one line that begins with the parameter's name, for what is not such a pattern, is
    not regular or matches nothing.
    """

    def __init__(self, pattern: str, alphabet: Sequence[str] = (), labels: str = "next"):
        try:
            symbols = tuple(alphabet) or tuple(_patterns.symbols(pattern))
            expression = _patterns.parse(pattern, symbols)
            table, accepting = minimal(*_patterns.automaton(expression, symbols))
        except OverflowError as error:
            raise ValueError(
                f"pattern: must stand for {error}, {shown(pattern)} has more"
            ) from None
        except RecursionError:
            raise ValueError("pattern: must not nest hundreds of groups") from None
        if not accepting:
            raise ValueError(f"pattern: must match a string, {shown(pattern)} matches none")
        super().__init__(symbols, table, accepting, labels)


class Regex(Pattern):
    """Whatever a regular expression matches as a whole; every string of a length equally likely.

    `labels` is "member" (is the prefix in the language?) or "next" (the set of symbols that may
    follow, and whether the string may end).
    """

    name = "regex"
    title = "Regex"

    def __init__(self, *, pattern: str, alphabet: str = "", labels: str = "member"):
        for key, value in (("pattern", pattern), ("alphabet", alphabet)):
            check_text(key, value, MOST_CHARACTERS)
        super().__init__(pattern, alphabet, labels)
