"""What comes out of a search: tables, figures, and the chapter of the report."""

import re

import numpy as np
import pandas as pd
import pytest
import synthetic
from matplotlib.backends.backend_agg import FigureCanvasAgg
from test_figures import corners, overlap, texts
from test_page import Page, make

from fwp.report import page, search_words
from fwp.report.figures import style
from fwp.report.figures.best_of import expected_best_of
from fwp.report.figures.search import FIGURES, write_search_figures
from fwp.report.figures.trials import accuracy_by_setting
from fwp.report.tables.search import search_tables, write_search
from fwp.results.collect import read_accuracy
from fwp.results.record import ResultsError
from fwp.results.trials import collect_trials, write_trials
from fwp.utils.files import write_text

SEARCH = {
    "trials": 8,
    "method": "random",
    "seeds": 1,
    "halving": {"factor": 3, "epochs": 10},
    "budget": {"parameters": 64_000},
    "space": {
        "hidden": [32, 64],
        "training": {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}},
    },
    "models": {"lstm": {"heads": None}, "srwm": {"heads": [2, 4, 8]}},
}


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    """Two models × two tasks × eight trials."""
    folder = tmp_path_factory.mktemp("search")
    paths = synthetic.write_search(folder, ["lstm", "srwm"], ["parity", "dyck_1"], trials=8)
    return collect_trials(paths)


@pytest.fixture
def one():
    """Three trials of one model on one task, of which the second diverged."""
    return frame(
        (0, 0.001, "constant", "budget", 0.5, False),
        (1, 0.03, "cosine", "diverged", 1.0, False),
        (2, 0.01, "cosine", "solved", 1.0, True),
    )


def frame(*rows):
    """Trials; rows are (trial, rate, schedule, status, accuracy, chosen)."""
    columns = ["trial", "training.learning_rate", "training.schedule", "status", "selection"]
    table = pd.DataFrame(rows, columns=[*columns, "chosen"]).assign(
        task="parity", model="mine", seed=1, parameters=100, state=16, epochs=9, loss=0.1, seconds=1
    )
    for name in ("accuracy 2-50", "accuracy 51-100", "inductive", "expressive"):
        table[name] = table["selection"]
    for name in ("task", "model"):
        table[name] = pd.Categorical(table[name], ordered=True)
    return table


# Words --------------------------------------------------------------------------------------------


def test_settings_are_said_in_words_the_rate_first():
    row = {
        "hidden": 32,
        "allow_neg_eigval": "True",
        "training.learning_rate": 0.0031622,
        "nu": pd.NA,
    }
    expected = "learning rate 0.00316, width 32, allow neg eigval true"
    assert search_words.settings(row, row) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [(64, "64"), (64.0, "64"), (1e-5, "1e-05"), (None, "none"), ("null", "none"), (True, "true"),
     ("cosine", "cosine"), (np.int64(4), "4")],
)  # fmt: skip
def test_values_are_plain(value, text):
    assert search_words.value(value) == text


def test_a_space_is_said_in_words():
    assert search_words.space(SEARCH) == [
        "learning rate 0.0001 to 0.01, log scale; width 32 or 64",
        "LSTM: heads not searched",
        "SRWM: heads 2, 4 or 8",
    ]


def test_the_method_is_said_in_sentences(trials):
    summary = search_tables(trials)["summary"]
    assert search_words.method(SEARCH, summary) == (
        "Random search with 8 trials for each model and language, each with 1 seed. Successive "
        "halving: after 10 epochs the best 1 of 3 trials go on, and again after 30, 90, … epochs. "
        "The width is the largest within a budget of 64,000 parameters."
    )
    assert search_words.method({"method": "tpe", "halving": None}, summary).count(".") == 1


# Tables -------------------------------------------------------------------------------------------


