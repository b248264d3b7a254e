"""Pages to explore the tables of records: one for each record that has them, beside its README."""

import re
from pathlib import Path

from builder.markdown import ROOT
from fwp.analysis.records import OpenRecord, is_record
from fwp.report.explored import write_explored

NAME = "explorer.html"
SECTION = """
## Explore the results

[The explorer](explorer.html) shows every cell of this record: seeds, curves, settings, mistakes.
"""


def write_pages(folder: Path, root: Path = ROOT) -> list[Path]:
    """Write the pages of all records below `folder`, and a link to each into its README.

    Args:
        folder: where the site's pages are, those of records already among them.
        root: of the project that has the records.

    Returns:
        The pages.
    """
    pages = []
    for record in sorted(path for path in (root / "docs/records").iterdir() if is_record(path)):
        home = folder / "docs/records" / record.name
        text = (home / "README.md").read_text(encoding="utf-8")
        (title,) = re.findall(r"^# (.*)$", text, re.MULTILINE)[:1]
        opened = OpenRecord(record)
        write_explored(opened.folder, home / NAME, title=title, back="index.html")
        (home / "README.md").write_text(text.rstrip() + "\n" + SECTION, encoding="utf-8")
        pages.append(home / NAME)
    return pages
