"""The verses of a Bible that a package `pythonbible-…` holds, read without importing it.

Such a package keeps its text as one literal, with a table of where every verse begins and one of
where it ends. An import would need a further package.
"""

import ast
import re
from pathlib import Path

FILE = "plain_text_readers_bible.py"
# Brackets are around words that the translators added; an accent stands for an apostrophe.
MARKS = str.maketrans({"[": None, "]": None, "`": "’"})
# In one edition the heading of a psalm follows the last verse of the psalm before.
HEADING = re.compile(r"\s+(?:BOOK [IVX]+\s+)?Psalm \d+.*", re.DOTALL)
# Where a manuscript lacks a verse, the World English Bible's package says so in these words.
PLACEHOLDER = "by amos"


def verses(folder: Path) -> dict[int, str]:
    """Every verse on one line, by its number: book, chapter and verse as bbcccvvv.

    Args:
        folder: where the package is installed.

    Raises:
        ValueError: the file has another form.
        OSError: it cannot be read.
    """
    source = (folder / FILE).read_bytes()
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    if len(calls) != 1 or len(calls[0].args) < 4:
        raise ValueError("it has another form than expected")
    text, begins, ends = map(ast.literal_eval, calls[0].args[1:4])
    found = {}
    for number, begin in begins.items():
        verse = HEADING.sub("", text[begin : ends[number]])
        if PLACEHOLDER not in verse:
            found[number] = " ".join(verse.translate(MARKS).split())
    return found
