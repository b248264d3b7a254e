"""Pieces of the project's own Markdown: sections, tables, links that move to another folder."""

import itertools
import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

LINK = re.compile(r"(\]\()([^)\s]+)(\))")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


class MissingError(ValueError):
    """What a page of the site is made from is not there; the message names file and heading."""


def read(page: str) -> str:
    """The text of a page, by its path from the root of the project."""
    return (ROOT / page).read_text(encoding="utf-8")


def section(page: str, heading: str, *, level: int = 1) -> str:
    """A section of a page with all below it, its own heading at `level`, links still right.

    The text is for a page in docs/. MissingError if there is no such heading.
    """
    text = read(page)
    code = [found.span() for found in FENCE.finditer(text)]
    headings = [
        found
        for found in re.finditer(r"^(#+) (.*)$", text, re.MULTILINE)
        if not any(start <= found.start() < end for start, end in code)
    ]
    for number, found in enumerate(headings):
        if found[2] == heading:
            depth = len(found[1])
            after = (h.start() for h in headings[number + 1 :] if len(h[1]) <= depth)
            piece = text[found.start() : next(after, len(text))]
            return relink(_raise(piece, level - depth), page)
    raise MissingError(f"{page} has no heading {heading!r}, of which the site makes a page")


def relink(text: str, page: str, folder: str = "docs") -> str:
    """Links of a piece of `page` as they must be in a page of `folder`."""
    home = posixpath.dirname(page)

    def move(found: re.Match) -> str:
        target = found[2]
        if re.match(r"[a-z]+:", target):
            return found[0]
        path, hash_, anchor = target.partition("#")
        whole = posixpath.normpath(posixpath.join(home, path)) if path else page
        return f"{found[1]}{posixpath.relpath(whole, folder)}{hash_}{anchor}{found[3]}"

    return LINK.sub(move, text)


def table(page: str, heading: str) -> list[list[str]]:
    """The rows of the first table of a section, without its header; cells are Markdown."""
    lines = section(page, heading).splitlines()
    start = next((n for n, line in enumerate(lines) if line.startswith("|")), None)
    if start is None:
        raise MissingError(f"the section {heading!r} of {page} has no table")
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines[start + 2 :])
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def as_table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def _raise(text: str, by: int) -> str:
    """A text with its headings `by` levels deeper; code in fences stays as it is."""
    parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(
        part
        if part.startswith("```")
        else re.sub(
            r"^(#+) ",
            lambda found: "#" * max(1, len(found[1]) + by) + " ",
            part,
            flags=re.MULTILINE,
        )
        for part in parts
    )
