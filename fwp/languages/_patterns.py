"""From the text of a regular expression to an automaton."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, NoReturn

from fwp.languages._checks import shown
from fwp.languages._paths import DEAD, Table
from fwp.languages.automaton import MOST_SYMBOLS

MOST_POSITIONS = 2_000  # symbols of a pattern, those within {…} counted as often as they repeat
MOST_PARTS = 100_000  # symbols, sequences, choices and groups, counted likewise
MOST_STATES = 2_000  # of the automaton


def symbols(pattern: str) -> list[str]:
    """The symbols that a pattern mentions, sorted. ValueError for what is not a pattern."""
    parser = _Parser(pattern)
    parser.read()
    return sorted(parser.found)


def parse(pattern: str, alphabet: Sequence[str]) -> object:
    """The expression that `pattern` stands for. ValueError, one line, for what is not a pattern."""
    return _Parser(pattern, alphabet).read()


class Choice(NamedTuple):
    """One of several expressions."""

    parts: list


class Sequel(NamedTuple):
    """Expressions one after another; none of them: the empty string."""

    parts: list


class Repeated(NamedTuple):
    """An expression `low` to `high` times; `high` None: without bound."""

    part: object
    low: int
    high: int | None


class Ends(NamedTuple):
    """Where strings of an expression may begin and end: masks of positions."""

    empty: bool
    first: int
    last: int


def automaton(expression: object, alphabet: Sequence[str]) -> tuple[Table, set[int]]:
    """Transitions and accepting states, by the positions that may have been read last.

    Glushkov 1961: a position is a place of the expression where a symbol stands.

    Args:
        expression: `Choice`, `Sequel`, `Repeated` or a set of symbols.
        alphabet: the symbols.

    OverflowError for too large a one, saying what it may be.
    """
    places = _Places()
    ends = places.add(expression)
    holding = [sum(1 << p for p, s in enumerate(places.symbols) if a in s) for a in alphabet]
    start = 1 << len(places.symbols)
    follow, last = [*places.follow, ends.first], ends.last | (start if ends.empty else 0)
    table: Table = []
    states = {start: 0}
    for state in (found := [start]):  # grows meanwhile
        candidates = 0
        for position in _bits(state):
            candidates |= follow[position]
        row = []
        for mask in holding:
            following = candidates & mask
            if following and following not in states:
                states[following] = len(found)
                found.append(following)
            row.append(states.get(following, DEAD))
        table.append(row)
        if len(found) > MOST_STATES:
            raise OverflowError(f"an automaton of at most {MOST_STATES} states")
    return table, {number for state, number in states.items() if state & last}


class _Places:
    """The positions of an expression: the symbols there, and which positions may follow."""

    def __init__(self):
        self.symbols: list = []  # sets
        self.follow: list[int] = []
        self.parts = 0

    def add(self, expression: object) -> Ends:
        self.parts += 1
        if self.parts > MOST_PARTS:  # groups may be empty, so that there are few symbols
            raise OverflowError(f"at most {MOST_PARTS} parts")
        match expression:
            case Choice(parts):
                ends = Ends(False, 0, 0)
                for empty, first, last in map(self.add, parts):
                    ends = Ends(ends.empty or empty, ends.first | first, ends.last | last)
                return ends
            case Sequel(parts):
                ends = Ends(True, 0, 0)
                for empty, first, last in map(self.add, parts):
                    self._link(ends.last, first)
                    ends = Ends(
                        ends.empty and empty,
                        ends.first | first if ends.empty else ends.first,
                        ends.last | last if empty else last,
                    )
                return ends
            case Repeated(part, low, None) if low > 1:
                return self.add(Sequel([part] * (low - 1) + [Repeated(part, 1, None)]))
            case Repeated(part, low, None):
                ends = self.add(part)
                self._link(ends.last, ends.first)
                return ends._replace(empty=ends.empty or low == 0)
            case Repeated(part, low, int(high)):
                optional = Choice([Sequel([]), part])
                return self.add(Sequel([part] * low + [optional] * (high - low)))
        if len(self.symbols) == MOST_POSITIONS:
            raise OverflowError(f"at most {MOST_POSITIONS} symbols")
        place = 1 << len(self.symbols)
        self.symbols.append(expression)
        self.follow.append(0)
        return Ends(False, place, place)

    def _link(self, before: int, after: int) -> None:
        for position in _bits(before):
            self.follow[position] |= after


def _bits(mask: int) -> Iterator[int]:
    """Numbers of the bits that are set."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


