"""The tables of texts and translations, and what they amount to."""

import json
import math
import re

import pytest
import synthetic
import synthetic_text as made

from fwp.results.cells import Wanted
from fwp.results.every_run import read_every_run
from fwp.results.integrity import ResultsError
from fwp.results.record import read_record, settings_digest
from fwp.results.samples import collect_samples, read_samples, write_samples
from fwp.results.scores import read_scores
from fwp.results.text import collect_text, read_text_results, write_text_results
from fwp.results.text_facts import read_text_facts
from fwp.results.text_measures import at_equal_time, costs, equal_times, measures
from fwp.results.text_summary import mean_interval, sizes, summarise_text, summarise_translation
from fwp.results.unfinished import read_every_unfinished, write_unfinished

TINY = {"context": 4, "reach": 2, "epochs": 3}


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """Folder, results and facts of two texts and a translation."""
    folder = tmp_path_factory.mktemp("texts")
    cells, cards = made.write_texts(folder, models=["transformer", "lstm"], **TINY)
    pairs = [made.write_translation_cell(folder / "cells", "bible", "lstm", [0, 1, 2])]
    cards.append(made.translation_card(folder, "bible"))
    results = collect_text(cells, pairs)
    write_text_results(results, folder / "tables")
    write_samples(collect_samples(pairs), folder / "tables/translation.json")
    write_unfinished([], folder / "tables/text_missing.csv")
    synthetic.seal_tables(folder / "tables")
    return folder, results, read_text_facts(cards)


def write_rows(cell, rows, change=None):
    """Give a cell of seed 0 these measurements: first, last, tokens, bytes, nats, ideal."""
    lines = [made.MEASURED]
    for first, last, tokens, size, nats, ideal in rows:
        lines.append(f"play,lstm,0,budget,{first},{last},{tokens},{size},{nats},0.5,{ideal}")
    (cell / "accuracy.csv").write_text("\n".join(lines) + "\n")
    if change:
        change(cell)
    synthetic.seal(cell)


def one(tmp_path, **settings):
    return made.write_text_cell(tmp_path, "play", "lstm", [0], **TINY | settings)


def card(tmp_path, **settings):
    return read_text_facts([made.text_card(tmp_path, "play", context=4, **settings)])


def test_what_is_written_is_read(grid):
    folder, results, _ = grid
    for read, written in zip(read_text_results(folder / "tables"), results, strict=True):
        assert read.equals(written) and (read.dtypes == written.dtypes).all()
    assert list(results.runs["task"].unique()) == ["shakespeare", "source", "bible"]
    assert results.runs["context"].tolist() == [4] * 12 + [0] * 3
    grows = results.runs["state"].isna()
    assert (grows == (results.runs["model"] == "transformer")).all()
    assert results.history["validation"].between(1, 4).all()


def test_a_kind_without_cells_has_a_table_without_rows(tmp_path):
    cell = one(tmp_path)
    results = collect_text([cell])
    write_text_results(results, tmp_path / "tables")
    synthetic.seal_tables(tmp_path / "tables")
    assert len(read_text_results(tmp_path / "tables").translation) == 0
    assert summarise_translation(results).empty
    with pytest.raises(ResultsError, match="no cells to collect"):
        collect_text([])


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (",1,1,64,", ",0,1,64,", "positions begin with 1; line 2 has first 0"),
        (",3,4,128,", ",3,2,128,", "a range does not end before it begins; line 4 has last 2"),
        (r",5,8,256,256,[\d.]+,", ",5,8,256,256,,", "only a diverged run may have no loss; line 5"),
        (r",2,2,64,64,[\d.]+,", ",2,2,64,64,-1,", "a loss is not negative; line 3 has nats -1.0"),
        (r",2,2,64,64,([\d.]+),[\d.]+,", r",2,2,64,64,\1,1.5,", "between 0 and 1; line 3"),
        ("play,lstm,0", "play,lstm,1", "has rows of seed 1, while cell.json beside it is for"),
        ("budget", "solved", "says that seed 0 is solved, cell.json that it is budget"),
        ("first,last", "first,bin", "no column 'last'; the columns are task, model, seed, status"),
    ],
)
def test_mistakes_are_named(tmp_path, old, new, reason):
    path = one(tmp_path) / "accuracy.csv"
    path.write_text(re.sub(old, new, path.read_text()))
    with pytest.raises(ResultsError, match=re.escape(reason)):
        collect_text([path.parent])


