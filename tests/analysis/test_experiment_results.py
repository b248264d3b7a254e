"""The results of an experiment in Python: frames, cells and trained models."""

import shutil

import numpy as np
import pandas as pd
import pytest
import small_grid
import synthetic
import synthetic_text
import torch

import fwp
from fwp.datasets.dataset import load_dataset
from fwp.report.figures.recall import accuracy_by_state
from fwp.results.collect import collect_results, write_results
from fwp.results.integrity import ResultsError, read_sealed, write_sealed
from fwp.results.text import collect_text, write_text_results

pytestmark = pytest.mark.xdist_group("small_grid")


@pytest.fixture(scope="module")
def results(small_results):
    return fwp.load_results(small_results)


@pytest.fixture
def copied(small_results, tmp_path):
    return shutil.copytree(small_results, tmp_path / "copy")


def test_three_frames_unpack_and_others_are_read_when_asked_for(results):
    accuracy, history, runs = results
    assert accuracy is results.accuracy and history is results.history and runs is results.runs
    assert results._fields == ("accuracy", "history", "runs")
    assert results.summary is results.summary
    assert len(results.summary) == 2 * 2 * 2


def test_settings_have_a_row_per_cell_and_a_column_per_setting(results):
    frame = results.settings
    assert list(frame["model"]) == ["deltanet", "lstm"] * 2
    assert set(frame["hidden"]) == {8} and set(frame["training.epochs"]) == {1}
    assert set(frame["task.language"]) == {"parity", "dyck_1"}
    by_model = frame.groupby("model", observed=True)["heads"].first()
    assert by_model["deltanet"] == 2 and pd.isna(by_model["lstm"])
    assert (frame["parameters"] > 0).all()


def test_provenance_says_what_cells_were_made_with(results, small_results):
    frame = results.provenance
    data = load_dataset(small_results / "data/parity/test.npz")
    assert set(frame[frame["task"] == "parity"]["data.test"]) == {data.hash}
    assert set(frame["code.train"]) == {"0" * 16} and set(frame["code.evaluate"]) == {"1" * 16}
    assert frame["torch"].notna().all() and frame["machine"].notna().all()


def test_accuracies_stand_over_the_size_of_the_state(results):
    frame = results.states
    sizes = {(row.task, row.model): row.state for row in frame.itertuples()}
    # DeltaNet: 2 heads of 4 × 4; LSTM: h and c.
    assert sizes["parity", "deltanet"] == 32 and sizes["parity", "lstm"] == 16
    figure = results.accuracy_by_state()
    parity = figure.axes[0]
    assert {line.get_xdata()[0] for line in parity.lines if len(line.get_xdata()) == 1} == {16, 32}
    bins = results.accuracy[results.accuracy["length"].isna()]
    own = bins[(bins["task"] == "parity") & (bins["model"] == "lstm")]
    means = own.groupby("bin", observed=True)["position_accuracy"].mean().to_list()
    drawn = {line.get_ydata()[0] for line in parity.lines if line.get_xdata()[0] == 16}
    assert drawn == {means[0], means[-1]}


def test_models_without_a_size_are_left_out(results):
    states = results.states
    states = states[states["model"] == "lstm"]
    figure = accuracy_by_state(results.accuracy, states, unit="Bytes")
    assert "Bytes in the state" in [axis.get_xlabel() for axis in figure.axes]
    (parity, *_) = figure.axes
    assert {line.get_xdata()[0] for line in parity.lines if len(line.get_xdata()) == 1} == {16}


def test_a_state_that_grows_stands_at_the_right(results):
    states = results.states.copy()
    states.loc[states["model"] == "deltanet", "state"] = pd.NA
    parity = accuracy_by_state(results.accuracy, states).axes[0]
    assert {line.get_xdata()[0] for line in parity.lines if len(line.get_xdata()) == 1} == {16, 40}
    assert [label.get_text() for label in parity.get_xticklabels()][-1] == "grows"


