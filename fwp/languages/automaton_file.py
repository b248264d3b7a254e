"""Languages of finite automata that stand in files: AT&T text (OpenFst) or Graphviz."""

from pathlib import Path

from fwp.languages._att import parse_att, parse_symbols
from fwp.languages._checks import check_choice, check_text, shown
from fwp.languages._dot import parse_dot
from fwp.languages._nfa import determinised
from fwp.languages.automaton import MOST_SYMBOLS, Automaton

SUFFIXES = {".att": "att", ".fst": "att", ".txt": "att", ".dot": "dot", ".gv": "dot"}
MOST_BYTES = 1 << 19  # of a file: its text is part of the settings of each cell


class AutomatonFile(Automaton):
    """What a finite automaton in a file accepts; every string of a length equally likely.

    Missing transitions lead to rejection. A non-deterministic automaton is made deterministic.
    `labels` is "member" (is the prefix in the language?), "next" (the set of symbols that may
    follow, and whether the string may end) or "state".

    Args:
        file: .att (or .txt) in AT&T's text format, or .dot (or .gv) of Graphviz.
        symbols: table of symbols of an .att file, name and number per line; without one, labels
            are the symbols themselves.
        labels: see above.
        start: the initial state of a .dot file; by default an arrow points at it.
        alphabet: symbols, if there are more than those of the file.
        text, table: what `file` and `symbols` hold, if they were read before.

    ValueError, with file, line and column, for what is no such automaton.
    """

    name = "automaton"
    title = "Automaton"
    label_kinds = ("member", "next", "state")

    def __init__(
        self,
        *,
        file: str,
        symbols: str = "",
        labels: str = "member",
        start: str = "",
        alphabet: str = "",
        text: str = "",
        table: str = "",
    ):
        for key, value in (("file", file), ("symbols", symbols), ("start", start)):
            check_text(key, value, 4096)
        for key, value in (("text", text), ("table", table)):
            check_text(key, value, MOST_BYTES)
        check_text("alphabet", alphabet, MOST_SYMBOLS)
        check_choice("labels", labels, self.label_kinds)
        kind = SUFFIXES.get(Path(file).suffix.lower())
        if kind is None:
            raise ValueError(f"file: must end in {', '.join(SUFFIXES)}, got {shown(file)}")
        text = text or read_text("file", file)
        if kind == "dot":
            if symbols:
                raise ValueError(f"symbols: is for .att files alone, got {shown(symbols)}")
            nfa = _told("file", parse_dot, text, file, start or None)
        else:
            if start:
                raise ValueError("start: is for .dot files alone; an .att file begins with it")
            names = None
            if symbols:
                names = _told(
                    "symbols", parse_symbols, table or read_text("symbols", symbols), symbols
                )
            nfa = _told("file", parse_att, text, file, names)
        used = nfa.symbols
        for symbol in used:
            if len(symbol) != 1:
                raise ValueError(
                    f"file: {file}: a symbol must be one character, got {shown(symbol)}"
                    f" at {_place(text, symbol)}; rename it in the file"
                )
            if alphabet and symbol not in alphabet:
                raise ValueError(f"alphabet: must hold the symbol {symbol!r} of {file}")
        if not used:
            raise ValueError(f"file: {file}: must have a transition with a symbol, has none")
        known = list(dict.fromkeys(alphabet)) or used
        rows, accepting, self._names = _told(f"file: {file}", determinised, nfa, known)
        try:
            super().__init__(known, rows, accepting, labels)
        except ValueError as error:
            if not str(error).startswith("accept"):
                raise
            raise ValueError(
                f"file: {file}: must have an accepting state that can be reached, no string is "
                "accepted"
            ) from None

    def _label(self, state: int, labels: str) -> tuple:
        if labels != "state":
            return super()._label(state, labels)
        number = self._kept[state]
        return (number, self._names[number])


def read_text(key: str, file: str) -> str:
    """What a file holds.

    Raises:
        ValueError: it cannot be read, is too large, empty or not UTF-8; the line begins with `key`.
    """
    try:
        data = Path(file).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"{key}: {file} cannot be read: {reason}") from None
    if len(data) > MOST_BYTES:
        raise ValueError(f"{key}: {file} must have at most {MOST_BYTES:,} bytes, has {len(data):,}")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise ValueError(
            f"{key}: {file}:{line}:{column}: must be UTF-8, got the byte 0x{data[error.start]:02x}"
        ) from None
    if not text.strip():
        raise ValueError(f"{key}: {file}: is empty")
    return text


def with_contents(params: dict) -> dict:
    """Parameters of such a language with the texts of its files, so that they decide the strings.

    A file that cannot be read is left to the language, which says what is wrong.
    """
    found = dict(params)
    for key, content in (("file", "text"), ("symbols", "table")):
        if isinstance(params.get(key), str) and params[key]:
            try:
                found[content] = read_text(key, params[key])
            except ValueError:
                return dict(params)
    return found


def _told(place: str, parse, *arguments):
    """What a function returns; of an error, the place in the config comes first."""
    try:
        return parse(*arguments)
    except ValueError as error:
        if str(error).startswith("start:"):
            raise
        raise ValueError(f"{place}: {error}") from None


def _place(text: str, symbol: str) -> str:
    """Line and column of a symbol's first mention."""
    at = max(0, text.find(symbol))
    return f"{text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}"
