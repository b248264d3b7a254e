"""The regular languages of FLaRe (Butoi et al. 2025): the answer is a part of the string.

The target is what may follow. All strings of a length are equally likely, as in their code.
`bounded_dyck` with two kinds and depth 3 is the seventh language.
"""

from fwp.languages._paths import DEAD
from fwp.languages.automaton import Automaton
from fwp.languages.regex import Pattern

DIGITS = "01234"


class FlareEvenPairs(Pattern):
    """The first and the last symbol agree: the number of 01 and 10 is even."""

    name = "flare_even_pairs"
    title = "Even pairs (FLaRe)"

    def __init__(self):
        super().__init__("(0([01]*0)?|1([01]*1)?)?")


class FlareParity(Pattern):
    """An odd number of 1s."""

    name = "flare_parity"
    title = "Parity (FLaRe)"

    def __init__(self):
        super().__init__("0*10*(10*10*)*")


class Repeat01(Pattern):
    """(01)*."""

    name = "repeat_01"
    title = "Repeat 01"

    def __init__(self):
        super().__init__("(01)*")


class First(Pattern):
    """The first symbol is a 1."""

    name = "first"
    title = "First"

    def __init__(self):
        super().__init__("1[01]*")


class FlareCycleNavigation(Automaton):
    """Steps on a cycle of five places, < = >, and then the place that they lead to."""

    name = "flare_cycle_navigation"
    title = "Cycle navigation (FLaRe)"

    def __init__(self):
        answered = len(DIGITS)  # the number of that state; before it are the places
        rows = [
            [(place - 1) % 5, place, (place + 1) % 5]
            + [answered if digit == place else DEAD for digit in range(5)]
            for place in range(5)
        ]
        super().__init__("<=>" + DIGITS, [*rows, [DEAD] * 8], {answered})


class FlareModularArithmetic(Automaton):
    """An expression over 0 to 4 with + - and *, then = and its value modulo five.

    It is computed from left to right, without precedence: 2+3*4=0. (In `modular_arithmetic`,
    products come first.)
    """

    name = "flare_modular_arithmetic"
    title = "Modular arithmetic (FLaRe)"

    def __init__(self):
        operators = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}
        states = ["", *DIGITS]
        states += [value + sign for value in DIGITS for sign in (*operators, "=")] + ["end"]
        number = {state: i for i, state in enumerate(states)}

        def following(state: str, symbol: str) -> int:
            value, last = state[:1], state[1:]
            if symbol not in DIGITS:
                after = state + symbol if state in (*DIGITS,) else ""
            elif last in operators:
                after = str(operators[last](int(value), int(symbol)) % 5)
            elif last == "=":
                after = "end" if value == symbol else ""
            else:
                after = symbol if state == "" else ""
            return number[after] if after else DEAD

        alphabet = (*DIGITS, *operators, "=")
        table = [[following(state, symbol) for symbol in alphabet] for state in states]
        super().__init__(alphabet, table, {number["end"]})