def test_mistakes_are_rows_in_the_order_of_tasks(results):
    frame = results.mistakes
    assert list(frame["task"].unique()) == ["parity", "dyck_1"]
    row = frame.iloc[0]
    at = row["first"] - row["start"]
    assert row["target"][at] != row["predicted"][at]
    assert fwp.show_mistake(row).splitlines()[3].strip().startswith(f"^ position {row['first']}")
    accuracy = results.accuracy[results.accuracy["length"].isna()]
    wrong = accuracy[accuracy["sequence_accuracy"] < 1]
    keys = ["task", "model", "seed", "bin"]
    assert {*map(tuple, frame[keys].to_numpy())} == {*map(tuple, wrong[keys].to_numpy())}


def test_mistakes_of_an_older_version_are_said_to_be_none(copied):
    for path in copied.glob("cells/*/*/*/evaluation.json"):
        record = read_sealed(path)
        del record["mistakes"]
        write_sealed(path, record)
    with pytest.raises(ResultsError, match="kept no mistakes; the next `snakemake` evaluates"):
        _ = fwp.load_results(copied).mistakes


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("search", r"trials\.csv: the file is missing; only an experiment with a `search` has it"),
        ("claims", r"claims\.csv: the file is missing; `snakemake claims` makes it"),
        ("text", r"text\.csv: the file is missing; only an experiment with texts"),
        ("translation", r"translation\.csv: the file is missing"),
        ("text_runs", r"text_runs\.csv: the file is missing"),
    ],
)
def test_what_is_missing_is_named_with_what_makes_it(results, name, message):
    with pytest.raises(ResultsError, match=message):
        getattr(results, name)


def test_tables_alone_have_frames_but_no_cells(small_results, tmp_path):
    shutil.copytree(small_results / "tables", tmp_path / "alone" / "tables")
    own = fwp.load_results(tmp_path / "alone")
    assert len(own.runs) == 8 and ".settings" not in repr(own)
    for name in ("settings", "mistakes", "provenance"):
        with pytest.raises(ResultsError, match=r"cells: the folder is missing; .* copy it with"):
            getattr(own, name)


def test_there_is_a_message_for_a_folder_without_results(tmp_path):
    with pytest.raises(ResultsError, match="there is no such folder"):
        fwp.load_results(tmp_path / "nothing")
    with pytest.raises(ResultsError, match=r"accuracy\.csv: .*`snakemake collect` makes it"):
        fwp.load_results(tmp_path)


def test_claims_and_search_are_frames(copied):
    small_grid.add_table(copied, "claims.csv", "claim,verdict,value\nfirst,supported,0.5\n")
    assert fwp.load_results(copied).claims["verdict"].tolist() == ["supported"]
    path = synthetic.write_trials(copied / "search", "parity", "deltanet", trials=3)
    small_grid.add_table(copied, "trials.csv", path.read_text())
    assert len(fwp.load_results(copied).search) == 3


def test_texts_alone_are_results_too(tmp_path):
    cells, _ = synthetic_text.write_texts(tmp_path, ["story"], ["lstm"], context=4, reach=2)
    write_text_results(collect_text(cells), tmp_path / "tables")
    synthetic.seal_tables(tmp_path / "tables")
    own = fwp.load_results(tmp_path)
    assert own.accuracy.empty and len(own.text) and len(own.text_runs) == len(own.every_run)
    assert ".text " in repr(own) and ".accuracy" not in repr(own)
    assert own._repr_html_().startswith("<p>")


def test_what_is_shown_names_frames_and_accuracies(results):
    text = repr(results)
    assert "2 models × 2 tasks, 4 cells, 8 runs" in text and ".mistakes" in text
    assert ".search" not in text
    html = results._repr_html_()
    mean = results.cell("parity", "lstm").accuracy
    mean = mean[mean["length"].isna()].groupby("bin", observed=True)["sequence_accuracy"].mean()
    shown = " / ".join(f"{100 * value:.1f}".removesuffix(".0") for value in mean)
    assert f"<td>{shown}</td>" in html


