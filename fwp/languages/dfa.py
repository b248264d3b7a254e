"""A language of the user's own, as the table of a finite automaton in the config."""

from fwp.languages._checks import check_state, check_text, listed, shown
from fwp.languages._paths import DEAD
from fwp.languages.automaton import MOST_SYMBOLS, Automaton

MOST_STATES = 10_000


class Dfa(Automaton):
    """What a deterministic finite automaton accepts; every string of a length equally likely.

    `transitions` maps every state to a mapping of symbols to states; what is left out leads to
    rejection. `labels` is "member" (is the prefix in the language?), "next" (the set of symbols
    that may follow, and whether the string may end) or "state".
    """

    name = "dfa"
    title = "DFA"
    label_kinds = ("member", "next", "state")

    def __init__(
        self,
        *,
        transitions: dict,
        start: str,
        accept: list,
        alphabet: str = "",
        labels: str = "member",
    ):
        rows = table_of(transitions)
        self._names = list(rows)
        names = f"it must be one of {listed(rows)}"
        if (start := str(start)) not in rows:
            raise ValueError(f"start: names the state {shown(start)}, which has no row; {names}")
        if not isinstance(accept, list):
            raise ValueError(f"accept: must be a list of states, got {shown(accept)}")
        for state in accept:
            if str(state) not in rows:
                raise ValueError(
                    f"accept: names the state {shown(state)}, which has no row; {names}"
                )
        self._names.sort(key=lambda state: state != start)  # the start is number 0
        check_text("alphabet", alphabet, MOST_SYMBOLS)
        found = sorted({symbol for row in rows.values() for symbol in row})
        symbols = tuple(alphabet or found)
        for state, row in rows.items():
            for symbol, to in row.items():
                place = f"transitions.{state}.{symbol}"
                if to not in rows:
                    raise ValueError(f"{place}: leads to {shown(to)}, which has no row; {names}")
                if symbol not in symbols:
                    raise ValueError(
                        f"{place}: must be a symbol of the alphabet, one character of "
                        f"{shown(symbols)}"
                    )
        number = {state: i for i, state in enumerate(self._names)}
        table = [
            [number[rows[state][s]] if s in rows[state] else DEAD for s in symbols]
            for state in self._names
        ]
        super().__init__(symbols, table, {number[str(state)] for state in accept}, labels)

    def _label(self, state: int, labels: str) -> tuple:
        if labels != "state":
            return super()._label(state, labels)
        number = self._kept[state]
        return (number, self._names[number])


def table_of(transitions: object) -> dict[str, dict[str, str]]:
    """Transitions as the config has them, with text for all names; ValueError for other things."""
    if not isinstance(transitions, dict) or not transitions:
        raise ValueError(
            f"transitions: must map states to {{symbol: state}}, got {shown(transitions)}"
        )
    if len(transitions) > MOST_STATES:
        raise ValueError(
            f"transitions: must have at most {MOST_STATES} states, got {len(transitions)}"
        )
    rows = {}
    for state, row in transitions.items():
        check_state("transitions", str(state))
        place = f"transitions.{state}"
        if not isinstance(row, dict):
            raise ValueError(f"{place}: must map symbols to states, got {shown(row)}")
        for symbol in row:
            if len(str(symbol)) != 1:
                raise ValueError(f"{place}: a symbol is one character, got {shown(symbol)}")
        rows[str(state)] = {str(symbol): str(to) for symbol, to in row.items()}
    return rows
