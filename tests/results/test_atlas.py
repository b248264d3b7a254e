"""The table of three answers."""

import pandas as pd
import pytest
import synthetic

from fwp.report import labels, shades
from fwp.report.figures.atlas import atlas, shade
from fwp.report.tables.atlas import contradictions, counts, text, write_atlas
from fwp.results.atlas import COLUMNS, Known, answers, read_answers
from fwp.results.collect import collect_results
from fwp.results.integrity import ResultsError
from fwp.results.names import Name
from fwp.utils.bins import Bin
from fwp.utils.files import write_frame

TRAINED = {"parity": Bin(2, 50), "anbn": Bin(2, 50)}
KNOWN = {
    ("parity", "lstm"): Known("constructed"),
    ("parity", "deltanet"): Known("impossible", "Theorem 1 of a paper", "P = NP"),
    ("anbn", "lstm"): Known("impossible", "Another theorem"),
}
ROWS = [("parity", "elstm", 0, "failed"), ("parity", "lstm", 9, "waiting")]
LOST = [dict(zip(("task", "model", "seed", "state"), row, strict=True)) for row in ROWS]


@pytest.fixture(scope="module")
def accuracy(tmp_path_factory):
    """LSTM and DeltaNet on two languages: all right but for what is set below."""
    grid = {"models": ["lstm", "deltanet"], "tasks": ["parity", "anbn"], "seeds": range(4)}
    cells = synthetic.write_grid(
        tmp_path_factory.mktemp("grid"), **grid, bins=["2-50", "51-100"], lengths=True
    )
    frame = collect_results(cells).accuracy
    shares = pd.Series(1.0, frame.index)
    lstm, parity = frame["model"] == "lstm", frame["task"] == "parity"
    # DeltaNet: one seed learns parity, but not beyond 60 symbols.
    shares[~lstm & parity & (frame["seed"] > 0)] = 0.5
    shares[~lstm & parity & (frame["bin"] == "51-100") & ~(frame["length"] <= 60).fillna(False)] = (
        0.2
    )
    # LSTM: three of four seeds are perfect on anbn, and the other one has learnt it well enough.
    fourth = lstm & ~parity & (frame["seed"] == 3)
    shares[fourth & frame["length"].isna()] = 0.995
    return frame.assign(sequence_accuracy=shares)


@pytest.fixture(scope="module")
def table(accuracy):
    groups = {"parity": "Regular", "anbn": "Counters"}
    return answers(accuracy, TRAINED, known=KNOWN, groups=groups, missing=LOST)


def row(table, task, model):
    return next(table[(table["task"] == task) & (table["model"] == model)].itertuples())


def test_seeds_that_learn_and_seeds_that_are_perfect_are_counted(table):
    delta = row(table, "parity", "deltanet")
    assert (delta.seeds, delta.learnt, delta.perfect) == (4, 1, 0)
    assert delta.learnable == 0.25 and delta.learnable_low < 0.25 < delta.learnable_high
    assert delta.generalisation_best == 60 and delta.generalisation_median == 0
    lstm = row(table, "anbn", "lstm")
    assert (lstm.learnt, lstm.perfect, lstm.generalises) == (4, 3, 0.75)


def test_a_seed_that_is_perfect_against_a_theorem_is_marked(table):
    marked = table[table["contradiction"]]
    assert marked[["task", "model"]].to_numpy().tolist() == [["anbn", "lstm"]]
    assert "3 of 4 seeds perfect to 100 symbols. Another theorem" in contradictions(table)[0]


def test_on_training_lengths_alone_nothing_contradicts_a_theorem(accuracy):
    short = answers(accuracy, {"anbn": Bin(2, 100)}, known=KNOWN)
    assert not short["contradiction"].any()


def test_what_was_not_run_has_a_state_and_no_numbers(table):
    none, some = row(table, "parity", "elstm"), row(table, "parity", "lstm")
    assert none.state == "failed" and pd.isna(none.learnable) and not none.contradiction
    assert none.expressible == "open" and some.state == "partial" and some.seeds == 4
    assert ["without results", "1"] in counts(table)


def test_without_a_bin_of_training_lengths_the_shortest_one_counts(accuracy):
    short = answers(accuracy, {"parity": Bin(2, 40)})
    assert row(short, "parity", "deltanet").learnt == 1


def test_the_table_is_read_as_it_was_written(table, tmp_path):
    path = tmp_path / "atlas.csv"
    write_frame(path, table)
    synthetic.seal_tables(tmp_path)
    pd.testing.assert_frame_equal(read_answers(path), table[list(COLUMNS)], check_dtype=False)
    path.write_text("task\nparity\n")
    synthetic.seal_tables(tmp_path)
    with pytest.raises(ResultsError, match=r"atlas\.csv"):
        read_answers(path)


def test_the_page_names_every_answer(table, tmp_path):
    write_atlas(table, tmp_path / "atlas.md")
    page = (tmp_path / "atlas.md").read_text()
    assert "× 4/4, ≥100 (3)!" in page and "? failed" in page and "‡" in page
    assert "## Counters" in page and "- Theorem 1 of a paper; unless P = NP" in page
    assert text(row(table, "parity", "deltanet")) == "× 1/4, 0 (0)"


def test_the_figure_has_a_disc_or_a_word_for_every_cell(table):
    figure = atlas(table, TRAINED)
    axis = figure.axes[0]
    words = [one.get_text() for one in axis.texts]
    discs = sum(len(one.get_offsets()) for one in axis.collections if hasattr(one, "_widths"))
    assert words == ["fail."] and discs + len(words) == len(table)


def test_groups_stand_beside_their_languages(table):
    grouped = [Name("task", "parity", "parity", "Parity", group="Regular, with a group")]
    with labels.shown_as([*grouped, Name("task", "anbn", "anbn", "aⁿbⁿ")]):
        (right,) = atlas(table, TRAINED).axes[0].child_axes
    assert [one.get_text() for one in right.get_yticklabels()] == ["Regular,\nwith a group"]
    assert right.get_yticks().tolist() == [0.5]


def test_discs_are_darker_the_farther_seeds_generalise(table):
    cell = row(table, "parity", "deltanet")
    near = shade(cell._replace(generalisation_median=60.0), Bin(2, 50))
    far = shade(cell._replace(generalisation_median=100.0), Bin(2, 50))
    assert shade(cell, Bin(2, 50)) == shades.shade(0)
    assert shades.contrast("#ffffff", near) < shades.contrast("#ffffff", far)
    assert shade(cell._replace(perfect=4), Bin(2, 50)) == shades.ALL
