"""The built site in a browser, opened from disk: it fetches nothing, fits a phone, finds words."""

import re
import shutil

import pytest
from project import ROOT

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: pip install 'fwp-lab[dev]'"
)
SITE = ROOT / "build/site"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(not (SITE / "index.html").exists(), reason="`make docs` builds the site"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.xdist_group("site"),
]
PAGES = ["index.html", "docs/mixers.html", "docs/all-languages.html", "docs/api.html"]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def phone(browser):
    """A narrow dark page, and what it asks of any network."""
    context = browser.new_context(viewport={"width": 400, "height": 800}, color_scheme="dark")
    page, asked = context.new_page(), []
    page.on("request", lambda r: asked.append(r.url) if r.url.startswith("http") else None)
    yield page, asked
    context.close()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fetches_nothing_and_fits_a_phone(phone, path):
    page, asked = phone
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    page.goto((SITE / path).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.evaluate("document.body.dataset.mdColorScheme") == "slate"
    assert not asked and not errors


def test_equations_are_drawn(phone):
    page, _ = phone
    page.goto((SITE / "docs/mixers.html").as_uri())
    sizes = page.evaluate("[...document.querySelectorAll('math')].map(m => m.clientHeight)")
    assert len(sizes) > 40 and min(sizes) > 8


def test_the_search_finds_a_word_without_a_server(phone):
    page, asked = phone
    page.goto((SITE / "index.html").as_uri())
    page.keyboard.press("Control+k")
    page.keyboard.type("eigenvalue")
    page.get_by_text(re.compile(r"^\d\d results$")).wait_for(timeout=20_000)
    assert not asked
