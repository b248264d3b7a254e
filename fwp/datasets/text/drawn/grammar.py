"""Text of sentences from a probabilistic context-free grammar, filtered exactly."""

from bisect import bisect
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import accumulate

import numpy as np

from fwp.datasets.text.drawn.rules import MOST_SYMBOLS, PLACE, is_number, keys, shown, total
from fwp.datasets.text.drawn.rules import symbol as as_symbol
from fwp.utils.suggest import suggestion

MOST_RULES = 1000
LONGEST = 1000  # symbols of a sentence, on average
REMEMBERED = 50_000  # beliefs
DIGITS = 12  # of probabilities that tell beliefs apart

Belief = dict[tuple[str, ...], float]
"""Probability of what a sentence may still be derived from, by that: its first symbol last."""


class Grammar:
    """A source of sentences, each of which ends in a symbol of its own.

    Its first symbol is replaced by one of its rules, and so on, always the leftmost of those that
    have rules. What is left of a sentence is a stack, so who reads the text holds a belief about
    stacks. It is exact, and finite, as no symbol has a derivation that begins with itself.

    Args:
        generator: its config; `faults` finds no mistake in it. `rules` has for every symbol rows of
            probability and what replaces it. `start` is the first of them by default, `end` ".".
    """

    def __init__(self, generator: Mapping):
        self._rules = parsed(generator["rules"])
        start = generator.get("start")
        self._end = str(generator.get("end", "."))
        self._first = next(iter(self._rules)) if start is None else str(start)
        written = {s for rules in self._rules.values() for _, right in rules for s in right}
        self.alphabet = (*sorted(written - set(self._rules)), self._end)
        self._tokens = {symbol: token for token, symbol in enumerate(self.alphabet)}

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """A text of `count` symbols; its last sentence may be cut off: uint8 [count]."""
        limits = {s: [*accumulate(p for p, _ in rules)][:-1] for s, rules in self._rules.items()}
        rights = {s: [right[::-1] for _, right in rules] for s, rules in self._rules.items()}
        chances, text, stack = iter(()), bytearray(), []
        while len(text) < count:
            if not stack:
                stack = [self._end, self._first]
            top = stack.pop()
            if top not in rights:
                text.append(self._tokens[top])
                continue
            if (chance := next(chances, None)) is None:
                chances = iter(rng.random(1 << 16).tolist())
                chance = next(chances)
            stack += rights[top][bisect(limits[top], chance)]
        return np.frombuffer(bytes(text), dtype=np.uint8)

    def ideal(self, tokens: np.ndarray) -> np.ndarray:
        """Nats of each symbol given all before it, by exact filtering: float32 [N]."""
        root = {(self._end, self._first): 1.0}
        numbers = {_key(root): 0}  # of the beliefs that are remembered
        ways, following = [self._ways(root)], [{}]
        at, chances = 0, []
        for token in tokens.tolist():
            chance, belief = ways[at][token]
            chances.append(chance)
            to = following[at].get(token)
            if to is None:
                to = numbers.get(key := _key(belief))
                if to is None:
                    if len(ways) == REMEMBERED:  # begin anew
                        numbers, ways, following = {}, [], []
                        at = -1
                    to = numbers[key] = len(ways)
                    ways.append(self._ways(belief))
                    following.append({})
                if at >= 0:
                    following[at][token] = to
            at = to
        return (-np.log(chances)).astype(np.float32)

    def _ways(self, belief: Belief) -> dict[int, tuple[float, Belief]]:
        """For each symbol that may come next its probability, and the belief after it."""
        reached: dict[str, Belief] = {}
        waiting = [*belief.items()]
        while waiting:
            stack, chance = waiting.pop()
            *rest, top = stack
            if top in self._rules:
                for share, right in self._rules[top]:
                    waiting.append(((*rest, *reversed(right)), chance * share))
                continue
            # After the end of a sentence, the next one begins.
            left = tuple(rest) or (self._end, self._first)
            after = reached.setdefault(top, {})
            after[left] = after.get(left, 0.0) + chance
        ways = {}
        for symbol, after in reached.items():
            whole = sum(after.values())
            share = {stack: chance / whole for stack, chance in after.items()}
            ways[self._tokens[symbol]] = whole, share
        return ways

    def entropy(self) -> float | None:
        """Nats per symbol in the long run; None where no closed form is known.

        It is known where the next symbol always determines the rule, so that a sentence determines
        its derivation.
        """
        for rules in self._rules.values():
            begins = [s for _, right in rules for s in self._begins[right[0]]]
            if len(set(begins)) < len(begins):
                return None
        uses, length = _uses(self._rules, self._first)
        nats = sum(
            uses[s] * -sum(p * np.log(p) for p, _ in rules) for s, rules in self._rules.items()
        )
        return float(nats / (length + 1))

    @cached_property
    def _begins(self) -> dict[str, set[str]]:
        """Symbols of the alphabet that the derivations of each symbol begin with."""
        begins = {symbol: {symbol} for symbol in self.alphabet}

        def of(symbol: str) -> set[str]:
            if symbol not in begins:
                begins[symbol] = set().union(*(of(r[0]) for _, r in self._rules[symbol]))
            return begins[symbol]

        for symbol in self._rules:
            of(symbol)
        return begins


