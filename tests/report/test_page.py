"""The report, on made-up results."""

import os
import re
import shutil
from html.parser import HTMLParser

import pytest
import synthetic

from fwp.claims import claim
from fwp.claims.claim import library_names
from fwp.claims.judge import VERDICTS, judge
from fwp.claims.verdicts import write_judgements
from fwp.datasets.card import describe
from fwp.datasets.made import make_dataset
from fwp.report import page
from fwp.report.figures.write import write_figures
from fwp.results.atlas import answers
from fwp.results.collect import collect_results, read_accuracy, write_results
from fwp.results.integrity import write_sealed
from fwp.results.record import ResultsError
from fwp.results.summary import summarise, write_summary
from fwp.results.unfinished import write_unfinished
from fwp.utils.files import write_frame, write_text

VOID = {"meta", "img", "br", "input"}
EXPLORER = {"explorer", "explorer-controls", "heat", "heat-help", "said", "cell", "cell-title"}
EXPLORER |= {"explorer-data", "explorer-runtime"}
COUNTS = (40, 10, 10)


class Page(HTMLParser):
    """Checks that tags are closed in order, and gathers identifiers, links and text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.sources, self.text = [], [], [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links += [attrs["href"]] if "href" in attrs else []
        self.sources += [attrs["src"]] if "src" in attrs else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, self.getpos()
        self.text += " "

    def handle_data(self, data):
        self.text += data


def make(folder, tasks=("parity", "aa_star"), lost=(), **settings):
    """Results in a folder as the workflow leaves them; returns the paths of the cards."""
    cells = synthetic.write_grid(folder / "cells", tasks=tasks, **settings)
    found = collect_results(cells)
    write_results(found, folder / "tables")
    write_unfinished(lost, folder / "tables/missing.csv")
    write_summary(summarise(found), folder / "tables")
    write_judgements([], folder / "tables/claims.json")
    write_frame(folder / "tables/atlas.csv", answers(found.accuracy, {}, missing=lost))
    cards = []
    for task in found.runs["task"].unique():
        spec = {"train": (2, 12), "validation": [(2, 12)], "test": [(2, 12), (13, 20)]}
        card = describe(make_dataset("parity" if "<" in task else task, **spec, counts=COUNTS))
        cards.append(folder / f"data/{len(cards)}.json")
        cards[-1].parent.mkdir(exist_ok=True)
        write_sealed(cards[-1], card | {"task": task})
    synthetic.seal_tables(folder / "tables")
    write_figures(found, folder / "figures", cards)
    if (folder / "figures").is_dir():
        write_text(folder / "figures/atlas.svg", "<svg/>\n")
        synthetic.seal_tables(folder / "figures")
    return cards


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    cards = make(folder, seeds=range(4))
    library = [claim.locate(name) for name in library_names()]
    judged = judge(claim.read_claims(library), read_accuracy(folder / "tables/accuracy.csv"))
    write_judgements(judged, folder / "tables/claims.json")
    synthetic.seal_tables(folder / "tables")
    page.write(folder, folder / "report.html", cards=cards, made={"config": {"seeds": 4}})
    return folder, Page((folder / "report.html").read_text())


def test_the_page_says_what_was_run(grid):
    text = " ".join(grid[1].text.split())
    assert "7 models 2 languages 4 seeds 56 training runs" in text
    assert "1,000 symbols, the longest test strings" in text
    assert "even odd" in text and "incomplete complete" in text  # the examples


def test_the_order_is_that_of_a_reader(grid):
    chapters = ["run", "heat-map", "answers", "claims", "length", "seeds", "training", "explore"]
    chapters += ["data", "files", "made"]
    assert [name for name in grid[1].ids if "/" not in name and name not in EXPLORER] == chapters
    assert [link[1:] for link in grid[1].links[: len(chapters)]] == chapters


def test_verdicts_are_counted(grid):
    text = " ".join(grid[1].text.split())
    assert re.search(r"2 supported|3 supported", text) and "Recurrent Delta and SRWM solve" in text


def test_every_number_leads_to_the_record_of_its_cell(grid):
    page = grid[1]
    cells = {f"{task}/{model}" for task in ("parity", "aa_star") for model in synthetic.MODELS}
    assert {name for name in page.ids if "/" in name} == cells
    inside = [link[1:] for link in page.links if link.startswith("#")]
    assert set(inside) <= set(page.ids) and cells <= set(inside)


def test_links_to_files_are_relative_and_lead_somewhere(grid):
    folder, page = grid
    expected = {
        "tables/summary.csv",
        "tables/accuracy.csv",
        "cells/parity/lstm/seeds-0-3/cell.json",
    }
    files = {link for link in page.links if link[0] != "#"}
    assert expected <= files
    for link in files:
        assert not link.startswith(("/", "http", "file"))
        if link.endswith(("cell.json", "history.csv", "accuracy.csv", "runs.csv")):
            assert (folder / link).is_file(), link


def test_the_page_stands_alone(grid):
    text = (grid[0] / "report.html").read_text()
    assert len(grid[1].sources) == 5
    assert all(source.startswith("data:image/svg+xml") for source in grid[1].sources)
    assert "<script src" not in text and "<link" not in text


def test_names_are_escaped_and_claims_may_be_absent(tmp_path):
    cards = make(tmp_path, tasks=("a<b",), models=["<i>m"], seeds=[0], lengths=False)
    page.write(tmp_path, tmp_path / "report.html", cards=cards)
    text = (tmp_path / "report.html").read_text()
    Page(text)
    assert "<i>" not in text and "&lt;i&gt;m" in text and 'id="claims"' not in text


def test_the_same_results_give_the_same_page(grid):
    folder = grid[0]
    cards = sorted((folder / "data").iterdir())
    for name in ("a.html", "b.html"):
        page.write(folder, folder / name, cards=cards)
    assert (folder / "a.html").read_bytes() == (folder / "b.html").read_bytes()


def test_accuracy_against_state_is_shown_once_it_is_drawn(grid):
    folder = grid[0]
    cards = sorted((folder / "data").iterdir())
    drawn, title = folder / "analysis/accuracy-by-state.svg", "Accuracy and the size of the state"
    drawn.parent.mkdir()
    shutil.copyfile(folder / "figures/length.svg", drawn)
    page.write(folder, folder / "drawn.html", cards=cards)
    os.utime(drawn, (0, 0))  # before the accuracies were collected
    page.write(folder, folder / "old.html", cards=cards)
    drawn.unlink()
    pages = [(folder / f"{name}.html").read_text() for name in ("drawn", "old", "report")]
    assert [title in text for text in pages] == [True, False, False]


def test_a_missing_figure_is_named(tmp_path):
    cards = make(tmp_path, tasks=("parity",), models=["lstm"], seeds=[0])
    (tmp_path / "figures/length.svg").unlink()
    with pytest.raises(ResultsError, match=r"length\.svg: the figure is missing"):
        page.write(tmp_path, tmp_path / "report.html", cards=cards)


def test_runs_without_results_are_listed_with_their_logs(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "write_figures", lambda *_: None)
    for name in page.FIGURES:
        write_text(tmp_path / f"figures/{name}.svg", "<svg/>")
    log = tmp_path / "cells/parity/elstm/seed-0/train.log"
    row = {"task": "parity", "model": "elstm", "seed": 0, "state": "failed", "error": "it <broke>"}
    grid = {"models": ["lstm", "srwm"], "seeds": (0,), "lengths": False}
    cards = make(tmp_path, ["parity"], lost=[row | {"log": str(log)}], **grid)
    page.write(tmp_path, tmp_path / "report.html", cards=cards)
    made = Page((tmp_path / "report.html").read_text())
    assert "e-LSTM on Parity, seed 0: failed, it <broke>" in " ".join(made.text.split())
    assert "cells/parity/elstm/seed-0/train.log" in made.links
    assert "#parity/elstm" not in made.links and "#parity/lstm" in made.links


def test_a_claim_takes_one_line_and_its_evidence_unfolds(grid):
    text = (grid[0] / "report.html").read_text()
    chapter = text[text.index('id="claims"') : text.index('id="length"')]
    heads = re.findall(
        r"<summary><b class=\"[a-z-]+\">([a-z ]+)</b> <span>[^<]+</span></summary>", chapter
    )
    assert len(heads) == chapter.count("<details>") > 10
    assert set(heads) <= set(VERDICTS)
    assert "Source:" in chapter and "<li>" in chapter


def test_a_mark_means_one_thing(grid):
    text = grid[1].text
    assert "With one string of each length: (aa)*." in " ".join(text.split())
    assert "†" not in text  # nothing diverged


def test_wide_tables_and_figures_scroll_with_a_sign(grid):
    text = (grid[0] / "report.html").read_text()
    style, body = text.split("</style>")
    assert ".scroll::after" in style and "scroll-timeline" in style
    assert all(
        body[: found.start()].rstrip().endswith('<div class="scroll">')
        for found in re.finditer("<table|<img", body)
    )
