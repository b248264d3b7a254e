"""Automata in the text format of the AT&T FSM library, which OpenFst prints and compiles.

A line is a transition, `state next-state label [output] [weight]`, or an accepting state,
`state [weight]`; columns are apart by tabs or spaces. The first line's state is the initial one. A
transducer must have equal labels in both columns. Weights say nothing of which strings are
accepted, except that an infinite one means: not there. <eps> stands for no symbol.
"""

import math

from fwp.languages._nfa import Nfa

EPSILON = ("<eps>", "<epsilon>", "<EPS>", "ε", "@0@")
Field = tuple[str, int]  # a word, and its column from 1


def parse_att(text: str, where: str, table: dict[str, str] | None = None) -> Nfa:
    """The automaton of a text.

    Args:
        text: the file's content.
        where: its name, for messages.
        table: names of symbols by their numbers, if labels are numbers; number 0 is no symbol.

    Raises:
        ValueError: file:line:column, the rule, and what stands there.
    """
    lines = text.split("\n")
    rows = [(i, words) for i, line in enumerate(lines) if (words := line.split())]
    if not rows:
        raise ValueError(f"{where}:1:1: must hold transitions, is empty")
    nfa = Nfa([rows[0][1][0]])
    acceptor = _is_acceptor([words for _, words in rows])
    most = 4 if acceptor else 5
    symbols: dict[str, str | None] = {}
    for at, words in rows:

        def fail(word: int, rule: str, at: int = at) -> ValueError:
            return ValueError(f"{where}:{at + 1}:{_fields(lines[at])[word][1]}: {rule}")

        if len(words) <= 2:
            nfa.moves.setdefault(words[0], {})
            if len(words) == 1 or not math.isinf(_weight(words[1], fail, 1)):
                nfa.accepting.add(words[0])
            continue
        if len(words) > most:
            raise fail(most, f"a line has at most {most} columns, got {len(words)}")
        if not acceptor and words[3:] and words[2] != words[3]:
            raise fail(
                3,
                f"a transition must read and write the same, got {words[2]!r} and {words[3]!r}; "
                "of a transducer, fstproject takes one side",
            )
        rest = words[3:] if acceptor else words[4:]
        if rest and math.isinf(_weight(rest[0], fail, len(words) - 1)):
            nfa.moves.setdefault(words[0], {})
            nfa.moves.setdefault(words[1], {})
            continue
        if words[2] not in symbols:
            try:
                symbols[words[2]] = _symbol(words[2], table)
            except ValueError as error:
                raise fail(2, str(error)) from None
        nfa.add(words[0], symbols[words[2]], words[1])
    return nfa


def parse_symbols(text: str, where: str) -> dict[str, str]:
    """A table of symbols, `name number` per line: names by numbers.

    Raises:
        ValueError: file:line:column and the rule.
    """
    found: dict[str, str] = {}
    for i, line in enumerate(text.split("\n"), 1):
        fields = _fields(line)
        if not fields:
            continue
        if len(fields) != 2 or not fields[1][0].isdigit():
            column = fields[min(1, len(fields) - 1)][1]
            raise ValueError(
                f"{where}:{i}:{column}: must be a name and a number, got {line.strip()!r}"
            )
        found[fields[1][0]] = fields[0][0]
    return found


def _is_acceptor(rows: list[list[str]]) -> bool:
    """Whether transitions have one label: a fourth column, if any, is then a weight."""
    fourth = [words[2:] for words in rows if len(words) == 4]
    if any(len(words) > 4 for words in rows) or all(a == b for a, b in fourth):
        return not fourth and all(len(words) < 4 for words in rows)
    return all(_number(b) is not None for _, b in fourth)


def _symbol(label: str, table: dict[str, str] | None) -> str | None:
    if table is None:
        return None if label in EPSILON else label
    if label in table.values():
        name = label
    elif label in table:
        name = table[label]
    else:
        raise ValueError(f"a label must be in the table of symbols, got {label!r}")
    return None if name in EPSILON or table.get("0") == name else name


def _fields(line: str) -> list[Field]:
    found, at = [], 0
    for word in line.split():
        at = line.index(word, at)
        found.append((word, at + 1))
        at += len(word)
    return found


def _weight(word: str, fail, column: int) -> float:
    number = _number(word)
    if number is None:
        raise fail(column, f"a weight must be a number, got {word!r}")
    return number


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
