import math
import shutil
import sys
from dataclasses import replace

import pandas as pd
import pytest
from tiny import cell as cell_of

from fwp.benchmarks import apart, growth, growth_report, planning, run
from fwp.experiment.experiment import Experiment

CELL = cell_of("elstm", batch_size=4)


def row(axis, size, seconds, held=1e6, model="elstm", note=""):
    return {
        "axis": axis, "model": model, "size": size, "seconds": seconds, "bytes": held, "note": note
    }  # fmt: skip


def test_a_point_has_time_and_the_memory_that_its_strings_take():
    sizes = {"pack": 1, "length": 64, "device": "cpu", "budget": 0.0}
    small, large = (growth.step(CELL.as_dict(), batch=b, **sizes) for b in (1, 4096))
    assert 0 < small["seconds"] < large["seconds"]
    at_least = 4096 * 64 * CELL.model.hidden * 4  # bytes of one activation
    assert large["bytes"] > at_least


def test_each_axis_changes_its_size_alone(monkeypatch):
    asked = []

    def answer(function, arguments, **_):
        asked.append(arguments)
        return apart.Answer({"seconds": 1.0, "bytes": 1, "note": ""}, "")

    monkeypatch.setattr(apart, "call", answer)
    sizes = {
        "seeds": [3],
        "hidden": [5],
        "length": [7],
        "layers": [2],
        "planned": [10],
        "automata": [30],
        "run": [20],
    }
    rows = list(growth.measure([CELL], sizes, "cpu", "Snakefile"))
    assert [(row["axis"], row["size"]) for row in rows] == [(a, s) for a, (s,) in sizes.items()]
    seeds, hidden, length, layers, planned, automata, run = asked
    assert (seeds["pack"], seeds["cell"]["model"]["hidden"]) == (3, 8)
    assert (hidden["pack"], hidden["cell"]["model"]["hidden"]) == (1, 5)
    assert (length["length"], length["batch"], hidden["length"]) == (7, growth.FEW, growth.LENGTH)
    assert layers["cell"]["model"]["layers"] == 2
    assert (planned["cells"], planned["dry"], run["cells"], run["dry"]) == (10, True, 20, False)
    assert (automata["cells"], automata["dry"], automata["automata"]) == (30, True, True)


def test_larger_sizes_than_one_without_an_answer_are_left_out(monkeypatch):
    monkeypatch.setattr(apart, "call", lambda *_, **__: apart.Answer(None, "more than 120 s"))
    rows = list(growth.measure([CELL], {"hidden": [8, 16]}, "cpu", "Snakefile"))
    assert [(r["size"], r["seconds"], r["note"]) for r in rows] == [(8, None, "more than 120 s")]


@pytest.mark.parametrize("cells", [10, 1000])
def test_a_grid_has_the_cells_that_were_asked_for(cells):
    grid = Experiment(planning.config(cells))
    assert len(list(grid.jobs())) == cells


def test_a_grid_of_automata_has_a_file_for_each_task(tmp_path):
    grid = Experiment(planning.config_of_automata(3, tmp_path))
    assert len(list(grid.jobs())) == 3
    assert len({file.read_text(encoding="utf-8") for file in tmp_path.glob("*.att")}) == 3


def test_a_plan_costs_time_and_memory_or_says_why_not(tmp_path, monkeypatch):
    file = tmp_path / "Snakefile"
    file.write_text("rule all:\n", encoding="utf-8")
    found = planning.measure(str(file), 10, dry=True)
    assert found["seconds"] > 0 and found["bytes"] > 1e6 and not found["note"]
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    assert planning.measure(str(file), 10, dry=True)["note"] == "no output"


def test_exponents_are_those_of_the_last_points():
    sizes = pd.Series([1, 10, 100, 1000])
    assert growth_report.exponent(sizes, pd.Series([9.0, 1.0, 100.0, 1e4])) == pytest.approx(2)
    assert math.isnan(growth_report.exponent(sizes[:1], sizes[:1]))


def test_the_page_says_exponents_and_what_limits_next():
    table = pd.DataFrame(
        [row("length", n, n**2 * 1e-5, n * 1e6) for n in (10, 100)]
        + [row("hidden", n, 1e-3, n * 1e6) for n in (10, 100)]
        + [row("hidden", 1000, None, None, note="more than 120 s")]
    )
    text = " ".join(growth_report.markdown(table, "a machine", 8e9).split())
    assert "| Length | e-LSTM | 100 | 0.1 | 2.00 | 100 | 1.00 |" in text
    assert "Length: time (10 s) of e-LSTM limits next, at some 1,000." in text
    assert "Width: memory (8 GB) of e-LSTM limits next, at some 8,000." in text
    assert "Width: e-LSTM, no answer at 1,000: more than 120 s" in text


def test_files(tmp_path, monkeypatch):
    answer = apart.Answer({"seconds": 1.0, "bytes": 1, "note": ""}, "")
    monkeypatch.setattr(apart, "call", lambda *_, **__: answer)
    other = replace(CELL, model=replace(CELL.model, name="other"))
    run.growth([CELL, other], {"layers": [1, 2], "planned": [10]}, "cpu", tmp_path, "Snakefile")
    found = {path.name for path in tmp_path.iterdir()}
    figures = {f"{axis}.{kind}" for axis in ("layers", "planned") for kind in ("svg", "pdf", "png")}
    assert found == {"growth.csv", "growth.md"} | figures
    assert len(pd.read_csv(tmp_path / "growth.csv")) == 5
