"""English that a native reader need not read twice: phrases to avoid, and short sentences.

The phrases are those that earlier texts had again and again, each with a better one.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {
    "*.md": [ROOT / "docs"],
    "*.yaml": [ROOT / "fwp", ROOT / "workflow", ROOT / "profiles", ROOT / "envs"],
    "*.rst": [ROOT / "workflow"],
    "*.j2": [ROOT / "fwp"],
    "*.py": [ROOT / "fwp", ROOT / "workflow"],
}
FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "config.yaml"]
FILES += [f for kind, roots in TEXTS.items() for root in roots for f in sorted(root.rglob(kind))]

AVOID = {
    r"\banew\b": "again",
    r"\bbut for\b": "except for",
    r"\bthat bears? an?\b": "that tolerates",
    r"\bwhat came of (?:it|them)\b": "results",
    r"\bcomes? out again\b": "is reproduced",
    r"\blike these would\b": "with the same outcome would",
    r"\bpoints? (?:its|their) way\b": "leans towards the claim",
    r"\bno letters stand\b": "letters are omitted",
    r"\bstands? after an?\b": "is given after",
    r"\bnothing longer\b": "no longer strings",
    r"\bmore seeds would tell\b": "more seeds may settle it",
    r"(?:^|[.:;] )Of fewer\b": "With fewer",
    r"\bto be had\b": "available",
    r"\bin the midst\b": "during",
    r"\bby heart\b": "memorised",
    r"\bnot to be trusted\b": "do not trust",
    r"\bwhat is wanted\b": "targets",
    r"\ba matter of\b": "depends on",
    r"\bwithout being told\b": "automatically",
}
MOST_WORDS = 25  # in a sentence of a page; the style asks for 20
"""A sentence also ends at a colon or a semicolon."""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text(file: Path) -> str:
    """What a reader reads; of a program, its strings: messages, notes and docstrings."""
    content = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        return content
    nodes = ast.walk(ast.parse(content))
    strings = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return "\n".join(one for one in strings if isinstance(one, str))


def awkward(content: str) -> list[str]:
    """The phrases to avoid in a text, each with a better one."""
    flat = " ".join(re.sub(r"^\s*#", "", content, flags=re.M).split())
    return [
        f"{found[0]!r}: better {better!r}"
        for phrase, better in AVOID.items()
        for found in re.finditer(phrase, flat, re.IGNORECASE)
    ]


def sentences(content: str) -> list[str]:
    """The sentences of a page, without code, tables, headings and lists of papers."""
    content = re.sub(r"^## (?:Sources|Papers)$.*", "", content, flags=re.M | re.S)
    content = re.sub(r"^```.*?^```", "", content, flags=re.M | re.S)
    content = re.sub(r"^(?: {4}|\t|\||#).*$", "", content, flags=re.M)
    content = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", content)
    content = re.sub(r"`[^`]*`", "code", content)
    content = re.sub(r"^\s*(?:[-*]|\d+\.) ", "\n\n", content, flags=re.M)
    paragraphs = (" ".join(part.split()) for part in re.split(r"\n\s*\n", content))
    return [one for part in paragraphs for one in re.split(r"(?<=[.!?:;])[*_]*\s+", part)]


@pytest.mark.parametrize("kind", TEXTS)
def test_awkward_phrases_do_not_come_back(kind):
    files = [file for file in FILES if file.match(kind)]
    assert files
    assert not {name(file): found for file in files if (found := awkward(text(file)))}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_sentences_are_short(page):
    words = r"[^\s—–=+×]*\w[^\s]*"
    counted = [(len(re.findall(words, s)), s) for s in sentences(page.read_text(encoding="utf-8"))]
    assert not [(number, s) for number, s in counted if number > MOST_WORDS]


def test_awkward_phrases_are_found():
    assert awkward("# starts\n# anew, but\n# for the last") == [
        "'anew': better 'again'",
        "'but for': better 'except for'",
    ]
    assert not awkward("a renewed manewver is good but forgotten")
