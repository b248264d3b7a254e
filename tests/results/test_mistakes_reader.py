"""Reading the wrong strings that evaluations keep."""

import json

import pytest

from fwp.results.integrity import ResultsError, read_sealed, write_sealed
from fwp.results.mistakes import aligned, collect_mistakes, read_mistakes

ROW = {
    "bin": "2-50",
    "length": 4,
    "start": 0,
    "string": ["(", "[", "]", ")"],
    "target": ["open", "open", None, "balanced"],
    "predicted": ["open", "balanced", "open", "balanced"],
    "first": 1,
}


def write(folder, mistakes):
    write_sealed(folder / "evaluation.json", {"mistakes": mistakes})
    return folder


@pytest.fixture
def cell(tmp_path):
    return write(tmp_path / "dyck" / "lstm" / "seeds-0-1", {"0": [ROW], "1": []})


def test_a_cell_is_read_by_seed(cell):
    assert read_mistakes(cell) == {0: [ROW], 1: []}


def test_cells_are_rows(cell):
    (row,) = collect_mistakes({cell: [0, 1]})
    assert row == {"task": "dyck", "model": "lstm", "seed": 0} | ROW
    assert collect_mistakes({cell: [1]}) == []


def test_an_older_record_has_none(tmp_path):
    write_sealed(tmp_path / "evaluation.json", {"seeds": [0]})
    assert read_mistakes(tmp_path) == {}


@pytest.mark.parametrize("wrong", [[1], {"0": [{"bin": "2-50"}]}, {"x": []}])
def test_something_else_is_refused(tmp_path, wrong):
    write(tmp_path, wrong)
    with pytest.raises(ResultsError, match=r"evaluation\.json: its mistakes are not those"):
        read_mistakes(tmp_path)


def test_a_list_of_symbols_takes_one_line_of_the_file(cell):
    text = (cell / "evaluation.json").read_text()
    assert '"string": ["(", "[", "]", ")"],' in text
    assert read_sealed(cell / "evaluation.json")["mistakes"]["0"] == [ROW]
    nested = {"a": [], "b": [[1, 2], [], [{"c": ["["]}]], "d": {}}
    write_sealed(cell / "other.json", nested)
    held = json.loads((cell / "other.json").read_text())
    assert {key: held[key] for key in nested} == nested


def test_a_mistake_is_shown_symbol_above_symbol():
    assert aligned(ROW).splitlines() == [
        "string     ([])",
        "right      oo.b",
        "predicted  obob",
        "            ^ position 1, counted from 0",
        "o = open, b = balanced",
    ]
    alike = {"string": ["a"], "target": ["one"], "predicted": ["other"], "start": 0, "first": 0}
    assert aligned(alike).splitlines()[1:3] == ["right      0", "predicted  1"]
    unnamed = alike | {"target": [""], "predicted": ["other"]}
    assert aligned(unnamed).splitlines()[2] == "predicted  o"
    words = {"string": ["push", "x"], "target": ["1", "10"], "predicted": ["1", "1"], "start": 50}
    assert aligned(words | {"first": 51, "length": 90}).splitlines() == [
        "string     push x",
        "right      1    10",
        "predicted  1    1",
        "                ^ position 51, counted from 0",
    ]
