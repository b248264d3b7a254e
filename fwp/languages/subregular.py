"""Random languages of the classes below the regular ones (MLRegTest, van der Poel et al. 2024).

A language is a Boolean function of what its class can see of a string w, with marks at its ends:

    SL      no factor of ⋊w⋉ of k symbols is forbidden (strictly local)
    SP      no subsequence of w of k symbols is forbidden (strictly piecewise)
    LT      which factors of k symbols ⋊w⋉ has (locally testable)
    LTT     how often it has them, counted up to t (locally threshold testable)
    PT      which subsequences of k symbols w has (piecewise testable)
    PLT     which sequences of two factors of k symbols w has (piecewise locally testable)
    SF      the state of a cascade of resets; all star-free languages are such (star-free)
    Zp      a weighted sum of symbols, modulo 2, 3 or 5 (a cyclic group)
    Reg     such a sum together with what one of SL, SP, LT, PT or SF sees (regular)

TSL, TLT, TLTT and TPLT see the string without all symbols but those of a tier. coSL, coSP and TcoSL
are complements. Functions depend on each of their arguments.
"""

import random
from itertools import product

from fwp.languages import _pieces
from fwp.languages._checks import check_choice, check_integer
from fwp.languages._paths import Paths
from fwp.languages._pieces import BEGIN, END, Piece
from fwp.languages.automaton import Automaton, minimal

SYMBOLS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
LOCAL = ("SL", "coSL", "TSL", "TcoSL", "SP", "coSP")
TIERS = ("TSL", "TcoSL", "TLT", "TLTT", "TPLT")
COUNTED = ("LTT", "TLTT")
PLAIN = ("SF", "Zp")
KINDS = (*LOCAL, "LT", "TLT", "PT", "LTT", "TLTT", "PLT", "TPLT", *PLAIN, "Reg")
PRIMES = (2, 3, 5)
BITS = 3  # of a cascade
ATTEMPTS = 300
LENGTH, ENOUGH = 20, 10_000  # so many strings of so many symbols in the language, and outside


class Subregular(Automaton):
    """A random language of a logical class; every string of a length equally likely.

    Of 20 symbols there are at least 10 000 strings in the language and as many outside: it is
    neither empty nor everything. It may also belong to a smaller class.

    Args:
        kind: the class: SL, coSL, TSL, TcoSL, SP, coSP, LT, TLT, PT, LTT, TLTT, PLT, TPLT, SF, Zp
            or Reg.
        k: symbols of a factor or subsequence.
        t: up to which occurrences are counted, for LTT and TLTT.
        alphabet: number of symbols.
        tier: number of symbols on the tier, for TSL, TcoSL, TLT, TLTT and TPLT; 0 for all but one.
        seed: decides which language it is.
        labels: "member" (is the prefix in the language?) or "next" (the set of symbols that may
            follow, and whether the string may end).

    Attributes:
        tier: the symbols that it sees.
        pieces: what it sees of them.
        accepted: the numbers of its pieces, of strings of the language.

    ValueError where such languages have too few strings.
    """

    name = "subregular"
    title = "{kind} k={k} #{seed}"

    def __init__(
        self,
        *,
        kind: str,
        k: int = 2,
        t: int = 2,
        alphabet: int = 4,
        tier: int = 0,
        seed: int = 0,
        labels: str = "member",
    ):
        check_choice("kind", kind, KINDS)
        check_integer("k", k, 2, 6)
        check_integer("t", t, 2, 5)
        check_integer("alphabet", alphabet, 2, len(SYMBOLS))
        check_integer("tier", tier, 0, alphabet - 1)
        check_integer("seed", seed, 0, 2**31 - 1)
        for key, value, usual, users in (
            ("k", k, 2, tuple(known for known in KINDS if known not in PLAIN)),
            ("t", t, 2, COUNTED),
            ("tier", tier, 0, TIERS),
        ):
            if value != usual and kind not in users:
                raise ValueError(f"{key}: is for {', '.join(users)} alone, got {value} for {kind}")
        salient = (tier or alphabet - 1) if kind in TIERS else alphabet
        draw = _Draw(kind, k, t, alphabet, salient, seed)
        self.tier = "".join(SYMBOLS[token] for token in draw.tier)
        for _ in range(ATTEMPTS):
            self.pieces = draw.pieces()
            self.accepted = draw.function(self.pieces)
            try:
                table, accepting = _pieces.combined(self.pieces, self.accepted)
            except _pieces.TooManyStatesError:
                continue
            table, accepting = minimal(table, accepting)
            table, accepting = _without_dead(table, accepting)
            if _is_rich(table, accepting) and (kind != "Reg" or _counts(table)):
                break
        else:
            raise ValueError(
                f"kind: of the languages of {kind} with k: {k} and alphabet: {alphabet} that were "
                f"drawn, none has {ENOUGH:,} strings of {LENGTH} symbols and lacks as many; take "
                "more symbols"
            )
        super().__init__(tuple(SYMBOLS[:alphabet]), table, accepting, labels)