def test_a_score_lies_between_0_and_100(tmp_path):
    path = made.write_translation_cell(tmp_path, "bible", "lstm", [0]) / "accuracy.csv"
    path.write_text(re.sub(r"(greedy,1-5,\d+,\d+,[\d.]+),[\d.]+", r"\1,101", path.read_text()))
    with pytest.raises(ResultsError, match="bleu lies between 0 and 100; line 2"):
        collect_text([], [path.parent])


def test_a_cell_of_other_settings_is_refused(tmp_path):
    cell = one(tmp_path)
    digest = settings_digest(read_record(cell / "cell.json")["config"])
    assert len(collect_text([Wanted(cell, [0], [0], digest)]).runs) == 1
    with pytest.raises(ResultsError, match="was trained with other settings"):
        collect_text([Wanted(cell, [0], [0], "other")])


def test_sums_are_over_tokens_and_bytes(tmp_path):
    cell = one(tmp_path)
    write_rows(cell, [(1, 1, 10, 20, 3, 2), (2, 4, 30, 70, 1, 0.5), (5, 8, 40, 100, 2, 1.5)])
    results = collect_text([cell])
    row = measures(results.text, results.history, results.runs, card(tmp_path)).iloc[0]
    assert row.bits_within == pytest.approx((30 + 30) / math.log(2) / 90)
    assert row.bits_beyond == pytest.approx(80 / math.log(2) / 100)
    assert row.nats_within == pytest.approx(60 / 40)
    assert row.excess_within == pytest.approx((30 + 30 - 20 - 15) / 40)
    assert row.excess_beyond == pytest.approx(0.5)
    assert row.perplexity_token == pytest.approx(math.exp(1.5))
    assert row.perplexity_word == pytest.approx(math.exp(60 / 90 * 5))  # a word is five bytes


def test_a_text_that_is_not_tested_beyond_its_context_says_so(tmp_path):
    results = collect_text([one(tmp_path, reach=1)])
    row = measures(results.text, results.history, results.runs, card(tmp_path)).iloc[0]
    assert math.isnan(row.bits_beyond) and row.bits_within > 0 and math.isnan(row.excess_within)


def test_a_run_without_a_loss_counts_as_infinitely_bad(tmp_path):
    cells = [made.write_text_cell(tmp_path, "play", "lstm", [0, 1], diverged=[1], lost=[1], **TINY)]
    row = summarise_text(collect_text(cells), card(tmp_path)).iloc[0]
    assert row.bits_within == math.inf and math.isnan(row.bits_within_low)
    assert (row.seeds, row.diverged) == (2, 1)


def test_equal_time_is_that_of_the_fastest_model(tmp_path):
    cells = [made.write_text_cell(tmp_path, "play", m, [0], **TINY) for m in ("lstm", "srwm")]
    measured = ("1,10,10,2,.25 2,20,20,1,.5", "1,10,15,2,.25 2,20,25,1,.125")
    for cell, lines in zip(cells, measured, strict=True):
        rows = [f"play,{cell.parts[-2]},0,{row},{row.split(',')[-1]}" for row in lines.split()]
        header = "task,model,seed,epoch,strings,seconds,loss,probability 1-4,selection"
        (cell / "history.csv").write_text("\n".join([header, *rows]) + "\n")
        synthetic.seal(cell)
    results = collect_text(cells)
    assert equal_times(results.history) == {"play": 20}
    fast, slow = at_equal_time(results.history)["equal_time"]
    assert fast == pytest.approx(math.log(2))
    assert slow == pytest.approx(math.log(4))  # its loss has risen since: the lowest so far counts
    assert costs(results.history, results.runs)["tokens_per_second"].tolist() == [4.0, 3.2]
    bits = measures(results.text, results.history, results.runs, card(tmp_path))["equal_time"]
    assert bits.tolist() == pytest.approx([1, 2])  # a token is a byte


