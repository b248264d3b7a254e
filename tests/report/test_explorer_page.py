"""The report in a real browser: the explorer, narrow and dark screens, keyboard, no scripts."""

import re
import shutil
from pathlib import Path

import pytest
import synthetic
from test_page import make

from fwp.report import page

playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is missing")
NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason=f"there is none of {', '.join(NAMES)}"),
    pytest.mark.xdist_group("browser"),
]
MISTAKE = {"bin": "2-50", "length": 4, "start": 0, "string": list("0110"), "first": 2}
MISTAKE |= {"target": ["even", "odd", "even", "even"], "predicted": ["even", "odd", "odd", "even"]}
WIDE = '<svg xmlns="http://www.w3.org/2000/svg" width="900pt" height="200pt"/>\n'
FOCUSED = """(one => one.name || one.id || one.tagName)(document.activeElement)"""
OPACITIES = """[...document.querySelectorAll("#cell .mark-line path")]
    .map(one => one.getAttribute("opacity"))"""
OUTLINE = "getComputedStyle(document.activeElement).outlineStyle"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The page as an address."""
    folder = tmp_path_factory.mktemp("browser")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("test_page.write_figures", lambda *_: None)
        grid = {"models": ["lstm", "transformer", "deltanet"], "seeds": range(2), "epochs": 6}
        cards = make(folder, ["parity", "anbn"], bins=["2-50", "51-100"], **grid)
    for name in page.FIGURES:
        (folder / "figures").mkdir(exist_ok=True)
        (folder / f"figures/{name}.svg").write_text(WIDE)
    synthetic.seal_tables(folder / "figures")
    synthetic.add_mistakes(folder / "cells/parity/deltanet/seeds-0-1", {"1": [MISTAKE]})
    picture = folder / "analysis/automata/parity/deltanet.svg"
    picture.parent.mkdir(parents=True)
    picture.write_text(WIDE)
    page.write(folder, folder / "report.html", cards=cards)
    return Path(folder, "report.html").as_uri()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def opened(browser, report):
    """Opens the page at a hash; fails on requests and on errors of its script."""
    faults, contexts = [], {}

    def open_at(hash="", width=1280, colours="light", scripts=True):
        key = (width, colours, scripts)
        if key not in contexts:
            context = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme=colours,
                java_script_enabled=scripts,
                reduced_motion="reduce",
            )
            context.set_default_timeout(60_000)

            def ask(route):
                if not route.request.url.startswith(report):
                    faults.append(route.request.url)
                    return route.abort()
                return route.continue_()

            context.route(lambda url: not url.startswith(("data:", "blob:")), ask)
            contexts[key] = context.new_page()
            contexts[key].on("pageerror", lambda error: faults.append(str(error)))
        tab = contexts[key]
        tab.goto("about:blank")
        tab.goto(report + hash)
        if scripts and hash.startswith("#explore"):
            tab.wait_for_selector("#explorer[data-ready]")
        return tab

    yield open_at
    assert faults == []


def cells(tab):
    """What is written in the cells of the heat map."""
    tab.wait_for_timeout(50)
    return tab.locator("#heat .mark-text.role-mark text").all_text_contents()


def models(tab):
    return tab.locator("#heat .role-axis-label text").all_text_contents()


def test_sorting_and_filters_change_the_heat_map(opened):
    tab = opened("#explore?")
    assert len(cells(tab)) == 6
    axes = models(tab)
    assert axes.index("LSTM") < axes.index("Transformer") < axes.index("DeltaNet")
    tab.select_option("[name=measure]", "worst")
    tab.select_option("[name=by]", "on:anbn")
    tab.wait_for_function("location.hash.includes('by=on')")
    before = cells(tab)
    tab.fill("[name=low]", "100")
    tab.locator("[name=low]").blur()
    tab.wait_for_function("document.querySelector('#heat').dataset.cells < 6")
    assert set(cells(tab)) == {"100"} and len(cells(tab)) == before.count("100")
    tab.click("button[type=reset]")
    tab.wait_for_function("document.querySelector('#heat').dataset.cells == 6")
    assert tab.evaluate("location.hash") == "#explore"
    tab.click(".choice[data-of=tasks] summary")
    tab.uncheck(".choice[data-of=tasks] input[value=anbn]")
    tab.wait_for_function("document.querySelector('#heat').dataset.cells == 3")
    assert "Parity" in models(tab) and "aⁿbⁿ" not in models(tab)


def test_to_point_at_a_cell_tells_mean_interval_and_seeds(opened):
    tab = opened("#explore?")
    tab.locator("#heat .mark-text.role-mark text").first.hover(force=True)
    tab.wait_for_selector("#vg-tooltip-element.visible")
    told = tab.inner_text("#vg-tooltip-element")
    assert re.search(r"Mean\s*:?\s*[\d.]+ % of 2 seeds", told), told
    assert "95 % interval" in told and "Each seed" in told and "LSTM" in told


def test_a_click_shows_the_cell_and_the_address_leads_there(opened):
    tab = opened("#explore?part=0")
    place = tab.locator("#heat .mark-text.role-mark text").all_text_contents()
    assert tab.is_hidden("#cell") and len(place) == 6
    tab.evaluate("document.querySelector('#heat').scrollIntoView()")
    shown = tab.evaluate("""[...document.querySelectorAll('#heat .mark-rect.role-mark path')]
        .map(one => one.__data__.datum.key)""")
    tab.locator("#heat .mark-rect.role-mark path").nth(shown.index("parity/deltanet")).click(
        force=True
    )
    tab.wait_for_selector("#cell .mistake")
    again = opened(tab.evaluate("location.hash"))
    assert again.inner_text("#cell-title") == "DeltaNet on Parity"
    assert again.input_value("[name=part]") == "0"
    lines = again.locator("#cell .curves .mark-line path")
    assert lines.count() == 3 * 2  # of three charts, for two seeds
    assert set(again.evaluate(OPACITIES)) == {"0.9"}
    again.locator("#cell .mark-symbol.role-mark path").last.hover(force=True)  # of the third chart
    again.wait_for_function(f"{OPACITIES}.filter(one => one != '0.9').length == 3")
    again.mouse.move(0, 0)
    first = again.locator("#cell td.first").all_text_contents()
    assert first == ["1", "even", "odd"] and again.locator("td.wrong").count() == 3
    again.select_option("[name=seed]", "0")
    again.wait_for_function("!document.querySelector('#cell .mistake')")  # it was seed 1's
    assert again.evaluate("location.hash").endswith("&seed=0")
    again.select_option("[name=seed]", "1")
    again.wait_for_selector("#cell .mistake")
    assert "first wrong at symbol 3" in again.inner_text("#cell .mistakes")
    assert again.locator("#cell .automaton img").count() == 1
    before = again.evaluate("[scrollY, location.hash]")
    again.locator("#cell .record-link").first.click()
    assert again.is_visible("[id='parity/deltanet']")
    again.keyboard.press("Escape")
    assert again.is_hidden("[id='parity/deltanet']") and again.is_visible("#cell")
    again.wait_for_function(f"scrollY == {before[0]}")
    assert again.evaluate("location.hash") == before[1]


def test_a_narrow_and_dark_screen(opened):
    tab = opened("#explore?cell=parity/deltanet", width=400, colours="dark")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400
    for of in ("models", "tasks"):
        tab.click(f".choice[data-of={of}] summary")
        place = tab.locator(f".choice[data-of={of}] > div").bounding_box()
        assert place["x"] >= 0 and place["x"] + place["width"] <= 400
        tab.keyboard.press("Escape")
        assert tab.locator(".choice[open]").count() == 0 and tab.is_visible("#cell")
    dark, light = tab.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    brightness = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (dark, light)]
    assert brightness[0] < 120 and brightness[1] > 500
    sheet = tab.evaluate("getComputedStyle(document.querySelector('figure img')).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", sheet)[:3])) > 600  # figures are drawn for paper
    labels = tab.locator("#heat .role-axis-label text").first.evaluate(
        "one => one.style.fill || one.getAttribute('fill')"
    )
    assert labels == "#e4e4e4"
    assert tab.locator("#cell .curves .mark-line path").count() == 6
    tab.set_viewport_size({"width": 900, "height": 900})
    tab.wait_for_function("document.querySelector('#cell .curves svg').clientWidth > 600")
    tab.set_viewport_size({"width": 400, "height": 900})
    tab.wait_for_function("document.querySelector('#cell .curves svg').clientWidth < 400")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400


def test_everything_can_be_reached_with_the_keyboard(opened):
    tab = opened("#explore?")
    tab.evaluate("document.querySelector('#explorer-controls select:not([name=kind])').focus()")
    seen = set()
    for _ in range(20):
        tab.keyboard.press("Tab")
        seen.add(tab.evaluate(FOCUSED))
        assert tab.evaluate(OUTLINE) != "none"
        if "heat" in seen:
            break
    assert {"part", "by", "across", "low", "high", "SUMMARY", "link", "heat"} <= seen
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowDown")
    tab.wait_for_function(
        "document.querySelector('#said').textContent.startsWith('Transformer on Parity')"
    )
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#cell:focus")
    assert tab.inner_text("#cell-title") == "Transformer on Parity"
    tab.keyboard.press("Escape")
    tab.wait_for_selector("#heat:focus")
    assert tab.is_hidden("#cell")


def test_without_scripts_everything_else_is_there(opened):
    tab = opened("", scripts=False)
    assert tab.is_visible("#heat-map ~ .pair table") and tab.is_hidden("#explorer")
    assert "needs JavaScript" in tab.inner_text("body")
    assert tab.locator("figure img").count() == 5
