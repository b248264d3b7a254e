"""`fwp.compare` and `fwp compare`."""

import csv
import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest
import small_grid
import synthetic

import fwp
from fwp.cli import main
from fwp.commands.compare import show
from fwp.results.collect import collect_results, write_results

pytestmark = pytest.mark.xdist_group("small_grid")


@pytest.fixture(scope="module")
def other(small_results, tmp_path_factory):
    """The same experiment with more epochs of DeltaNet, and without parity of the LSTM."""
    folder = tmp_path_factory.mktemp("other") / "results"
    shutil.copytree(small_results, folder)
    shutil.rmtree(folder / "cells/dyck_1/deltanet")
    made = small_grid.write(folder / "new", ("dyck_1",), ("deltanet",), epochs=4)
    shutil.move(made / "cells/dyck_1/deltanet", folder / "cells/dyck_1/deltanet")
    shutil.rmtree(made)
    cells = sorted((folder / "cells").glob("*/*/*"), reverse=True)
    cells = [cell for cell in cells if cell.parts[-3:-1] != ("parity", "lstm")]
    write_results(collect_results(cells), folder / "tables")
    synthetic.seal_tables(folder / "tables")
    return folder


def test_identical_results_are_one_line(small_results, capsys):
    found = fwp.compare(small_results, small_results)
    assert found.identical and found.differing.empty
    assert main(["compare", str(small_results), str(small_results), "--exit-code"]) == 0
    out = capsys.readouterr().out
    assert out == "A and B have the same results in 4 cells (8 bins).\n"


def test_what_differs_is_said_with_its_reason(small_results, other):
    found = fwp.compare(fwp.load_results(small_results), other)
    assert not found.identical
    changed = found.differing[["task", "model"]].drop_duplicates()
    assert changed.to_numpy().tolist() == [["dyck_1", "deltanet"]]
    assert set(found.differing["verdict"]) == {"too few seeds"}
    (row,) = found.settings.to_dict("records")
    assert row == {"task": "dyck_1", "model": "deltanet", "setting": "training.epochs"} | {
        "a": 1,
        "b": 4,
    }
    assert set(found.only["side"]) == {"A"} and set(found.only["model"]) == {"lstm"}
    assert found.made.empty and found.claims.empty and not found.notes
    assert "different, with too few seeds to tell" in found.headline and "equal" in repr(found)
    assert "<table" in found._repr_html_()


