"""Dyck-1, the balanced brackets, and the grammar that Dyck-like strings are drawn from."""

from functools import cache
from math import comb, sqrt

import numpy as np

from fwp.languages._checks import shown
from fwp.languages.base import Language

MOST_JOINS = 100


class Dyck1(Language):
    """Balanced strings of one pair of brackets; the target says whether a bracket is open.

    Bhattamishra et al. 2020. State: the depth. Strings of a length follow the grammar
    S → (S) with probability p | SS with probability q | empty, given that length.
    """

    name = "dyck_1"
    title = "Dyck-1"
    alphabet = ("(", ")")
    classes = ("balanced", "open")
    start = 0
    period = 2

    def __init__(self, *, p: float = 0.5, q: float = 0.25):
        self.grammar = Grammar(p, q)
        self.distribution = f"{self.grammar}, given the length"

    def step(self, state: int, symbol: str) -> int | None:
        if symbol == "(":
            return state + 1
        return state - 1 if state > 0 else None

    def accepts(self, state: int) -> bool:
        return state == 0

    def target(self, state: int) -> int:
        return int(state > 0)

    def count(self, length: int) -> int:
        return 0 if length % 2 else catalan(length // 2)

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        return [self.grammar.draw(rng, length // 2) for _ in range(count)]


class Grammar:
    """S → (S) with probability p | SS with probability q | empty, given the number of brackets.

    A derivation with n productions (S) is a tree of n unary, j binary and j + 1 empty nodes. There
    are (n + 2j)! / (n! j! (j + 1)!) such trees, and each has probability pⁿ qʲ rʲ⁺¹ with
    r = 1 − p − q. So, given n, draw j with weights (n + 2j)! / (j! (j + 1)!) (q r)ʲ and then one of
    its trees, all equally likely: by the cycle lemma (Dvoretzky and Motzkin 1947) every arrangement
    of the nodes has exactly one rotation that is a tree in preorder. Nothing is rejected.
    """

    def __init__(self, p: float = 0.5, q: float = 0.25):
        for key, value in (("p", p), ("q", q)):
            if type(value) not in (int, float):
                raise ValueError(f"{key}: must be a number from 0 to 1, got {shown(value)}")
        if not (0 < p < 1 and 0 <= q < 1 and p + q < 1):
            raise ValueError(
                "the grammar S → (S) with p | SS with q | empty needs 0 < p, 0 <= q and p + q < 1, "
                f"got p = {p!r} and q = {q!r}"
            )
        root = sqrt(q * (1 - p - q))
        if root / (1 - 2 * root) > MOST_JOINS:  # SS for each (S) in a long derivation
            raise ValueError(
                f"the grammar S → (S) with p | SS with q | empty must use SS at most {MOST_JOINS} "
                f"times for each (S) on average, got p = {p!r} and q = {q!r}; a larger p does"
            )
        self.p, self.q = p, q

    def __str__(self) -> str:
        return f"grammar S → (S) with p = {self.p} | SS with q = {self.q} | empty"

    def draw(self, rng: np.random.Generator, pairs: int) -> str:
        """A random word of `pairs` pairs of brackets."""
        least, cumulated = _joins(pairs, self.q * (1 - self.p - self.q))
        joins = least + int(np.searchsorted(cumulated, rng.random(), side="right"))
        children = np.repeat(np.array([1, 2, 0], dtype=np.int8), [pairs, joins, joins + 1])
        rng.shuffle(children)
        cut = int(np.argmin(np.cumsum(children - 1, dtype=np.int64))) + 1
        return _read(children[cut:].tobytes() + children[:cut].tobytes())


@cache
def _joins(pairs: int, qr: float) -> tuple[int, np.ndarray]:
    """Law of the number j of SS in a derivation with `pairs` brackets: (least j, cumulated shares).

    Starts near the largest weight and goes on both ways while weights count in double precision.
    Only + × ÷ are used, so that the numbers are the same on every machine.
    """
    root = sqrt(qr)
    middle = int(pairs * root / (1 - 2 * root))

    def ratio(j: int) -> float:  # weight of j + 1 over weight of j
        return (pairs + 2 * j + 1) * (pairs + 2 * j + 2) / ((j + 1) * (j + 2)) * qr

    weights = [1.0]
    while weights[-1] > 1e-20:
        weights.append(weights[-1] * ratio(middle + len(weights) - 1))
    least = middle
    while least > 0 and weights[0] > 1e-20:
        least -= 1
        weights.insert(0, weights[0] / ratio(least))
    cumulated = np.cumsum(weights)
    cumulated /= cumulated[-1]
    return least, cumulated


def _read(preorder: bytes) -> str:
    """Word of a derivation tree, given the number of children of each node in preorder."""
    word = []
    waiting = []  # nodes whose first child is being read: 1 = a bracket to close, 2 = an SS
    for children in preorder:
        if children == 1:
            word.append("(")
            waiting.append(1)
        elif children == 2:
            waiting.append(2)
        else:
            while waiting and waiting.pop() == 1:
                word.append(")")
    return "".join(word)


def catalan(n: int) -> int:
    """Number of balanced strings of n pairs of brackets."""
    return comb(2 * n, n) // (n + 1)


def paths(depth: int, length: int) -> int:
    """Number of ways to close `depth` open brackets of one kind with `length` more symbols."""
    opening, odd = divmod(length - depth, 2)
    if odd or opening < 0:
        return 0
    return comb(length, opening) - (comb(length, opening - 1) if opening else 0)


def nestings(kinds: int, depth: int, length: int) -> int:
    """Number of ways to close `depth` brackets with `length` more symbols so that none cross."""
    opened = max(0, length - depth) // 2
    return paths(depth, length) * kinds**opened