class _Draw:
    """Random pieces and functions; the same for the same arguments, whatever Python's version."""

    def __init__(self, kind: str, k: int, t: int, symbols: int, salient: int, seed: int):
        self.kind, self.k, self.t, self.symbols = kind, k, t, symbols
        self._random = random.Random(f"{kind} {k} {t} {symbols} {salient} {seed}").random
        tier = list(range(symbols))
        while len(tier) > salient:
            del tier[self._below(len(tier))]
        self.tier = tier

    def pieces(self) -> list[Piece]:
        """What the language sees."""
        kind = self.kind
        if kind in TIERS:
            return [_pieces.on_tier(piece, self.tier) for piece in self._of(kind[1:])]
        return self._of(kind)

    def function(self, pieces: list[Piece]) -> set[tuple]:
        """The numbers of the pieces that are accepted."""
        ranges = [piece.range for piece in pieces]
        every = list(product(*map(range, ranges)))
        if self.kind in LOCAL:
            none = {(0,) * len(pieces)}
            return {*every} - none if "co" in self.kind else none
        while True:
            accepted = {numbers for numbers in every if self._random() < 0.5}
            if all(_matters(accepted, every, i, n) for i, n in enumerate(ranges)):
                return accepted

    def _of(self, kind: str) -> list[Piece]:
        symbols = self.symbols
        if kind in ("SP", "coSP"):
            return [self._subsequence() for _ in range(2 + self._below(2))]
        if kind in ("SL", "coSL"):
            return [_pieces.occurrences(self._factor(), symbols) for _ in range(1 + self._below(3))]
        if kind == "LT":
            return [_pieces.occurrences(self._factor(), symbols) for _ in range(2 + self._below(2))]
        if kind == "LTT":
            return [_pieces.occurrences(self._word(), symbols, self.t) for _ in range(2)]
        if kind == "PT":
            return [self._subsequence() for _ in range(2 + self._below(2))]
        if kind == "PLT":
            pairs = [(self._word(), self._word()) for _ in range(2)]
            return [_pieces.in_order(pair, symbols) for pair in pairs]
        if kind == "SF":
            return [self._cascade()]
        if kind == "Zp":
            return [self._counter()]
        seen = ("SL", "SP", "LT", "PT", "SF")[self._below(5)]
        return [self._counter(), *self._of(seen)]

    def _below(self, bound: int) -> int:
        return int(self._random() * bound)

    def _word(self) -> list[int]:
        return [self.tier[self._below(len(self.tier))] for _ in range(self.k)]

    def _factor(self) -> list[int]:
        """At times with the mark of one of the two ends."""
        word, chance = self._word(), self._random()
        if chance < 0.25:
            word[0] = BEGIN
        elif chance < 0.5:
            word[-1] = END
        return word

    def _subsequence(self) -> Piece:
        return _pieces.subsequence(self._word(), self.symbols)

    def _counter(self) -> Piece:
        modulus = PRIMES[self._below(len(PRIMES))]
        weights = [0]
        while not any(weights):
            weights = [self._below(modulus) for _ in range(self.symbols)]
        return _pieces.counter(weights, modulus)

    def _cascade(self) -> Piece:
        rules = []
        for bit in range(BITS):
            places = product(*[range(2)] * bit, range(self.symbols))
            rules.append({place: (None, None, 0, 1)[self._below(4)] for place in places})
        return _pieces.cascade(rules, self.symbols)


def _matters(accepted: set[tuple], every: list[tuple], at: int, numbers: int) -> bool:
    """Whether the last two numbers of the piece at a place make a difference, others being equal.

    So a threshold is one: t occurrences are told from t − 1.
    """
    last = (numbers - 1,)
    pairs = ((n, (*n[:at], *last, *n[at + 1 :])) for n in every if n[at] == numbers - 2)
    return any((one in accepted) != (other in accepted) for one, other in pairs)


def _without_dead(table: list, accepting: set[int]) -> tuple[list, set[int]]:
    """Leave out the state that `minimal` adds for missing transitions, of which there are none."""
    reached = [0]
    for state in reached:  # grows meanwhile
        reached += [to for to in dict.fromkeys(table[state]) if to not in reached]
    number = {state: i for i, state in enumerate(reached)}
    rows = [[number[to] for to in table[state]] for state in reached]
    return rows, {number[state] for state in accepting if state in number}


def _is_rich(table: list, accepting: set[int]) -> bool:
    """Whether the language, and what is outside, has many strings."""
    outside = set(range(len(table))) - accepting
    return all(
        Paths(table, states).capped(length) >= ENOUGH
        for states in (accepting, outside)
        for length in (LENGTH, LENGTH + 1)
    )


def _counts(table: list) -> bool:
    """Whether a word of up to three symbols goes round some states, so that none is star-free."""
    tokens = range(len(table[0]))
    for length in (1, 2, 3):
        for word in product(tokens, repeat=length) if len(tokens) ** length < 5000 else ():
            after = list(range(len(table)))
            for token in word:
                after = [table[state][token] for state in after]
            for state in range(len(table)):
                at = state
                for _ in table:
                    at = after[at]
                if after[at] != at:
                    return True
    return False
