"""Records: results in a repository, and opened again."""

import gc
import gzip
import json
import re
import shutil

import pandas as pd
import pytest
import synthetic

import fwp
from fwp.analysis.comparison import compare_results
from fwp.analysis.records import CELLS, OpenRecord, is_record, write_record
from fwp.analysis.results import load_results
from fwp.cli import main
from fwp.datasets.card import describe
from fwp.datasets.made import make_dataset
from fwp.report import explored
from fwp.results.collect import collect_results, write_results
from fwp.results.condensed import condensed
from fwp.results.integrity import ResultsError, write_sealed
from fwp.results.statistics import by_bin, generalisation
from fwp.results.summary import summarise, write_summary


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Two models on parity, from which a record is made."""
    folder = tmp_path_factory.mktemp("results")
    grid = {"models": ["lstm", "deltanet"], "tasks": ["parity"], "seeds": range(2), "epochs": 3}
    cells = synthetic.write_grid(folder / "cells", bins=["2-50", "51-100"], **grid)
    found = collect_results(cells)
    write_results(found, folder / "tables")
    write_summary(summarise(found), folder / "tables")
    synthetic.seal_tables(folder / "tables")
    spec = {"train": (2, 12), "validation": [(2, 12)], "test": [(2, 12), (13, 20)]}
    (folder / "data/parity").mkdir(parents=True)
    card = describe(make_dataset("parity", **spec, counts=(40, 10, 10)))
    write_sealed(folder / "data/parity/card.json", card | {"task": "parity"})
    mistake = {"bin": "2-50", "length": 1, "start": 0, "string": ["1"], "first": 0}
    mistake |= {"target": ["odd"], "predicted": ["even"]}
    synthetic.add_mistakes(folder / "cells/parity/lstm/seeds-0-1", {"0": [mistake] * 5, "1": []})
    return folder


@pytest.fixture(scope="module")
def record(results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("record")
    main(["record", str(results), str(folder)])
    return folder


def test_a_record_has_the_results_it_was_made_of(results, record):
    found = compare_results(results, record)
    assert found.identical and found.settings.empty and found.made.empty and not found.notes
    assert str(record) in repr(found) and str(record) in repr(load_results(record))


def test_a_table_that_the_page_needs_is_asked_for(results, tmp_path):
    copy = shutil.copytree(results, tmp_path / "copy")
    (copy / "tables/summary.csv").unlink()
    with pytest.raises(ResultsError, match=r"summary\.csv: .* `snakemake summarise` makes it"):
        write_record(copy, tmp_path / "record")
    assert not (tmp_path / "record").exists()


def test_a_record_says_what_differs_from_another_run(results, record, tmp_path):
    other = load_results(results)
    changed = other.accuracy.assign(
        sequence_accuracy=other.accuracy["sequence_accuracy"].where(
            other.accuracy["model"] != "deltanet", 0.0
        )
    )
    other = type(other)(changed, other.history, other.runs, results)
    found = compare_results(other, record)
    assert set(found.differing["model"]) == {"deltanet"}


def test_generalisation_lengths_of_condensed_accuracies_are_exact(results):
    whole = load_results(results).accuracy
    whole.loc[whole["length"] == 30, "sequence_accuracy"] = 0.5  # right again after it
    small = condensed(whole)
    assert len(small) < len(whole) / 2
    for frame in (by_bin, generalisation):
        pd.testing.assert_frame_equal(frame(small), frame(whole))
    total, less = (own.groupby("bin", observed=True)["strings"].sum() for own in (whole, small))
    assert total.equals(less)


def test_a_record_keeps_two_mistakes_of_a_seed(record):
    mistakes = load_results(record).mistakes
    assert mistakes["seed"].tolist() == [0, 0]


def test_a_record_that_is_opened_leaves_nothing_behind(record):
    opened = OpenRecord(record)
    folder = opened.folder
    assert (folder / "tables/accuracy.csv").exists()
    del opened
    gc.collect()
    assert not folder.exists()


def copied(record, tmp_path, change):
    """A record whose cells.json is changed."""
    content = json.loads(gzip.decompress((record / CELLS).read_bytes()))
    change(content)
    (tmp_path / "tables").mkdir()
    for path in (record / "tables").iterdir():
        (tmp_path / "tables" / path.name).write_bytes(path.read_bytes())
    (tmp_path / CELLS).write_bytes(gzip.compress(json.dumps(content).encode()))
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("cards"),
        lambda content: content["cells"].update({"../../away": {}}),
        lambda content: content["cells"].update({"a/b/c": {"cell.json": {}}}),
    ],
)
def test_a_damaged_record_is_refused(record, tmp_path, change):
    with pytest.raises(ResultsError, match=r"cells\.json\.gz"):
        load_results(copied(record, tmp_path, change))


def test_a_file_that_is_cut_short_is_named(record, tmp_path):
    folder = copied(record, tmp_path, lambda _: None)
    path = folder / "tables/runs.csv.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ResultsError, match=r"runs\.csv\.gz"):
        fwp.load_results(folder)


def test_results_are_no_record(results, record):
    assert is_record(record) and not is_record(results)
    assert {path.suffix for path in write_record(results, record)} == {".gz"}


def test_the_page_of_a_record_holds_its_cells(record, tmp_path, monkeypatch):
    monkeypatch.setattr("fwp.report.explorer.write.runtime", lambda: "")
    opened = OpenRecord(record)
    path = tmp_path / "explorer.html"
    explored.write_explored(opened.folder, path, title="<b>", back="index.html")
    text = path.read_text()
    ids = set(re.findall(r' id="([^"]+)"', text))
    assert {"explorer", "parity/lstm", "parity/deltanet"} <= ids and "&lt;b&gt;" in text
    links = set(re.findall(r'<a[^>]* href="([^"]+)"', text))
    assert {link for link in links if link[0] != "#"} == {"index.html"}
    assert {link[1:] for link in links if link[0] == "#"} <= ids
