"""The last words of a run: what was found, in short, and which files to open."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

SHOWN = 3  # findings; the report has them all
WIDTH = 80  # columns


def closing(findings: str | Path | None, files: Sequence[str]) -> str:
    """What a run says when it is done; without files, nothing.

    Args:
        findings: a list in Markdown, as `fwp.report.findings.write` writes it, if it was made.
        files: those that are worth a look.
    """
    if not files:
        return ""
    found = _read(findings) if findings else []
    lines = ["", "In short:"] if found else []
    for line in found[:SHOWN]:
        lines += ["", *textwrap.wrap(line, WIDTH, subsequent_indent="  ")]
    more = len(found) - SHOWN
    lines += ["", f"({more} more in {findings})"] if more > 0 else []
    return "\n".join([*lines, "", "Done. Open:", *(f"  {file}" for file in files)])


def _read(path: str | Path) -> list[str]:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
    return [line for line in lines if line.startswith("- ")]
