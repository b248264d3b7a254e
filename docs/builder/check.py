"""Checks of the built site: links and anchors lead somewhere, and nothing is fetched from afar."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}
RELATIONS = {"stylesheet", "icon", "preload", "prefetch", "modulepreload", "manifest", "preconnect"}
OUTSIDE = re.compile(r"(?:https?:)?//")
IN_CSS = re.compile(r"(?:url\(|@import\s+)[\"']?((?:https?:)?//[^\"')\s]+)")


class Page(HTMLParser):
    """What a page links to, what a browser fetches for it, and which anchors it has."""

    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what one tag says."""
        given = {key: value or "" for key, value in attrs}
        self.anchors |= {given[key] for key in ("id", "name") if key in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and {*given.get("rel", "").split()} & RELATIONS:
            self.fetched.append(given.get("href", ""))
        elif tag in FETCHED and given.get(FETCHED[tag]):
            self.fetched.append(given[FETCHED[tag]])


def faults(site: Path) -> list[str]:
    """What is wrong with the site, a line for each fault."""
    site = site.resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    found = []
    for path, page in sorted(pages.items()):
        name = str(path.relative_to(site))
        outside = [url for url in page.fetched if OUTSIDE.match(url)]
        found += [f"{name}: a browser would fetch {url}" for url in outside]
        if path.name == "404.html":  # a server shows it anywhere, so that its links are absolute
            continue
        for url in {*page.links, *page.fetched}:
            if not re.match(r"[a-z]+:|//", url) and (fault := _lost(url, path, pages)):
                found.append(f"{name}: {fault}")
    for path in sorted(site.rglob("*.css")):
        urls = IN_CSS.findall(path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(site)}: a browser would fetch {url}" for url in urls]
    return found


def _lost(url: str, path: Path, pages: dict[Path, Page]) -> str | None:
    """Why a link of the page at `path` leads nowhere, or None if it leads somewhere."""
    parts = urlsplit(url)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.exists():
        return f"the link {url} leads to no file"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return f"the link {url} leads to no heading of its page"
    return None
