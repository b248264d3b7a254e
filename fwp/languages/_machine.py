"""Finite automata with outputs (Moore machines): of languages, minimal, compared.

A machine is a dict state → (output, {symbol: next state}) whose first key is where reading starts;
a symbol that is missing cannot be read there. Minimising is AALpy's work (Muškardin et al. 2022).
"""

from collections import deque
from collections.abc import Hashable, Iterator
from functools import cache

Machine = dict[Hashable, tuple[object, dict[str, Hashable]]]

LIMIT = 100  # states; more are drawn and understood by nobody
_SINK = "cannot be read"
_OUTSIDE = "outside the language"


class MachineError(ValueError):
    """The automaton cannot be computed; the message says why."""


def of_language(language, limit: int = LIMIT) -> Machine | None:
    """The minimal machine of an `fwp.languages.Language`; None if it has more states than `limit`.

    Outputs are classes (text). A language whose states are without bound (a counter) has none.
    """
    following = states_of(language, limit)
    if following is None:
        return None
    return minimal({state: (_class(language, state), after) for state, after in following.items()})


def of_recogniser(language, classes: tuple[str, str], limit: int = LIMIT) -> Machine | None:
    """The minimal machine that says of every string whether it is in a language.

    It reads every string over the alphabet. None if the language has more states than `limit`.

    Args:
        classes: of strings outside, and of those of the language.
    """
    following = states_of(language, limit)
    if following is None:
        return None
    # Where no string of the language goes on.
    outside: dict[str, Hashable] = dict.fromkeys(language.alphabet, _OUTSIDE)
    machine: Machine = {
        state: (classes[bool(language.accepts(state))], outside | after)
        for state, after in following.items()
    }
    machine[_OUTSIDE] = (classes[0], outside)
    return minimal(machine)


def is_finite(language, limit: int = LIMIT) -> bool:
    """Whether a language has at most `limit` states before minimising; needs no library."""
    return states_of(language, limit) is not None


def states_of(language, limit: int) -> dict[Hashable, dict[str, Hashable]] | None:
    """All states as they are reached, each with the next one by symbol; None beyond `limit`."""
    found: dict = {}
    waiting = [language.start]
    while waiting:
        state = waiting.pop(0)
        if state not in found:
            if len(found) == limit:
                return None
            following = {symbol: language.step(state, symbol) for symbol in language.alphabet}
            found[state] = {s: after for s, after in following.items() if after is not None}
            waiting += found[state].values()
    return found


def _class(language, state) -> str:
    target = language.target(state)
    return language.classes[target] if target >= 0 else "·"


def minimal(machine: Machine) -> Machine:
    """The smallest machine with the same outputs; states are numbered as they are reached."""
    automaton = _automaton(machine)
    automaton.minimize()
    numbers = {automaton.initial_state: 0}
    result: Machine = {}
    for state in (order := [automaton.initial_state]):
        following = {}
        for symbol in sorted(state.transitions):
            after = state.transitions[symbol]
            if after.output == _SINK:
                continue
            if after not in numbers:
                numbers[after] = len(numbers)
                order.append(after)
            following[symbol] = numbers[after]
        result[numbers[state]] = (state.output, following)
    return result


def difference(machine: Machine, own: Machine) -> str | None:
    """A shortest string of `own` after which `machine` says something else; None if there is none.

    What either cannot read is not asked, nor what is said before the first symbol.
    """
    return next((s for s, says, is_right in _compare(machine, own) if says and not is_right), None)


def unread(machine: Machine, own: Machine) -> str | None:
    """A shortest string of `own` that `machine` cannot read; None if there is none.

    A machine that was read out of a model has no transition that the model was not seen to make.
    """
    return next((string for string, says, _ in _compare(machine, own) if not says), None)


def _compare(machine: Machine, own: Machine) -> Iterator[tuple[str, bool, bool]]:
    """Strings of `own` by length, one for each pair of states that they lead to.

    With each, whether `machine` says anything after it, and whether that is what `own` says.
    """
    start = next(iter(machine)), next(iter(own))
    strings, waiting = {start: ""}, deque([start])
    while waiting:
        pair = waiting.popleft()
        following = machine[pair[0]][1]
        for symbol, after in own[pair[1]][1].items():
            string = strings[pair] + symbol
            reached = following.get(symbol), after
            if reached[0] is None:
                yield string, False, False
                continue
            yield string, True, machine[reached[0]][0] == own[after][0]
            if reached not in strings:
                strings[reached] = string
                waiting.append(reached)


def run(machine: Machine, string: str) -> list:
    """Outputs after each symbol; None from a symbol on that cannot be read."""
    state, outputs = next(iter(machine)), []
    for symbol in string:
        state = machine[state][1].get(symbol) if state is not None else None
        outputs.append(None if state is None else machine[state][0])
    return outputs


def _automaton(machine: Machine):
    """The machine for AALpy, with a sink for what cannot be read, as it wants all inputs."""
    _library()
    from aalpy.automata import MooreMachine

    symbols = sorted({symbol for _, following in machine.values() for symbol in following})
    names = {state: f"s{i}" for i, state in enumerate(machine)}
    setup = {
        names[state]: (output, {s: names.get(following.get(s), _SINK) for s in symbols})
        for state, (output, following) in machine.items()
    }
    setup[_SINK] = (_SINK, dict.fromkeys(symbols, _SINK))
    return MooreMachine.from_state_setup(setup)


@cache
def _library() -> None:
    try:
        import aalpy  # noqa: F401
    except ImportError:
        raise MachineError(
            "automata are minimised by the package aalpy, which is missing: pip install aalpy"
        ) from None


def from_json(entry: dict[str, list] | None) -> Machine | None:
    """A machine as JSON gives it back: with lists for tuples and text for the numbers of states."""
    if entry is None:
        return None
    return {int(state): (output, following) for state, (output, following) in entry.items()}
