"""In which class a regular language is, decided by its minimal automaton: no code of the package.

The transformations of states by words are the syntactic semigroup. Classes are properties of it:
Schützenberger 1965 (star-free), Simon 1975 (piecewise testable), Brzozowski and Simon 1973 (locally
testable), Beauquier and Pin 1991 (locally threshold testable), Knast 1983 (dot-depth one). Strict
locality is one of pairs of states, strict piecewiseness one of the order of states (Rogers et al.
2010). A class on a tier is that of the automaton without the symbols that change no state.
"""

from itertools import product

import numpy as np


class Automaton:
    """A complete minimal automaton; state 0 is the start."""

    def __init__(self, table, accepting):
        self.table = np.array(table)
        self.accepting = np.isin(np.arange(len(table)), sorted(accepting))
        letters = [tuple(column) for column in self.table.T]
        words = list(dict.fromkeys(letters))
        known = set(words)
        for word in words:  # grows meanwhile
            for letter in letters:
                longer = tuple(letter[state] for state in word)
                if longer not in known:
                    known.add(longer)
                    words.append(longer)
        self.semigroup = np.array(words)
        number = {word: i for i, word in enumerate(words)}
        self.right = [[number[tuple(g[s] for s in w)] for g in letters] for w in words]
        self.left = [[number[tuple(w[s] for s in g)] for g in letters] for w in words]
        squares = np.take_along_axis(self.semigroup, self.semigroup, axis=1)
        self.idempotents = self.semigroup[(squares == self.semigroup).all(axis=1)]

    @property
    def on_tier(self):
        """Without the symbols that change no state."""
        kept = [t for t, column in enumerate(self.table.T) if (column != range(len(column))).any()]
        return Automaton(self.table[:, kept], np.flatnonzero(self.accepting).tolist())

    @property
    def is_aperiodic(self):
        return all((omega(word) == word[omega(word)]).all() for word in self.semigroup)

    @property
    def is_cyclic_group(self):
        """Whether the semigroup is the group of integers modulo a prime."""
        order = len(self.semigroup)
        prime = order > 1 and all(order % n for n in range(2, order))
        return prime and all(len(set(word)) == len(word) for word in self.semigroup.tolist())

    @property
    def is_piecewise_testable(self):
        return not (has_cycle(_apart(self.right)) or has_cycle(_apart(self.left)))

    @property
    def is_locally_testable(self):
        for e in self.idempotents:
            local = self.between(e, e)
            if any((a[a] != a).any() or (a[b] != b[a]).any() for a, b in product(local, local)):
                return False
        return True

    @property
    def is_locally_threshold_testable(self):
        if not self.is_aperiodic:
            return False
        for e, f in product(self.idempotents, repeat=2):
            there, back = self.between(e, f), self.between(f, e)
            for a, b, c in product(there, back, there):
                if (c[b[a]] != a[b[c]]).any():
                    return False
        return True

    @property
    def is_piecewise_locally_testable(self):
        for e, f in product(self.idempotents, repeat=2):
            there, back = self.between(e, f), self.between(f, e)
            firsts, lasts = set(), set()
            for x, y in product(there, back):
                xy = omega(y[x])
                firsts.add((tuple(xy), tuple(x[xy])))
                lasts.add((tuple(xy), tuple(xy[y])))
            for (xy, xyx), (zt, tzt) in product(firsts, lasts):
                if any(tzt[xyx[s]] != zt[xy[s]] for s in range(len(xy))):
                    return False
        return True

    @property
    def is_strictly_local(self):
        """No two states from which strings are accepted stay apart for ever."""
        live = self.live
        pairs = [(p, q) for p in live for q in live if p < q]
        number = {pair: i for i, pair in enumerate(pairs)}
        edges = []
        for p, q in pairs:
            after = [tuple(sorted(pair)) for pair in self.table[[p, q]].T.tolist()]
            edges.append([number[pair] for pair in after if pair in number])
        return not has_cycle(edges)

    @property
    def is_strictly_piecewise(self):
        """What is accepted after a symbol is accepted without it."""
        waiting = [(p, to) for p, row in enumerate(self.table.tolist()) for to in row]
        seen = set(waiting)
        for without, after in waiting:  # grows meanwhile
            if self.accepting[after] and not self.accepting[without]:
                return False
            new = {*zip(self.table[without].tolist(), self.table[after].tolist(), strict=True)}
            waiting += new - seen
            seen |= new
        return True

    @property
    def complement(self):
        return Automaton(self.table, np.flatnonzero(~self.accepting).tolist())

    @property
    def live(self):
        """States from which a string is accepted."""
        found = {*np.flatnonzero(self.accepting).tolist()}
        while True:
            more = {p for p, row in enumerate(self.table.tolist()) if found & {*row}}
            if more <= found:
                return sorted(found)
            found |= more

    def between(self, e, f):
        """All e·s·f, each once."""
        return np.unique(f[self.semigroup[:, e]], axis=0)


def omega(word):
    """The idempotent power of a transformation."""
    power = word
    while (power[power] != power).any():
        power = word[power]
    return power


def has_cycle(edges):
    """Whether a graph, a list of lists of places, has a cycle; a loop is one."""
    left = set(range(len(edges)))
    while ends := {place for place in left if not left & {*edges[place]}}:
        left -= ends
    return bool(left)


def _apart(edges):
    """A graph without loops."""
    return [[to for to in after if to != place] for place, after in enumerate(edges)]