def parsed(rules: Mapping) -> dict[str, list[tuple[float, tuple[str, ...]]]]:
    """Rules of a config: probabilities, which sum to 1, and what a symbol is replaced by."""
    found = {}
    for symbol, rows in rules.items():
        whole = sum(row[0] for row in rows)
        found[str(symbol)] = [(row[0] / whole, tuple(_symbols(row[1]))) for row in rows]
    return found


def _symbols(right: object) -> list[str]:
    """The symbols that replace one: words of a text, or the items of a list."""
    return [str(s) for s in right] if isinstance(right, list) else str(right).split()


def _key(belief: Belief) -> frozenset:
    return frozenset((stack, round(chance, DIGITS)) for stack, chance in belief.items())


def _means(rules: Mapping) -> np.ndarray:
    """Symbols with rules that replace each one, on average: [symbols, symbols]."""
    names = list(rules)
    means = np.zeros((len(names), len(names)))
    for at, name in enumerate(names):
        for share, right in rules[name]:
            for symbol in right:
                if symbol in rules:
                    means[at, names.index(symbol)] += share
    return means


def _uses(rules: Mapping, first: str) -> tuple[dict[str, float], float]:
    """How often each symbol with rules occurs in a derivation, and the length; on average."""
    names = list(rules)
    start = np.eye(len(names))[names.index(first)]
    uses = np.linalg.solve(np.eye(len(names)) - _means(rules).T, start)
    written = [sum(p * sum(s not in rules for s in r) for p, r in rules[n]) for n in names]
    return dict(zip(names, uses.tolist(), strict=True)), float(uses @ written)


def faults(generator: Mapping) -> Iterator[str]:
    """A line for each mistake in the config of a grammar."""
    yield from keys(generator, ("rules",), ("start", "end"))
    rules, end = generator.get("rules"), generator.get("end", ".")
    if as_symbol(end) is None:
        yield f"{PLACE}.end: a symbol is text or a number, got {shown(end)}"
    if rules is None:
        return
    if not isinstance(rules, Mapping) or not 0 < len(rules) <= MOST_RULES:
        got = len(rules) if isinstance(rules, Mapping) else shown(rules)
        yield f"{PLACE}.rules: must be up to {MOST_RULES} symbols with their rules, got {got}"
        return
    found = [line for name, rows in rules.items() for line in _rows(f"{PLACE}.rules.{name}", rows)]
    start = generator.get("start")
    if start is not None and str(start) not in map(str, rules):
        near = suggestion(start, rules)
        found.append(f"{PLACE}.start: must be a symbol with rules, got {shown(start)}{near}")
    yield from found
    if not found:
        known = parsed(rules)
        yield from _whole(known, next(iter(known)) if start is None else str(start), str(end))


def _rows(place: str, rows: object) -> Iterator[str]:
    if not isinstance(rows, list) or not rows:
        yield f"{place}: must be a list of [probability, symbols], got {shown(rows)}"
        return
    chances = []
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != 2:
            yield f"{place}[{number}]: must be [probability, symbols], got {shown(row)}"
            continue
        chance, right = row
        if not is_number(chance) or not 0 < chance <= 1:
            yield f"{place}[{number}]: a probability is above 0 and at most 1, got {shown(chance)}"
        else:
            chances.append(chance)
        symbols = right if isinstance(right, list) else str(right).split()
        if right is None or not symbols or any(as_symbol(s) is None for s in symbols):
            yield (
                f"{place}[{number}]: must have symbols, one or more, with spaces in between, got "
                f"{shown(right)}"
            )
    if len(chances) == len(rows):
        yield from total(place, chances)


def _whole(rules: Mapping, first: str, end: str) -> Iterator[str]:
    """What is wrong with a grammar whose single rules are sound."""
    written = {s for rows in rules.values() for _, right in rows for s in right}
    if end in written | set(rules):
        yield f"{PLACE}.end: must be a symbol of no rule, as it ends a sentence, got {end!r}"
    if len(written - set(rules)) >= MOST_SYMBOLS:
        yield f"{PLACE}.rules: must have fewer than {MOST_SYMBOLS} symbols without rules"
    reached, waiting = {first}, [first]
    while waiting:
        new = {s for _, right in rules[waiting.pop()] for s in right if s in rules} - reached
        reached |= new
        waiting += new
    for name in rules:
        if name not in reached:
            yield f"{PLACE}.rules.{name}: cannot be reached from the start, {first}; remove it"
    lefts = {name: {right[0] for _, right in rows} & set(rules) for name, rows in rules.items()}
    for name in rules:
        begun, waiting = set(lefts[name]), [*lefts[name]]
        while waiting:
            new = lefts[waiting.pop()] - begun
            begun |= new
            waiting += new
        if name in begun:
            yield f"{PLACE}.rules.{name}: must not begin with itself; put it at another place"
    radius = max(abs(np.linalg.eigvals(_means(rules))))
    if radius > 1 - 1e-9:
        yield (
            f"{PLACE}.rules: sentences must end; a derivation of these grows by a factor of "
            f"{radius:.3g} per step, which must be below 1"
        )
    elif (length := _uses(rules, first)[1]) > LONGEST:
        yield (
            f"{PLACE}.rules: sentences must have at most {LONGEST} symbols on average, these have "
            f"{length:.0f}"
        )
