"""Words of a text, as WikiText-103 has them: parted by white space, and a token for each line end.

An empty line is a line end alone. A last line without a line end has one in the count.
"""

from collections import Counter
from collections.abc import Iterator

PIECE = 1 << 20  # bytes that are held as Python's strings at a time


def pieces(text: bytes, size: int = PIECE) -> Iterator[bytes]:
    """The text in pieces of about `size` bytes, 4 or more, cut after a line end, or a space.

    Where there is neither, a piece ends at the limit of a UTF-8 character.
    """
    at = 0
    while at < len(text):
        end = len(text)
        if end - at > 2 * size:
            near = at + size
            marks = (text.find(mark, near, near + size) for mark in (b"\n", b" "))
            end = next((mark + 1 for mark in marks if mark >= 0), boundary(text, near))
        yield text[at:end]
        at = end


def boundary(text: bytes, at: int) -> int:
    """The last limit between UTF-8 characters that is not after `at`; `at` itself if none is."""
    for limit in range(at, max(at - 4, 0), -1):
        if limit == len(text) or text[limit] & 0xC0 != 0x80:
            return limit
    return at


def lines(text: bytes) -> Iterator[tuple[list[str], bool]]:
    """The words of every line, or of a part of a long one, and whether a line ends after them."""
    for piece in pieces(text):
        *whole, rest = piece.decode("utf-8", "replace").split("\n")
        for line in whole:
            yield line.split(), True
        if rest:
            yield rest.split(), False
    if text and not text.endswith(b"\n"):
        yield [], True


def count_words(text: bytes) -> int:
    """Words and line ends of a text: what perplexity per word is the mean of."""
    return sum(len(words) + ends for words, ends in lines(text))


def frequencies(text: bytes) -> Counter[str]:
    """How often each word occurs; line ends are not counted."""
    counts: Counter[str] = Counter()
    for piece in pieces(text):
        counts.update(piece.decode("utf-8", "replace").split())
    return counts
