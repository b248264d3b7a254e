"""The gallery: every figure of the README, of the page on the report and of records."""

import posixpath
import re

from builder.markdown import ROOT, read

INTRODUCTION = """# Gallery

The figures of the README and of the records. Each leads to the page that says how it was made.
`results/figures/` of your own run has most of these kinds as SVG, PDF and PNG.
"""
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")


def page() -> str:
    """The page in Markdown, a figure for each image of the pages."""
    figures = []
    for home in ["README.md", "docs/report.md", *sorted(_records())]:
        text = read(home)
        (title,) = re.findall(r"^# (.*)$", text, re.MULTILINE)[:1]
        for caption, image in IMAGE.findall(text):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(home), image))
            source = posixpath.relpath(path, "docs")
            link, words = posixpath.relpath(home, "docs"), " ".join(caption.split())
            figures.append(
                f"[![{words}]({source}){{ loading=lazy }}]({link})\n\n"
                f"{words}. *From [{title}]({link}).*\n{{ .caption }}\n"
            )
    return "\n".join([INTRODUCTION, *figures])


def _records() -> list[str]:
    return [str(path.relative_to(ROOT)) for path in ROOT.glob("docs/records/*/README.md")]
