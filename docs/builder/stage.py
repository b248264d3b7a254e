"""Puts the pages of the site into one folder, in the order of folders that their links expect.

The pages of the project stay where a git host shows them. Zensical has no hooks, so that pages made
from the package are written here, before it starts.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from builder import api, gallery, howto, languages, models, records
from builder.markdown import ROOT, read

COPIED = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "CITATION.cff")
MADE: dict[str, Callable[[], str]] = {
    "docs/mixers.md": models.page,
    "docs/all-languages.md": languages.page,
    "docs/gallery.md": gallery.page,
    "docs/api.md": api.page,
    "docs/extra.css": lambda: read("docs/builder/extra.css"),
    "docs/iframe-worker.js": lambda: read("docs/builder/iframe-worker.js"),
}
"""What is made from the package or from other pages, by its path beside the copied ones."""

LEFT_OUT = shutil.ignore_patterns("builder", "__pycache__", "*.gz")


def stage(folder: Path) -> None:
    """Write every page to `folder`, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=LEFT_OUT)
    for name in COPIED:
        shutil.copy(ROOT / name, folder / name)
    made = {path: make() for path, make in MADE.items()} | howto.pages()
    for path, text in made.items():
        if (folder / path).exists():
            raise FileExistsError(f"{path} is a page of the project, and one that the site makes")
        (folder / path).write_text(text, encoding="utf-8")
    records.write_pages(folder)
