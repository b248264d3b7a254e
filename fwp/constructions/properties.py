"""Properties of languages that theorems ask for, computed from their automata.

Strings that cannot be read have no labels, so that nothing is asked of them. What holds is proven
by an automaton or by name. A property that is not known to hold counts as not given.
"""

from collections.abc import Callable, Iterator
from functools import cache

from fwp.constructions.construction import NoConstructionError
from fwp.constructions.counters import NAMES as COUNTERS
from fwp.constructions.machine import DEAD, Machine, machine_of
from fwp.constructions.representations import turns_polygon
from fwp.languages.base import Language

MOST_ELEMENTS = 3000
"""Elements of a transition monoid; a larger one is not looked through."""

Element = tuple[int, ...]

UNBOUNDED = (*COUNTERS, "dyck_2")
"""Languages of unbounded counters or stacks, by name: no finite automaton labels them right."""


@cache
def properties(language: Language) -> frozenset[str]:
    """Names of `PROPERTIES` that a language is known to have."""
    return frozenset(name for name, (_, holds) in PROPERTIES.items() if holds(language))


@cache
def _machine(language: Language) -> Machine | None:
    try:
        return machine_of(language)
    except NoConstructionError:
        return None


@cache
def _monoid(language: Language) -> frozenset[Element] | None:
    """What all words do: the next state by state. None if they are too many."""
    machine = _machine(language)
    if machine is None:
        return None
    found: dict[Element, None] = {}
    for element in (waiting := [tuple(range(len(machine.rows)))]):  # grows meanwhile
        for column in machine.columns:
            after = tuple(DEAD if s == DEAD else column[s] for s in element)
            if after not in found:
                found[after] = None
                waiting.append(after)
                if len(found) > MOST_ELEMENTS:
                    return None
    return frozenset(found)


def _is_star_free(language: Language) -> bool:
    """Whether no word permutes states (McNaughton and Papert 1971)."""
    monoid = _monoid(language)
    return monoid is not None and not any(True for e in monoid for _ in _cycles(e))


def _is_periodic(language: Language, *, odd: bool = False, single: bool = False) -> bool:
    """Whether labels, after some word, go on to alternate while a word is repeated.

    Args:
        odd: whether their period must have an odd factor.
        single: whether the repeated word must be a single symbol.
    """
    machine, monoid = _machine(language), _monoid(language)
    if machine is None or monoid is None:
        return False
    elements = [*monoid, tuple(range(len(machine.rows)))]
    for element in machine.columns if single else monoid:
        for circle in _cycles(element):
            if odd and len(circle) & (len(circle) - 1) == 0:
                continue
            for after in elements:
                ends = [after[s] for s in circle]
                labels = [-1 if s == DEAD else machine.targets[s] for s in ends]
                if min(labels) >= 0 and _alternates(labels, odd=odd):
                    return True
    return False


def _alternates(labels: list[int], *, odd: bool) -> bool:
    """Whether the labels around a circle have a period above 1, or one that is no power of two."""
    period = next(p for p in range(1, len(labels) + 1) if labels == labels[p:] + labels[:p])
    return period & (period - 1) != 0 if odd else period > 1


def _cycles(element: Element) -> Iterator[list[int]]:
    """Circles of two states or more in which repeating an element leads."""
    seen: set[int] = set()
    for state in range(len(element)):
        path = []
        while state != DEAD and state not in seen:
            seen.add(state)
            path.append(state)
            state = element[state]
        if state in path[:-1]:
            yield path[path.index(state) :]


def _is_dihedral(language: Language) -> bool:
    """Whether the symbols act as symmetries of a polygon, as those of Z or D do."""
    machine = _machine(language)
    return machine is not None and turns_polygon(language, machine)


def _is_unsolvable(language: Language) -> bool:
    """Whether all words permute all states, and the group of these permutations is not solvable."""
    machine, monoid = _machine(language), _monoid(language)
    if machine is None or monoid is None:
        return False
    if any(len({*column}) < len(column) or DEAD in column for column in machine.columns):
        return False
    generators, size = machine.columns, len(monoid)
    while size > 1:
        generators, derived = _derived(generators)
        if derived == size:
            return True
        size = derived
    return False


def _derived(generators: list[Element]) -> tuple[list[Element], int]:
    """Generators of the commutator group, and its number of elements."""
    inverse = {g: tuple(sorted(range(len(g)), key=g.__getitem__)) for g in generators}
    waiting = [
        _product(_product(a, b), _product(inverse[a], inverse[b]))
        for a in generators
        for b in generators
    ]
    own: list[Element] = []
    found = {tuple(range(len(generators[0])))}
    for element in waiting:  # grows meanwhile, by conjugates: the group is normal
        if element not in found:
            own.append(element)
            found = _group(own)
            waiting += [_product(_product(g, element), inverse[g]) for g in generators]
    return own, len(found)


def _product(a: Element, b: Element) -> Element:
    """First `b`, then `a`."""
    return tuple([a[i] for i in b])


def _group(generators: list[Element]) -> set[Element]:
    """All products."""
    found = {tuple(range(len(generators[0])))}
    waiting = list(found)
    for element in waiting:  # grows meanwhile
        for generator in generators:
            if (after := _product(element, generator)) not in found:
                found.add(after)
                waiting.append(after)
    return found


PROPERTIES: dict[str, tuple[str, Callable[[Language], bool]]] = {
    "regular": ("a finite automaton labels it", lambda x: _machine(x) is not None),
    "star_free": ("no word permutes states of its automaton", _is_star_free),
    "periodic": ("labels alternate while a word repeats", _is_periodic),
    "alternating": (
        "labels alternate while a symbol repeats",
        lambda x: _is_periodic(x, single=True),
    ),
    "modular": (
        "labels have a period with an odd factor while a word repeats",
        lambda x: _is_periodic(x, odd=True),
    ),
    "dihedral": ("its symbols turn or mirror a polygon", _is_dihedral),
    "unsolvable": ("its automaton is that of an unsolvable group", _is_unsolvable),
    "counter": ("it is one of few counters", lambda x: x.name in COUNTERS),
    "unbounded": ("it needs a counter or a stack without bound", lambda x: x.name in UNBOUNDED),
}
"""By name: the property in words, and whether a language is known to have it."""