class _Parser:
    """Recursive descent over a pattern. Without an alphabet it takes any symbol, and notes it."""

    def __init__(self, pattern: str, alphabet: Sequence[str] = ()):
        self.pattern, self.at = pattern, 0
        self.alphabet, self.found = frozenset(alphabet), set()

    def read(self) -> object:
        """The expression that the whole pattern stands for."""
        expression = self._choice()
        if self.at < len(self.pattern):
            self._fail("has a ) without its (")
        return expression

    def _choice(self) -> object:
        parts = [self._sequel()]
        while self._take("|"):
            parts.append(self._sequel())
        return Choice(parts)

    def _sequel(self) -> object:
        parts = []
        while self._peek() not in ("", "|", ")"):
            part = self._one()
            while self._peek() in ("*", "+", "?", "{"):
                part = Repeated(part, *self._bounds())
            parts.append(part)
        return Sequel(parts)

    def _bounds(self) -> tuple[int, int | None]:
        sign = self._read()
        if sign != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        text, closed, _ = self.pattern[self.at :].partition("}")
        low, comma, high = text.partition(",")
        if not (closed and low.isdecimal() and (high.isdecimal() or not high)):
            self._fail("has a { that does not begin {3}, {2,} or {2,5}")
        self.at += len(text) + 1
        least, most = int(low), int(high) if high else None if comma else int(low)
        if max(least, most or 0) > MOST_POSITIONS or (most is not None and most < least):
            self._fail(f"has bounds that are not {{least,most}} with most <= {MOST_POSITIONS}")
        return least, most

    def _one(self) -> object:
        match symbol := self._read():
            case "^" | "$":
                self._fail("has an anchor, which is not needed: the whole string must match")
            case "*" | "+" | "?" | "{":
                self._fail("has nothing to repeat")
            case "(":
                return self._group()
            case "[":
                return self._class()
            case ".":
                return self.alphabet
        return self._known({self._escaped() if symbol == "\\" else symbol})

    def _group(self) -> object:
        if self._take("?") and not self._take(":"):
            kinds = {"=": "look-ahead", "!": "look-ahead", "<": "look-behind"}
            self._fail(
                f"has a {kinds.get(self._peek(), 'special group')}; groups are ( ) and (?: )"
            )
        expression = self._choice()
        if not self._take(")"):
            self._fail("has a ( without its )")
        return expression

    def _class(self) -> frozenset[str]:
        negated = self._take("^")
        found: set[str] = set()
        while not self._take("]"):
            low = high = self._in_class()
            if self._peek() == "-" and self.pattern[self.at + 1 : self.at + 2] != "]":
                self.at += 1
                high = self._in_class()
            if ord(high) - ord(low) not in range(MOST_SYMBOLS):
                self._fail(f"has a range that is not of 1 to {MOST_SYMBOLS} symbols")
            found |= set(map(chr, range(ord(low), ord(high) + 1)))
        if not found:
            self._fail("has an empty [ ]")
        known = self._known(found)
        return self.alphabet - known if negated else known

    def _in_class(self) -> str:
        symbol = self._read()
        if not symbol:
            self._fail("has a [ without its ]")
        return self._escaped() if symbol == "\\" else symbol

    def _escaped(self) -> str:
        symbol = self._read()
        if symbol.isdecimal():
            self._fail("has a back-reference, which is not regular")
        if not symbol or symbol.isalnum():
            self._fail("has a \\ that does not stand before a special symbol")
        return symbol

    def _known(self, symbols: set[str]) -> frozenset[str]:
        self.found |= symbols
        if self.alphabet and (foreign := sorted(symbols - self.alphabet)):
            self._fail(f"has {foreign[0]!r}, which is not in the alphabet")
        return frozenset(symbols)

    def _peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _read(self) -> str:
        symbol = self._peek()
        self.at += len(symbol)
        return symbol

    def _take(self, symbol: str) -> bool:
        taken = self._peek() == symbol
        self.at += taken
        return taken

    def _fail(self, reason: str) -> NoReturn:
        raise ValueError(
            f"pattern: must be a regular expression, {shown(self.pattern)} {reason} "
            f"(read up to position {self.at})"
        )