def test_the_command_prints_all_of_it_and_writes_files(small_results, other, tmp_path, capsys):
    files = ["--csv", str(tmp_path / "cells.csv"), "--json", str(tmp_path / "all.json")]
    folders = [str(small_results), str(other)]
    assert main(["compare", *folders, *files]) == 0
    out = capsys.readouterr().out
    for text in (
        "Cells that differ",
        "deltanet",
        "In A alone",
        "lstm on parity",
        "training.epochs",
    ):
        assert text in out
    assert "permutation test" in out
    with (tmp_path / "cells.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 and {row["verdict"] for row in rows} >= {"equal"}
    held = json.loads((tmp_path / "all.json").read_text())
    assert held["identical"] is False and held["settings"][0]["b"] == 4
    assert main(["compare", *folders, "--exit-code"]) == 1


def test_verdicts_code_machines_and_data_that_differ_are_told(small_results, tmp_path):
    copied = shutil.copytree(small_results, tmp_path / "copy")
    for folder, verdict in ((small_results, "supported"), (copied, "contradicted")):
        shutil.copytree(folder, tmp_path / verdict)
        small_grid.add_table(
            tmp_path / verdict, "claims.csv", f"claim,verdict\nfirst,{verdict}\nboth,supported\n"
        )
    for cell in (tmp_path / "contradicted/cells").glob("*/*/*"):
        record = json.loads((cell / "cell.json").read_text())
        record["config"]["code"]["train"] = "f" * 16
        record["dataset"] = "e" * 64
        (cell / "cell.json").write_text(json.dumps(record))
        synthetic.seal(cell)
    found = fwp.compare(tmp_path / "supported", tmp_path / "contradicted")
    assert found.claims.to_dict("records") == [
        {"claim": "first", "a": "supported", "b": "contradicted"}
    ]
    assert not found.identical and "equal" in found.headline
    assert {"code.train", "data.train"} <= set(found.made["what"])


def test_a_row_is_compared_with_a_large_record_in_a_few_lines(small_results, other, capsys):
    """What the row has not run, and claims that it cannot test, are counted."""
    only = pd.DataFrame({"side": "B", "task": [f"t{i}" for i in range(30)], "model": "lstm"})
    verdicts = [("first", "supported", "contradicted"), ("other", "not tested", "supported")]
    claims = pd.DataFrame([*verdicts, ("third", "none", "supported")], columns=["claim", "a", "b"])
    found = replace(fwp.compare(small_results, other), only=only, claims=claims)
    show(found)
    out = " ".join(capsys.readouterr().out.split())
    assert "In B alone, in whole or in part: 30 cells: lstm on t0, " in out
    assert "lstm on t7; 22 more (--all)" in out and "t8" not in out
    assert "Claims that are tested in one of both alone: 2 (--all)" in out
    assert "first supported contradicted" in out and "third" not in out
    show(found, rows=None)
    out = " ".join(capsys.readouterr().out.split())
    assert "lstm on t29" in out and "third none supported" in out and "--all" not in out


def test_folders_with_brackets_are_shown_as_they_are(small_results, other, capsys):
    found = replace(fwp.compare(small_results, other), a="runs[old]<b>")
    show(found)
    assert "A = runs[old]<b>\n" in capsys.readouterr().out
    assert "runs[old]&lt;b&gt;" in found._repr_html_()


def test_tables_alone_are_compared_with_a_note(small_results, tmp_path):
    shutil.copytree(small_results / "tables", tmp_path / "alone/tables")
    found = fwp.compare(small_results, tmp_path / "alone")
    assert found.identical and "are not compared" in found.notes[0]


def test_a_missing_folder_is_named(small_results, tmp_path, capsys):
    assert main(["compare", str(small_results), str(tmp_path / "lost")]) == 1
    assert "lost: there is no such folder" in capsys.readouterr().err


# One file of everything ---------------------------------------------------------------------------


def test_every_measure_of_every_run_is_a_row(small_results, tmp_path, capsys):
    path = tmp_path / "all.csv"
    assert main(["export", str(small_results), "--output", str(path)]) == 0
    table = pd.read_csv(path)
    assert capsys.readouterr().out == f"{path}: {len(table):,} rows\n"
    results = fwp.load_results(small_results)
    row = table[
        (table["task"] == "parity")
        & (table["model"] == "lstm")
        & (table["seed"] == 1)
        & (table["bin"] == "13-20")
        & (table["measure"] == "sequence_accuracy")
    ]
    own = results.cell("parity", "lstm").accuracy
    own = own[(own["seed"] == 1) & (own["bin"] == "13-20") & own["length"].isna()]
    assert row["value"].tolist() == own["sequence_accuracy"].tolist()
    assert row["hidden"].tolist() == [8] and row["training.epochs"].tolist() == [1]
    assert set(table["length"].isna()) == {True}
    per_run = table.groupby(["task", "model", "seed"]).size()
    assert per_run.nunique() == 1 and len(per_run) == 8
    assert not table.duplicated(["task", "model", "seed", "measure", "bin", "epoch"]).any()


def test_parquet_holds_the_same_and_lengths_too(small_results, tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    path = tmp_path / "all.parquet"
    assert main(["export", str(small_results), "--output", str(path), "--lengths"]) == 0
    table = pd.read_parquet(path)
    lengths = table[table["length"].notna()]
    accuracy = fwp.load_results(small_results).accuracy
    assert len(lengths) == 2 * accuracy["length"].notna().sum()
    assert table["hidden"].unique().tolist() == [8]


def test_what_is_missing_for_parquet_is_said(small_results, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert main(["export", str(small_results), "--output", str(tmp_path / "x.parquet")]) == 1
    assert "pip install 'fwp-lab[parquet]'; .csv needs none" in capsys.readouterr().err
    assert main(["export", str(small_results), "--output", str(tmp_path / "x.xls")]) == 1
    assert "--output must end in .parquet or .csv, got 'x.xls'" in capsys.readouterr().err