def test_nothing_is_reached_before_the_first_measurement(tmp_path):
    cells = [made.write_text_cell(tmp_path, "play", m, [0], **TINY) for m in ("lstm", "srwm")]
    results = collect_text(cells)
    history = results.history.copy()
    history.loc[history["model"] == "srwm", "seconds"] += 1e6
    assert at_equal_time(history)["equal_time"].isna().tolist() == [False, True]


def test_intervals_are_students():
    low, high = mean_interval([1, 2, 3])
    assert (low, high) == pytest.approx((2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5))
    assert all(map(math.isnan, mean_interval([1])))


def test_sizes_are_compared_with_the_median(grid):
    found = sizes(grid[1].runs)
    own = found[found["task"] == "source"].set_index("model")["parameters_off"]
    assert own["transformer"] == pytest.approx(-own["lstm"], rel=0.01) and own["transformer"] > 0


def test_the_summary_of_a_translation_is_over_all_sentences(grid):
    found = summarise_translation(grid[1])
    assert found["decoding"].tolist() == ["greedy", "beam 4"]
    rows = grid[1].translation
    chosen = rows[(rows["bin"] == "all") & (rows["decoding"] == "beam 4")]
    assert found["bleu"].iloc[1] == pytest.approx(chosen["bleu"].mean())


def test_samples_of_models_stand_side_by_side(tmp_path):
    cells = [made.write_translation_cell(tmp_path, "bible", m, [0]) for m in ("lstm", "deltanet")]
    write_samples(collect_samples(cells), tmp_path / "translation.json")
    synthetic.seal_tables(tmp_path)
    found = read_samples(tmp_path / "translation.json")["bible"]
    assert found["signatures"] == made.SIGNATURES
    assert [sample["source"] for sample in found["samples"]] == [s["source"] for s in made.SAMPLES]
    beam = made.SAMPLES[0]["beam 4"]
    assert found["samples"][0]["outputs"] == {"lstm": beam, "deltanet": beam}


def test_a_card_says_what_a_text_is(grid, tmp_path):
    facts = grid[2]
    assert list(facts) == ["shakespeare", "source"]  # none of the translation
    assert facts["source"].unit == "symbols" and facts["source"].words_per_byte == 0
    path = made.text_card(tmp_path, "play")
    path.write_text(json.dumps({"task": "play"}))
    with pytest.raises(ResultsError, match="not the card of a text"):
        read_text_facts([path])


def test_runs_of_every_kind_are_read_together(grid, tmp_path):
    folder = grid[0] / "tables"
    found = read_every_run(folder, strings=False, texts=True)
    assert len(found) == 15 and found["model"].cat.categories.tolist() == ["transformer", "lstm"]
    assert read_every_unfinished(folder, strings=False, texts=True) == []


def test_scores_for_the_board(grid):
    folder, results, facts = grid
    cell = folder / "cells/source/lstm/seeds-0-2"
    found = read_scores(cell / "accuracy.csv", 4)
    bits = measures(results.text, results.history, results.runs, facts)
    own = bits[(bits["task"] == "source") & (bits["model"] == "lstm")]
    assert found[2] == pytest.approx(own[["bits_within", "bits_beyond"]].iloc[2].tolist())
    scores = read_scores(folder / "cells/bible/lstm/seeds-0-2/accuracy.csv", 0)
    assert len(scores[0]) == 2  # BLEU, greedy and by beam search
