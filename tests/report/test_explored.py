"""What the explorer of the report is given, on made-up results."""

import json
import math

import pytest
import synthetic
import synthetic_text as made
from test_page import make

from fwp.report import page
from fwp.report.explorer import runtime as module
from fwp.report.explorer.charts import heat_map, line_charts, white_from
from fwp.report.explorer.curves import POINTS, curves, thinned
from fwp.report.explorer.mistakes import chosen
from fwp.report.explorer.runtime import packed, unpacked
from fwp.report.explorer.strings import of_strings
from fwp.report.explorer.texts import of_texts, of_translations
from fwp.report.explorer.write import CHARTS, explorer
from fwp.report.labels import shown_as
from fwp.results.collect import collect_results
from fwp.results.names import Name
from fwp.results.summary import summarise
from fwp.results.text import collect_text
from fwp.results.text_facts import read_text_facts
from fwp.results.text_measures import measures
from fwp.utils.bins import Bin

BINS = ["2-50", "51-100"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explored")
    models, tasks = ("lstm", "deltanet"), ("parity", "anbn")
    cells = synthetic.write_grid(folder, models, tasks, range(2), bins=BINS, epochs=150)
    return collect_results(cells)


@pytest.fixture(scope="module")
def strings(results):
    return of_strings(summarise(results), *results, trained={"parity": Bin(2, 50)})


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explored-texts")
    cells, cards = made.write_texts(folder, ["play"], ["lstm", "transformer"], [0, 1], context=8)
    lost = made.write_text_cell(
        folder / "cells", "play", "srwm", [0, 1], context=8, diverged=(1,), lost=(1,)
    )
    cells.append(lost)
    pairs = [made.write_translation_cell(folder / "cells", "bible", "lstm", [0, 1])]
    return collect_text(cells, pairs), read_text_facts(cards)


def cell(kind, task, model):
    return next(own for own in kind["cells"] if (own["task"], own["model"]) == (task, model))


def test_a_cell_has_what_the_summary_says(results, strings):
    assert strings["parts"]["labels"] == ["2–50 symbols", "51–100 symbols"]
    for row in summarise(results).cells.itertuples():
        own = cell(strings, row.task, row.model)
        assert own["values"]["mean"][row.bin_index] == pytest.approx(row.mean, abs=1e-4)
        assert own["values"]["solved"][row.bin_index] == row.success_rate
        assert own["values"]["reach"] == [row.generalisation_median]
        assert (own["texts"]["mean"][row.bin_index] == "100") == (row.mean == 1)
        told = own["hover"][row.bin_index]
        assert told["mean"].endswith("% of 2 seeds") and "95 % interval" in told["rate"]
        assert told["spread"].count("–") == 2 and len(told["seeds"].split(", ")) == 2


def test_every_measure_of_every_cell_has_a_value_for_every_part(strings):
    for own in strings["cells"]:
        for measure in strings["measures"]:
            count = len(BINS) if measure["parted"] else 1
            assert len(own["values"][measure["name"]]) == count
            assert len(own["texts"][measure["name"]]) == count


def test_every_seed_has_its_curves(results, strings):
    own = cell(strings, "parity", "deltanet")["curves"]
    assert [curve["seed"] for curve in own["length"]] == [0, 1]
    assert set(own) == {chart["name"] for chart in CHARTS["strings"]}
    runs = results.runs.query("task == 'parity' and model == 'deltanet'")
    for run, curve in zip(runs.itertuples(), own["validation"], strict=True):
        assert curve["kept"] == run.best_epoch and curve["kept"] in curve["x"]
        assert curve["x"][0] == 1 and curve["x"][-1] == run.epochs
        assert len(curve["x"]) <= POINTS + 1


def test_a_long_history_keeps_its_ends_and_the_kept_epoch():
    places = thinned(1000, keep=[317])
    assert {0, 317, 999} <= set(places) and len(places) <= POINTS + 1
    assert list(thinned(3)) == [0, 1, 2]


def test_what_has_no_value_is_left_out_of_a_curve(results):
    broken = results.history.assign(loss=math.nan)
    assert curves(broken, "epoch", "loss") == {}


def test_losses_are_those_of_the_tables(texts):
    results, facts = texts
    kind = of_texts(results, facts)
    found = measures(results.text, results.history, results.runs, facts)
    means = found.groupby(["task", "model"], observed=True)[["bits_within", "bits_beyond"]].mean()
    for model in ("lstm", "transformer"):
        assert cell(kind, "play", model)["values"]["bits"][:2] == pytest.approx(
            means.loc["play", model].tolist(), abs=1e-4
        )
    assert kind["parts"]["labels"][2:5] == ["1", "2", "3–4"] and kind["trained"]["play"] == [1, 8]
    shades = [cell(kind, "play", model)["shades"]["bits"][0] for model in ("lstm", "transformer")]
    assert min(shades) == 0 and max(shades) == 0.85


def test_a_lost_seed_is_infinitely_bad(texts):
    own = cell(of_texts(*texts), "play", "srwm")
    assert own["values"]["bits"][0] is None and own["texts"]["bits"][0] == "∞"
    assert own["shades"]["bits"][0] is None
    assert [curve["seed"] for curve in own["curves"]["position"]] == [0]


def test_scores_are_those_of_the_last_decoding(texts):
    kind = of_translations(texts[0])
    scores = texts[0].translation.query("decoding == 'beam 4' and bin == 'all'")
    expected = scores["bleu"].mean()
    assert cell(kind, "bible", "lstm")["values"]["bleu"][0] == pytest.approx(expected, abs=1e-4)
    assert kind["parts"]["labels"][:2] == ["of every length", "of 1–5 tokens"]


def test_texts_that_are_not_there_are_not_shown(texts):
    results, facts = texts
    assert of_texts(results._replace(text=results.text[:0]), facts) is None
    assert of_translations(results._replace(translation=results.translation[:0])) is None


def test_examples_are_of_many_seeds_and_bins():
    found = [
        {"seed": seed, "bin": bin, "length": length}
        for seed in range(2)
        for bin, length in (("2-50", 9), ("2-50", 11), ("51-100", 60), ("51-100", 70))
    ]
    kept = chosen(found, 4)
    assert {(one["seed"], one["bin"]) for one in kept} == {
        (seed, bin) for seed in range(2) for bin in ("2-50", "51-100")
    }
    assert [one["length"] for one in kept] == [9, 9, 60, 60]


def test_models_of_one_title_are_told_apart(strings, monkeypatch):
    monkeypatch.setattr("fwp.report.explorer.write.runtime", lambda: "")
    names = [Name("model", name, name, "Net", "") for name in ("lstm", "deltanet")]
    with shown_as(names):
        held = json.loads(unpacked(explorer([strings], {}, {})["data"]))
    assert held["titles"]["models"] == {"lstm": "Net (lstm)", "deltanet": "Net (deltanet)"}


def test_the_page_holds_mistakes_and_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr("test_page.write_figures", lambda *_: None)
    monkeypatch.setattr("fwp.report.explorer.write.runtime", lambda: "")
    one = {"bin": "2-50", "length": 3, "start": 0, "string": ["0", "1", "1"], "first": 1}
    one |= {"target": ["even", "odd", "even"], "predicted": ["even", "even", "even"]}
    cards = make(tmp_path, ["parity"], models=["lstm", "srwm"], seeds=[0], lengths=False)
    for name in page.FIGURES:
        (tmp_path / f"figures/{name}.svg").parent.mkdir(exist_ok=True)
        (tmp_path / f"figures/{name}.svg").write_text("<svg/>\n")
    synthetic.seal_tables(tmp_path / "figures")
    synthetic.add_mistakes(tmp_path / "cells/parity/lstm/seed-0", {"0": [one]})
    picture = tmp_path / "analysis/automata/parity/lstm.svg"
    picture.parent.mkdir(parents=True)
    picture.write_text("<svg>new</svg>")
    page.write(tmp_path, tmp_path / "report.html", cards=cards)
    text = (tmp_path / "report.html").read_text()
    start = text.index('id="explorer-data"')
    data = json.loads(unpacked(text[text.index(">", start) + 1 : text.index("</script>", start)]))
    assert data["mistakes"] == {"parity/lstm": [{"seed": 0} | one]}
    assert list(data["automata"]) == ["parity/lstm"]


def test_charts_are_valid():
    import altair

    for spec in (heat_map(), line_charts(CHARTS["strings"])):
        altair.Chart.from_dict(spec)
    assert 0.5 < white_from() < 1


def test_the_runtime_is_kept_and_made_again_if_damaged(tmp_path, monkeypatch):
    made_times = []
    monkeypatch.setenv("FWP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "_bundle", lambda: made_times.append(1) or b"draw()")
    tell = module.runtime.__wrapped__
    assert unpacked(tell()) == b"draw()" == unpacked(tell())
    assert len(made_times) == 1
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_bytes(kept.read_bytes()[:-9])
    assert unpacked(tell()) == b"draw()" and len(made_times) == 2
    assert packed(b"same") == packed(b"same")
