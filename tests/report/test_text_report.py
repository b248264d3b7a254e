"""Tables, figures and chapters on texts and translations, on made-up results."""

import re

import numpy as np
import pandas as pd
import pytest
import synthetic
import synthetic_text as made
from test_page import EXPLORER, Page
from test_page import make as make_strings

from fwp.claims.verdicts import write_judgements
from fwp.report import page
from fwp.report.figure_names import TEXT_FIGURES, TRANSLATION_FIGURES
from fwp.report.figures.position import loss_by_position
from fwp.report.figures.state_size import loss_by_state
from fwp.report.figures.texts import text_figures
from fwp.report.labels import shown_as
from fwp.report.tables import numbers
from fwp.report.tables.search import search_tables
from fwp.report.tables.text import tables_of_texts, write_text_tables
from fwp.results.names import Name
from fwp.results.samples import collect_samples, write_samples
from fwp.results.text import collect_text, write_text_results
from fwp.results.text_facts import read_text_facts
from fwp.results.text_summary import summarise_text
from fwp.results.trials import collect_trials
from fwp.results.unfinished import write_unfinished

MODELS = ("transformer", "linear_transformer", "lstm")


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """Folder, cards, results and facts of two texts and a translation."""
    folder = tmp_path_factory.mktemp("texts")
    cells, cards = made.write_texts(folder, models=MODELS, context=64, epochs=4)
    pairs = [made.write_translation_cell(folder / "cells", "bible", m, [0, 1]) for m in MODELS]
    cards.append(made.translation_card(folder, "bible"))
    results = collect_text(cells, pairs)
    write_text_results(results, folder / "tables")
    write_samples(collect_samples(pairs), folder / "tables/translation.json")
    write_unfinished([], folder / "tables/text_missing.csv")
    write_judgements([], folder / "tables/claims.json")
    synthetic.seal_tables(folder / "tables")
    return folder, cards, results, read_text_facts(cards)


@pytest.fixture(scope="module")
def figures(grid):
    return text_figures(*grid[2:])


# Tables -------------------------------------------------------------------------------------------


def test_a_table_has_what_its_text_has(grid):
    first, second = tables_of_texts(*grid[2:])["texts"]["tables"]
    heads = [[column.title for column in table.columns] for table in (first, second)]
    assert first.task == "shakespeare" and "Perplexity per word" in heads[0]
    assert not any("Excess" in title for title in heads[0])
    assert "Bits per symbol, beyond the context" in heads[1]
    assert "Excess over the source, beyond (nats)" in heads[1]
    assert "Tested up to position 1,024." in first.notes[0]
    assert "public domain" in first.notes[0] and "1 % of its windows" in first.notes[1]


def test_cells_say_mean_interval_and_best(grid):
    summary = summarise_text(*grid[2:])
    (table, _) = tables_of_texts(*grid[2:])["texts"]["tables"]
    rows, own = dict(table.rows), summary[summary["task"] == "shakespeare"]
    lowest = own.loc[own["bits_beyond"].idxmin()]
    cells = rows[lowest["model"]]
    half = (lowest["bits_beyond_high"] - lowest["bits_beyond_low"]) / 2
    assert cells[3].text == f"{lowest['bits_beyond']:.3f} ± {half:.3f}" and cells[3].strong
    assert sum(cells[3].strong for cells in rows.values()) == 1
    assert [rows["transformer"][1].text, rows["lstm"][1].text] == ["grows", "1,024"]
    assert re.fullmatch(r"8\d\d k \([+−]\d\.\d %\)", rows["lstm"][0].text)


def test_a_diverged_seed_is_marked(tmp_path):
    settings = {"context": 4, "reach": 2, "epochs": 1}
    cell = made.write_text_cell(tmp_path, "play", "lstm", [0], diverged=[0], lost=[0], **settings)
    facts = read_text_facts([made.text_card(tmp_path, "play", context=4)])
    (table,) = tables_of_texts(collect_text([cell]), facts)["texts"]["tables"]
    assert table.rows[0][1][2].text == "∞†" and "infinitely bad" in table.notes[-1]