# Cells --------------------------------------------------------------------------------------------


def test_a_cell_has_its_part_of_every_frame(results):
    cell = results.cell("dyck_1", "lstm")
    assert cell.seeds == [0, 1]
    for name in ("accuracy", "history", "runs", "mistakes"):
        frame = getattr(cell, name)
        whole = getattr(results, name)
        assert len(frame) == ((whole["task"] == "dyck_1") & (whole["model"] == "lstm")).sum()
    assert cell.settings["training.learning_rate"] == 0.02
    assert repr(cell).startswith("lstm on dyck_1: seeds 0, 1 (") and "2-12: " in repr(cell)


def test_the_model_of_a_seed_has_the_accuracy_of_the_table(results, small_results):
    cell = results.cell("parity", "deltanet")
    models = [cell.model(seed) for seed in cell.seeds]
    assert not models[0].training
    assert not torch.equal(models[0].embedding.weight, models[1].embedding.weight)
    data = load_dataset(small_results / "data/parity/test.npz")
    for seed, model in zip(cell.seeds, models, strict=True):
        again = fwp.evaluate(model, data)
        own = cell.accuracy[cell.accuracy["seed"] == seed]
        assert np.array_equal(again["sequence_accuracy"], own["sequence_accuracy"])


def test_a_string_is_encoded_read_and_decoded(results):
    cell = results.cell("dyck_1", "lstm")
    tokens = cell.encode("(())")
    assert tokens.tolist() == [[0, 0, 1, 1]] == cell.encode(["(", "(", ")", ")"]).tolist()
    logits, _ = cell.model(0)(tokens)
    frame = cell.predict(0, "( ( ) )")
    assert frame["predicted"].tolist() == cell.decode(logits)[0]
    assert frame["symbol"].tolist() == list("(())")
    assert frame["target"].tolist() == ["open", "open", "open", "balanced"]
    chances = logits[0].softmax(-1).amax(-1).tolist()
    assert frame["probability"].tolist() == pytest.approx(chances)


def test_a_string_that_is_not_of_the_language_has_no_targets(results):
    frame = results.cell("dyck_1", "lstm").predict(0, "())")
    assert frame["target"].isna().all() and frame["predicted"].notna().all()


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda r: r.cell("dyck", "lstm"), r"no task 'dyck' \(did you mean 'dyck_1'\?\); it has"),
        (lambda r: r.cell("lstm", "dyck_1"), r"it is a model, cell\(task, model\)"),
        (lambda r: r.cell("dyck_1", "lsmt"), "did you mean 'lstm'"),
        (lambda r: r.cell("dyck_1", "lstm").model(7), "has the seeds 0, 1, not 7"),
        (lambda r: r.cell("dyck_1", "lstm").predict(0, "(x"), r"position 1 \(from 0\): 'x' is no"),
        (lambda r: r.cell("dyck_1", "lstm").predict(0, ""), "at least one symbol"),
    ],
)
def test_mistakes_of_the_user_are_named(results, ask, message):
    with pytest.raises(ValueError, match=message):
        ask(results)


def test_changed_weights_are_refused(copied):
    path = copied / "cells/parity/lstm/seeds-0-1/model.safetensors"
    path.write_bytes((copied / "cells/parity/deltanet/seeds-0-1/model.safetensors").read_bytes())
    with pytest.raises(ValueError, match=r"not the weights that cell\.json names"):
        fwp.load_results(copied).cell("parity", "lstm").model(0)


def test_a_cell_that_was_not_run_is_named(tmp_path):
    cells = [
        synthetic.write_cell(tmp_path / "cells", "parity", "lstm", [0]),
        synthetic.write_cell(tmp_path / "cells", "dyck_1", "srwm", [0]),
    ]
    write_results(collect_results(cells), tmp_path / "tables")
    synthetic.seal_tables(tmp_path / "tables")
    with pytest.raises(ResultsError, match="has no runs of srwm on parity"):
        fwp.load_results(tmp_path).cell("parity", "srwm")
