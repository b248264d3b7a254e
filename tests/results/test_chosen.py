"""Settings that a search chooses, before and after it has."""

import json

import pytest
import tiny

from fwp.results.chosen import (
    OPEN,
    agrees,
    filled,
    opened,
    part_of,
    read_chosen,
    settled,
    write_chosen,
)
from fwp.results.integrity import ResultsError

CELL = tiny.cell("srwm").as_dict() | {"code": {"train": "x"}}
CELL["model"]["options"] = {"heads": 2}
KEYS = ("training.learning_rate", "hidden", "heads")
CHOSEN = {"training.learning_rate": 0.5, "hidden": 12, "heads": 3}


def test_a_key_is_of_training_the_model_or_its_mixer():
    assert [part_of(CELL, key) for key in KEYS] == [
        (("training",), "learning_rate"),
        (("model",), "hidden"),
        (("model", "options"), "heads"),
    ]


def test_a_cell_is_the_same_whatever_its_open_settings_were():
    plan = opened(CELL, KEYS)
    assert plan["training"]["learning_rate"] == plan["model"]["options"]["heads"] == OPEN
    assert opened(settled(CELL, CHOSEN), KEYS) == plan
    assert CELL["model"]["options"] == {"heads": 2}  # not changed in place


def test_a_cell_agrees_with_its_plan_and_with_no_other():
    plan = opened(CELL, KEYS)
    assert agrees(CELL, plan)
    assert agrees(settled(CELL, CHOSEN), plan)
    assert not agrees(settled(CELL, {"layers": 7}), plan)
    assert not agrees(CELL | {"code": {"train": "y"}}, plan)
    assert not agrees(CELL, plan | {"more": 1})
    assert not agrees(None, plan)


def test_a_plan_is_filled_from_the_record_of_its_cell():
    cell = settled(CELL, CHOSEN)
    assert filled(opened(CELL, KEYS), cell) == cell
    part = {"model": cell["model"], "training": {"dtype": "float32"}}
    assert filled(opened(part, KEYS), cell) == part


@pytest.mark.parametrize("key", ["dropout", "training.next_symbols", "training.language_modelling"])
@pytest.mark.parametrize("value", [0.25, 0.0])
def test_a_setting_that_is_left_out_at_zero_can_be_chosen(key, value):
    plan, cell = opened(CELL, [key]), settled(CELL, {key: value})
    place, name = part_of(CELL, key)
    assert plan[place[0]][name] == OPEN and cell[place[0]].get(name, 0.0) == value
    assert (name in cell[place[0]]) == bool(value)
    assert agrees(cell, plan) and agrees(cell, CELL) != bool(value)
    assert filled(plan, cell) == cell
    assert opened(cell, [key]) == plan
    part = {"model": CELL["model"], "training": {"dtype": "float32"}}
    assert settled(part, {"training.next_symbols": value}) == part  # of weights that are there


def test_what_was_chosen_reads_back_and_an_equal_choice_leaves_the_file_alone(tmp_path):
    path = tmp_path / "chosen.json"
    write_chosen(path, "parity", "srwm", CHOSEN)
    assert read_chosen(path) == CHOSEN
    time = path.stat().st_mtime_ns
    write_chosen(path, "parity", "srwm", CHOSEN)
    assert path.stat().st_mtime_ns == time
    write_chosen(path, "parity", "srwm", CHOSEN | {"hidden": 4})
    assert read_chosen(path)["hidden"] == 4


def test_a_changed_file_is_refused_and_replaced(tmp_path):
    path = tmp_path / "chosen.json"
    write_chosen(path, "parity", "srwm", CHOSEN)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"settings": {"hidden": 1}}))
    with pytest.raises(ResultsError, match="has changed since it was written"):
        read_chosen(path)
    write_chosen(path, "parity", "srwm", CHOSEN)
    assert read_chosen(path) == CHOSEN