def test_tables_are_written_in_every_format(grid, tmp_path):
    translations = {"bible": {"signatures": made.SIGNATURES}}
    formats = {"csv": "a.csv", "markdown": "a.md", "latex": "a.tex", "html": "a.html"}
    paths = {kind: tmp_path / name for kind, name in formats.items()}
    with shown_as([Name("task", "bible", "translation", "King <James>")]):
        write_text_tables(*grid[2:], translations, translation_csv=tmp_path / "b.csv", **paths)
    text = {kind: path.read_text() for kind, path in paths.items()}
    assert len(pd.read_csv(paths["csv"])) == 6 and len(pd.read_csv(tmp_path / "b.csv")) == 6
    assert "| Linear Transformer |" in text["markdown"] and "## King \\<James>" in text["markdown"]
    assert text["latex"].count(r"\begin{table*}") == 3 and r"$\pm$" in text["latex"]
    assert made.SIGNATURES["bleu"] in text["html"] and "King &lt;James&gt;" in text["html"]
    assert "BLEU, beam 4" in text["html"]
    Page(text["html"])


@pytest.mark.parametrize(
    ("value", "text"),
    [(811_000, "811 k"), (4_210_000, "4.21 M"), (42_100_000, "42.1 M"), (9_999, "9,999")],
)
def test_sizes_are_short(value, text):
    assert numbers.size(value) == text


@pytest.mark.parametrize(("value", "text"), [(42_641, "42,600"), (0.5, "0"), (2.5e6, "2.50 M")])
def test_speeds_have_three_digits(value, text):
    assert numbers.speed(value) == text


# Figures ------------------------------------------------------------------------------------------


def lines(axis):
    return {line.get_label(): line for line in axis.lines if not line.get_label().startswith("_")}


def test_every_figure_is_drawn(figures):
    assert tuple(figures) == (*TEXT_FIGURES, *TRANSLATION_FIGURES)
    assert [axis.get_title() for axis in figures["text-state"].axes] == ["shakespeare", "source"]


def test_a_line_is_the_mean_of_its_seeds(grid, figures):
    axis = figures["text-position"].axes[0]
    x, y = lines(axis)["lstm"].get_data()
    text = grid[2].text
    rows = text[(text["task"] == "shakespeare") & (text["model"] == "lstm") & (text["last"] == 4)]
    at = np.flatnonzero(np.isclose(x, 12**0.5))[0]  # positions 3 and 4
    assert y[at] == pytest.approx(rows["nats"].mean() / np.log(2))
    shade = max(axis.patches, key=lambda patch: patch.get_width())
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == (1, 64)


def test_only_a_source_has_a_dashed_line(figures):
    first, second = figures["text-position"].axes[:2]
    assert [
        sum(line.get_label() == "_source" for line in axis.lines) for axis in (first, second)
    ] == [0, 1]


def test_what_is_far_worse_leaves_the_panel(figures):
    axis = figures["text-position"].axes[0]
    found = lines(axis)
    top = axis.get_ylim()[1]
    assert found["linear_transformer"].get_ydata()[-1] > top
    assert found["linear_transformer"].get_clip_on()
    assert found["transformer"].get_ydata()[-1] < top
    texts = [text.get_text() for text in figures["text-state"].axes[0].texts]
    assert len(texts) == 1 and float(texts[0]) > top  # it stands in the other figure as a number


def test_a_state_that_grows_stands_apart(figures):
    axis = figures["text-state"].axes[0]
    names = [tick.get_text() for tick in axis.get_xticklabels()]
    assert names[-1] == "grows" and axis.get_xticks()[-1] > 8448


def test_axes_of_learning_curves_are_tokens_and_seconds(grid, figures):
    x = lines(figures["text-tokens"].axes[0])["lstm"].get_xdata()
    assert list(x) == [10_000 * 64 * epoch for epoch in range(1, 5)]
    history = grid[2].history
    own = history[(history["task"] == "shakespeare") & (history["model"] == "lstm")]
    seconds = lines(figures["text-seconds"].axes[0])["lstm"].get_xdata()
    assert seconds[-1] == pytest.approx(own.loc[own["epoch"] == 4, "seconds"].mean())
    label = figures["translation-pairs"].axes[0].get_xlabel()
    assert label == "Pairs read in training"


def test_bleu_is_that_of_beam_search(grid, figures):
    rows = grid[2].translation
    chosen = rows[(rows["model"] == "lstm") & (rows["decoding"] == "beam 4")]
    y = lines(figures["translation-length"].axes[0])["lstm"].get_ydata()
    assert y[0] == pytest.approx(chosen.loc[chosen["bin"] == "1-5", "bleu"].mean())
    assert len(y) == len(made.BINS)


