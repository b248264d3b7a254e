"""English and German paragraphs of the help pages of LibreOffice, aligned by their ids.

The Debian packages `libreoffice-help-en-us` and `libreoffice-help-de` (MPL-2.0, some of it
Apache-2.0) install them: `en-US/text/…/page.html` and `de/text/…/page.html`.
"""

from html.parser import HTMLParser
from pathlib import Path

from fwp.datasets.text.pair import Pair, PairsError

FOLDER = "/usr/share/libreoffice/help"
SIDES = ("en-US", "de")
PARAGRAPHS = ("par_", "hd_")  # how ids of paragraphs and headings begin
TAGS = ("p", "h1", "h2", "h3", "h4", "h5", "h6")
CODE = ("code", "bascode", "pycode", "sqlcode", "literal")


def missing(folder: str | None) -> str | None:
    """What must be installed, if it is not."""
    place = Path(folder or FOLDER)
    if all((place / side / "text").is_dir() for side in SIDES):
        return None
    return (
        f"libreoffice_help needs the Debian packages libreoffice-help-en-us and "
        f"libreoffice-help-de: the folder {place} must hold {' and '.join(SIDES)}; if they lie "
        f"elsewhere, `folder` says where"
    )


def read(folder: str | None) -> tuple[list[Pair], dict[str, int]]:
    """Paragraphs that both languages have, a page being a group; and how many were left out.

    Raises:
        PairsError: a package is missing.
    """
    if (fault := missing(folder)) is not None:
        raise PairsError(fault)
    place = Path(folder or FOLDER)
    pairs, equal = [], 0
    for page in sorted((place / SIDES[0] / "text").rglob("*.html")):
        name = page.relative_to(place / SIDES[0])
        other = place / SIDES[1] / name
        if not other.is_file():
            continue
        english, german = paragraphs(page.read_text("utf-8")), paragraphs(other.read_text("utf-8"))
        for key in (k for k in english if k in german):
            if english[key] == german[key]:  # names, code and what is not translated yet
                equal += 1
            else:
                pairs.append(Pair(english[key], german[key], name.as_posix()))
    return pairs, {"equal in both languages": equal}


def paragraphs(page: str) -> dict[str, str]:
    """The text of every paragraph of a page that has an id, without examples of code."""
    reader = _Reader()
    reader.feed(page)
    return {key: " ".join("".join(parts).split()) for key, parts in reader.found.items()}


class _Reader(HTMLParser):
    """Collects text by the paragraph that it stands in."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.found: dict[str, list[str]] = {}
        self._inside: str | None = None

    def handle_starttag(self, tag, attrs):
        if tag not in TAGS:
            return
        facts = dict(attrs)
        key = facts.get("id") or ""
        code = set((facts.get("class") or "").split()) & set(CODE)
        self._inside = key if key.startswith(PARAGRAPHS) and not code else None
        if self._inside is not None and key in self.found:
            self._inside = None  # an embedded copy

    def handle_endtag(self, tag):
        if tag in TAGS:
            self._inside = None

    def handle_data(self, data):
        if self._inside is not None:
            self.found.setdefault(self._inside, []).append(data)