def test_the_table_says_what_was_tried_chosen_and_found(one):
    accuracy = synthetic.table(
        *[("parity", "mine", seed, "solved", "2-50", None, 1.0) for seed in range(3)],
        *[("parity", "mine", seed, "solved", "51-100", None, seed / 4) for seed in range(3)],
    )
    (table,) = search_tables(one, accuracy)["tables"]
    ((model, cells),) = table["rows"]
    assert dict(zip(table["columns"], [model, *(cell.text for cell in cells)], strict=True)) == {
        "Model": "mine",
        "Chosen settings": "learning rate 0.01, schedule cosine",
        "Trials": "3 (1 div.)",
        "Validation": "100",
        "Median trial": "50.0",
        "Trials ≥ 99 %": "1, 1",
        "Test 2–50": "100",
        "Test 51–100": "25.0",
        "Seeds": "3",
        "Inductive bias": "50.0",
        "Expressivity": "100",
    }
    assert [cell.share for cell in cells][2:4] == [1.0, 0.5]


def test_cells_without_results_have_no_test_accuracy(one):
    cells = search_tables(one)["tables"][0]["rows"][0][1]
    assert [cell.text for cell in cells[5:8]] == ["–", "–", "–"]


def test_every_format_has_every_search(trials, tmp_path):
    paths = {kind: tmp_path / f"search.{kind}" for kind in ("csv", "markdown", "latex", "html")}
    write_search(trials, None, SEARCH, **paths)
    csv = pd.read_csv(paths["csv"])
    assert len(csv) == 4 and csv["trials"].tolist() == [8] * 4
    markdown = paths["markdown"].read_text()
    assert markdown.startswith("# Search\n") and search_words.CHOSEN in markdown
    assert markdown.count("| SRWM") == 2 and "- SRWM: heads 2, 4 or 8" in markdown
    latex = paths["latex"].read_text()
    rows = [line for line in latex.splitlines() if line.endswith(r"\\") and " & " in line]
    assert len(rows) == 1 + 4 and {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {10}
    assert "%" not in latex.split("\n", 1)[1].replace(r"\%", "") and "$^\\dagger$" in latex
    html = paths["html"].read_text()
    Page(html)
    assert html.count("<th>SRWM</th>") == 2


def test_large_tables_are_cut_into_floats(tmp_path):
    tasks = synthetic.TASKS[:6]
    paths = synthetic.write_search(tmp_path, synthetic.MODELS, tasks, trials=2)
    write_search(collect_trials(paths), latex=tmp_path / "search.tex")
    text = (tmp_path / "search.tex").read_text()
    assert text.count(r"\begin{table*}") == text.count(r"\end{table*}") == 2
    assert r"\label{tab:search-2}" in text and "continued (2 of 2)" in text


# Figures ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def settings(trials):
    """All trials against every setting, drawn once."""
    return accuracy_by_setting(trials)


def drawn(axis, model):
    """Points of a model in a panel, in the order of drawing: kept, diverged, ring, chosen."""
    return [line for line in axis.lines if line.get_label() == model]


def test_trials_are_drawn_against_every_setting(one):
    rate, schedule = accuracy_by_setting(one).axes
    assert [axis.get_xlabel() for axis in (rate, schedule)] == ["Learning rate", "Schedule"]
    assert rate.get_title("left") == "Parity" and not schedule.get_title("left")
    kept, lost, ring, chosen = drawn(rate, "mine")
    assert kept.get_xydata().tolist() == [[0.001, 0.5], [0.01, 1.0]]
    assert lost.get_xydata().tolist() == [[0.03, 0.0]] and lost.get_marker() == "x"
    for line in (ring, chosen):
        assert line.get_xydata().tolist() == [[0.01, 1.0]]
    assert rate.get_xscale() == "log"  # its values span more than a decade
    assert [text.get_text() for text in schedule.get_xticklabels()] == ["constant", "cosine"]
    assert np.rint(drawn(schedule, "mine")[0].get_xdata()).tolist() == [0, 1]


def test_values_within_a_decade_have_a_linear_axis(one):
    near = one.assign(**{"training.learning_rate": [0.001, 0.002, 0.004]})
    assert accuracy_by_setting(near).axes[0].get_xscale() == "linear"


def test_models_stand_side_by_side_in_strips(settings):
    axis = next(axis for axis in settings.axes if axis.get_xlabel() == "Width")
    assert [text.get_text() for text in axis.get_xticklabels()] == ["32", "64"]
    places = {name: drawn(axis, name)[0].get_xdata() for name in ("lstm", "srwm")}
    assert (places["lstm"] - np.rint(places["lstm"])).max() < 0
    assert (places["srwm"] - np.rint(places["srwm"])).min() > 0


def test_a_model_without_a_setting_is_not_in_its_panel(settings):
    axis = next(axis for axis in settings.axes if axis.get_xlabel() == "Heads")
    assert not drawn(axis, "lstm") and drawn(axis, "srwm")


def test_the_expected_best_has_a_line_per_model(trials):
    figure = expected_best_of(trials)
    assert [axis.get_title() for axis in figure.axes] == ["Parity", "Dyck-1"]
    for task, axis in zip(("parity", "dyck_1"), figure.axes, strict=True):
        lines = {line.get_label(): line for line in axis.lines}
        assert list(lines) == ["lstm", "srwm"]
        own = trials[(trials["task"] == task) & (trials["model"] == "srwm")]
        mean = own["selection"].mask(own["status"] == "diverged", 0).mean()
        assert lines["srwm"].get_xdata().tolist() == list(range(1, 9))
        assert lines["srwm"].get_ydata()[0] == pytest.approx(mean)


def test_no_text_runs_into_another(settings, trials, one):
    best = map(expected_best_of, (trials, one))
    for figure in (settings, accuracy_by_setting(one), *best):
        with style.settings():
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            seen = texts(figure)
            boxes = [corners(text, canvas.get_renderer()) for text in seen]
        assert len(seen) > 5
        for i, box in enumerate(boxes):
            assert (box > -1).all() and (box < np.add(canvas.get_width_height(), 1)).all()
            hit = [seen[j].get_text() for j in range(i) if overlap(box, boxes[j])]
            assert not hit, (seen[i].get_text(), hit)


# The report ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Results of a small experiment, with a search."""
    folder = tmp_path_factory.mktemp("report")
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("test_page.write_figures", lambda *_: None)
    for name in (*page.FIGURES, *page.SEARCH_FIGURES):
        write_text(folder / f"figures/{name}.svg", "<svg/>")
    grid = {"models": ["lstm", "srwm"], "seeds": [0, 1], "lengths": False}
    cards = make(folder, ["parity"], **grid)
    paths = synthetic.write_search(folder / "search", ["lstm", "srwm"], ["parity"], trials=4)
    found = collect_trials(paths)
    write_trials(found, folder / "tables/trials.csv")
    synthetic.seal_tables(folder / "tables")
    monkeypatch.undo()
    return folder, cards


def test_the_report_has_a_chapter_on_the_search(folder):
    folder, cards = folder
    page.write(folder, folder / "report.html", cards=cards, search=SEARCH)
    made = Page((folder / "report.html").read_text())
    text = " ".join(made.text.split())
    assert [name for name in made.ids if "/" not in name].count("search") == 1
    assert "#search" in made.links and "tables/search.csv" in made.links
    assert len(made.sources) == 7
    assert text.count(search_words.CHOSEN) == 4  # what was run, chapter, two figures
    assert "Random search with 4 trials" in text and "Dodge et al. 2019" in text
    median = read_accuracy(folder / "tables/accuracy.csv").query("bin == '51-100'")
    assert len(median) and "Chosen settings" in text and made.links.count("#parity/srwm") > 1


def test_a_report_without_a_search_says_nothing_of_one(folder):
    """Even where an older search has left its tables."""
    folder, cards = folder
    page.write(folder, folder / "plain.html", cards=cards)
    text = (folder / "plain.html").read_text()
    assert len(Page(text).sources) == 5
    shown = re.sub(r"<(style|script).*?</\1>", "", text, flags=re.DOTALL)
    assert not re.search(r"search|trial", shown, re.IGNORECASE)


def test_a_missing_figure_of_the_search_is_named(folder):
    folder, cards = folder
    assert page.SEARCH_FIGURES == FIGURES
    figure = folder / "figures" / f"{FIGURES[1]}.svg"
    data = figure.read_bytes()
    figure.unlink()
    with pytest.raises(ResultsError, match=r"search-best\.svg: the figure is missing"):
        page.write(folder, folder / "report.html", cards=cards, search=SEARCH)
    figure.write_bytes(data)


def test_figures_have_three_formats(one, tmp_path):
    write_search_figures(one, tmp_path)
    names = {f"{stem}.{kind}" for stem in FIGURES for kind in ("pdf", "png", "svg")}
    assert {path.name for path in tmp_path.iterdir()} == names