def test_a_text_of_one_position_can_be_drawn(tmp_path):
    settings = {"context": 1, "reach": 1, "epochs": 1, "lost": [0], "diverged": [0]}
    cell = made.write_text_cell(tmp_path, "play", "lstm", [0], **settings)
    facts = read_text_facts([made.text_card(tmp_path, "play", context=1)])
    results = collect_text([cell])
    (axis,) = loss_by_position(results.text, facts).axes
    assert axis.get_title() == "play"
    (axis,) = loss_by_state(summarise_text(results, facts), facts).axes
    assert axis.get_ylim()[0] < axis.get_ylim()[1]


# The report ---------------------------------------------------------------------------------------


def draw(folder, names=(*TEXT_FIGURES, *TRANSLATION_FIGURES)):
    """Empty pictures: the page holds whatever the files do."""
    (folder / "figures").mkdir(exist_ok=True)
    for name in names:
        (folder / f"figures/{name}.svg").write_text("<svg/>\n")
    synthetic.seal_tables(folder / "figures")


def ids(text):
    return [name for name in Page(text).ids if "/" not in name and name not in EXPLORER]


def test_a_report_of_texts_alone(grid):
    folder, cards = grid[:2]
    draw(folder)
    page.write(folder, folder / "report.html", cards=[], text_cards=cards)
    text = (folder / "report.html").read_text()
    made_page = Page(text)
    words = " ".join(made_page.text.split())
    assert ids(text) == ["run", "texts", "translation", "explore", "files", "made"]
    assert "3 models 2 texts 1 translation 3 seeds 24 training runs" in words
    assert "formal language" not in words and "solved validation" not in words
    cells = {f"{t}/{m}" for t in ("shakespeare", "source", "bible") for m in MODELS}
    assert {name for name in made_page.ids if "/" in name} == cells
    inside = {link[1:] for link in made_page.links if link.startswith("#")}
    assert inside <= set(made_page.ids) and cells <= inside
    assert "“Let there be a light”" in words and "&lt;b&gt;thou" in text
    assert not any("accuracy.csv" in link and "cells/" not in link for link in made_page.links)
    figures = [source for source in made_page.sources if source.startswith("data:image/svg")]
    assert len(figures) == 6


def test_a_mixed_report_has_all_chapters(tmp_path, monkeypatch):
    monkeypatch.setattr("test_page.write_figures", lambda *_: None)
    cards = make_strings(tmp_path, tasks=("parity",), models=["lstm"], seeds=[0], lengths=False)
    cells, text_cards = made.write_texts(tmp_path, ["play"], ["lstm"], [0], context=4, epochs=2)
    write_text_results(collect_text(cells), tmp_path / "tables")
    write_samples({}, tmp_path / "tables/translation.json")
    lost = {"task": "play", "model": "elstm", "seed": 0, "state": "failed", "error": "", "log": ""}
    write_unfinished([lost], tmp_path / "tables/text_missing.csv")
    synthetic.seal_tables(tmp_path / "tables")
    draw(tmp_path, (*TEXT_FIGURES, *page.FIGURES))
    page.write(tmp_path, tmp_path / "report.html", cards=cards, text_cards=text_cards)
    text = (tmp_path / "report.html").read_text()
    expected = ["run", "missing", "heat-map", "answers", "texts", "length", "seeds"]
    expected += ["training", "data"]
    assert ids(text) == [*expected[:-1], "explore", "data", "files", "made"]
    words = " ".join(Page(text).text.split())
    assert "1 model 1 language 1 text 1 seed 2 training runs" in words
    assert "e-LSTM on play, seed 0: failed" in words
    heat = text[text.index('id="heat-map"') : text.index('id="texts"')]
    assert "play" not in heat  # what a text lacks is no hole in tables of strings


def test_a_search_says_what_the_accuracy_of_a_text_is(tmp_path):
    path = synthetic.write_trials(tmp_path, "play", "lstm", trials=2)
    found = search_tables(collect_trials([path]))
    assert "right token" not in found["note"]
    lines = path.read_text().splitlines()
    head = lines[0].replace("accuracy 2-50", "probability 1-64")
    path.write_text("\n".join([head, *lines[1:]]) + "\n")
    assert (
        "probability that the model gives to the right token"
        in search_tables(collect_trials([path]))["note"]
    )
