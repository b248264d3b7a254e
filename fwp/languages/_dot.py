"""Automata as Graphviz draws them: the part of the language DOT that they need.

`digraph NAME { … }` with edges `a -> b [label="0, 1"]`, nodes `a [shape=doublecircle]`, defaults
`node [shape=circle]` and attributes of the graph. A doubled circle (or `peripheries=2`) accepts.
An arrow from a node of shape none, point or plaintext, or with style invis, points at an initial
state. Commas set symbols of a label apart. Comments are those of C and lines that begin with #.
Subgraphs, ports, HTML labels and undirected edges are refused. pydot would read more, but needs a
grammar library to load, and says of a mistake neither line nor column.
"""

import re
from itertools import pairwise
from typing import NamedTuple

from fwp.languages._att import EPSILON
from fwp.languages._nfa import Nfa

TOKEN = re.compile(
    r"(?P<blank>\s+|//[^\n]*|/\*.*?\*/|^\#[^\n]*)"
    r'|"(?P<quoted>(?:\\.|[^"\\])*)"'
    r"|(?P<mark>->|--|[{}\[\];,=:])"
    r"|(?P<word>[^\W\d]\w*|-?(?:\.\d+|\d+(?:\.\d*)?))",
    re.S | re.M,
)
HIDDEN = ("none", "point", "plaintext", "plain")
Attributes = dict[str, str]


class Token(NamedTuple):
    """A word, or a mark such as ->; where it begins in the text, and whether it is quoted."""

    text: str
    at: int
    quoted: bool


class _Reader:
    """Tokens one after another."""

    def __init__(self, text: str, where: str):
        self.text, self.where = text, where
        self.tokens = list(self._tokens())
        self.at = 0

    def _tokens(self):
        at = 0
        while at < len(self.text):
            match = TOKEN.match(self.text, at)
            if match is None:
                raise self.fail(at, f"must be DOT, got {self.text[at]!r}")
            if match.lastgroup != "blank":
                quoted = match.lastgroup == "quoted"
                text = match[match.lastgroup or 0]
                yield Token(re.sub(r'\\(["\\])', r"\1", text) if quoted else text, at, quoted)
            at = match.end()

    def fail(self, at: int, rule: str) -> ValueError:
        line = self.text.count("\n", 0, at) + 1
        column = at - self.text.rfind("\n", 0, at)
        return ValueError(f"{self.where}:{line}:{column}: {rule}")

    def peek(self, *marks: str) -> bool:
        """Whether the next token is one of some words, not in quotes."""
        if self.at >= len(self.tokens):
            return False
        token = self.tokens[self.at]
        return not token.quoted and token.text in marks

    def skip(self, *marks: str) -> bool:
        found = self.peek(*marks)
        self.at += found
        return found

    def take(self, what: str) -> Token:
        if self.at >= len(self.tokens):
            raise self.fail(len(self.text), f"must have {what}, got the end of the file")
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, *marks: str) -> None:
        wanted = " or ".join(marks)
        token = self.take(wanted)
        if token.quoted or token.text not in marks:
            raise self.fail(token.at, f"must be {wanted}, got {token.text!r}")

    def name(self, what: str) -> Token:
        token = self.take(what)
        if not token.quoted and re.match(r"\W", token.text) and not token.text[1:2].isdigit():
            raise self.fail(token.at, f"must be {what}, got {token.text!r}")
        return token


def parse_dot(text: str, where: str, start: str | None = None) -> Nfa:
    """The automaton of a text.

    Args:
        text: the file's content.
        where: its name, for messages.
        start: name of the initial state; by default, what an arrow from a hidden node points at.

    Raises:
        ValueError: file:line:column, the rule, and what stands there.
    """
    reader = _Reader(text, where)
    reader.skip("strict")
    if reader.peek("graph"):
        raise reader.fail(reader.tokens[reader.at].at, "must be a digraph, got a graph")
    reader.expect("digraph")
    if not reader.peek("{"):
        reader.name("a name or {")
    reader.expect("{")
    nodes: dict[str, Attributes] = {}
    edges: list[tuple[Token, Token, Attributes]] = []
    defaults: dict[str, Attributes] = {"node": {}, "edge": {}, "graph": {}}
    while not reader.skip("}"):
        if reader.at >= len(reader.tokens):
            reader.take("}")
        if not reader.skip(";"):
            _statement(reader, nodes, edges, defaults)
    return _automaton(reader, nodes, edges, start)


def _statement(reader: _Reader, nodes, edges, defaults: dict[str, Attributes]) -> None:
    if reader.peek("subgraph", "{"):
        token = reader.tokens[reader.at]
        raise reader.fail(token.at, "must be a node, an edge or attributes, got a subgraph")
    if reader.peek("node", "edge", "graph"):
        kind = reader.take("a statement").text
        defaults[kind] |= _attributes(reader)
        return
    chain = [reader.name("a node")]
    if reader.skip("="):
        reader.name("a value")
        return
    while True:
        if reader.peek(":", "--"):
            token = reader.tokens[reader.at]
            rule = "a node must have no port" if token.text == ":" else "an edge must be ->"
            raise reader.fail(token.at, f"{rule}, got {token.text!r}")
        if not reader.skip("->"):
            break
        chain.append(reader.name("a node"))
    given = _attributes(reader)
    for token in chain:
        nodes.setdefault(token.text, dict(defaults["node"]))
    if len(chain) == 1:
        nodes[chain[0].text] |= given
    edges += [(a, b, defaults["edge"] | given) for a, b in pairwise(chain)]


def _attributes(reader: _Reader) -> Attributes:
    found: Attributes = {}
    while reader.skip("["):
        while not reader.skip("]"):
            key = reader.name("an attribute")
            reader.expect("=")
            found[key.text.lower()] = reader.name("a value").text
            reader.skip(",", ";")
    return found


def _automaton(reader: _Reader, nodes, edges, start: str | None) -> Nfa:
    hidden = {
        name
        for name, own in nodes.items()
        if own.get("shape") in HIDDEN or "invis" in own.get("style", "")
    }
    nfa = Nfa()
    for name, own in nodes.items():
        if name not in hidden:
            nfa.moves.setdefault(name, {})
            if own.get("shape") == "doublecircle" or own.get("peripheries") == "2":
                nfa.accepting.add(name)
    for source, to, own in edges:
        if source.text in hidden:
            nfa.starts.append(to.text)
            continue
        symbols = [part.strip() for part in own.get("label", "").split(",")]
        if own.get("label", "").strip() == ",":
            symbols = [","]
        for symbol in symbols:
            if not symbol:
                raise reader.fail(
                    source.at,
                    'an edge must have a label with its symbols, such as [label="0, 1"], '
                    f"got {source.text} -> {to.text} with {own.get('label', '')!r}",
                )
            nfa.add(source.text, None if symbol in EPSILON else symbol, to.text)
    if start is not None:
        if start not in nfa.moves:
            names = ", ".join(list(nfa.moves)[:10])
            raise ValueError(f"start: must be a node of {reader.where}, {names}, got {start!r}")
        nfa.starts = [start]
    if not nfa.starts:
        raise reader.fail(
            0,
            "must have an initial state: an edge without label from a node of shape none or point, "
            "or the parameter start",
        )
    return nfa
