"""Tables and figures of what was found inside models."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from fwp.report.figures import automaton
from fwp.report.figures import states as drawn
from fwp.report.figures.recall import sizes
from fwp.report.figures.style import save
from fwp.report.tables import automata as automata_table
from fwp.report.tables import states as states_table

PARITY = {0: ("even", {"0": 0, "1": 1}), 1: ("odd", {"0": 1, "1": 0})}


def states(model="m", exponent=0.5, seeds=(0, 1), components=2, start=0.0):
    rows = [
        {
            "task": "parity", "model": model, "seed": seed, "position": position, "strings": 3,
            "layer": 0, "component": i, "norm": 1.0, "start": start, "step": 0.1,
            "distance": (1 + i) * position ** (exponent + 0.01 * seed), "state_bytes": 64,
            "process_bytes": 2**28,
        }
        for seed in seeds for position in (1, 4, 20, 100, 200, 400) for i in range(components)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def positions(model="m", accuracies=(1.0, 1.0, 0.9)):
    rows = [
        {"task": "parity", "model": model, "seed": 0, "first": a, "last": b, "symbols": 9,
         "accuracy": accuracy}
        for (a, b), accuracy in zip([(1, 20), (21, 100), (101, 400)], accuracies, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_growth_is_the_exponent_beyond_training():
    table = states_table.summary(
        states(exponent=0.5), positions(), {"m": "recurrent_delta"}, {"parity": (2, 50)}
    )
    assert table["state"].tolist() == ["S", "y"]
    assert table["growth"].tolist() == pytest.approx([0.505, 0.505])
    assert table["growth_low"].iloc[0] == pytest.approx(0.5)
    assert table["first_miss"].tolist() == [101, 101] and table["length"].tolist() == [400, 400]
    assert table["last_step"].iloc[0] == pytest.approx(0.1 / 400**0.505, rel=0.05)


def test_nothing_is_said_of_too_few_positions_or_no_miss():
    table = states_table.summary(
        states(), positions(accuracies=(1, 1, 1)), {"m": "own:Mixer"}, {"parity": (2, 300)}
    )
    assert table["growth"].isna().all() and table["first_miss"].isna().all()
    assert table["state"].tolist() == ["state 1", "state 2"]


def test_the_table_is_written(tmp_path):
    table = states_table.summary(states(), positions(), {"m": "deltanet"}, {"parity": (2, 50)})
    table["last_step"] = [1.104, 0.0123]
    paths = {"csv": tmp_path / "s.csv", "markdown": tmp_path / "s.md"}
    states_table.write_states(table, **paths)
    text = paths["markdown"].read_text()
    assert "Parity, strings of up to 400 symbols" in text and "0.51 (0.50 to 0.51)" in text
    assert re.search(r"\| +110 \|", text) and re.search(r"\| +1\.2 \|", text)
    assert len(pd.read_csv(paths["csv"])) == 2


@pytest.mark.parametrize("start", [0.0, 2.0])
def test_a_trace_shows_every_part_of_the_state(start, tmp_path):
    figure = drawn.trace(states(start=start, components=4), positions(), "srwm", (2, 50))
    labels = [text.get_text() for text in figure.findobj(Text)]
    assert {"W_y", "W_q", "W_k", "W_β", "m on Parity"} <= set(labels)
    per = " / ‖initial‖" if start else ""
    shown = [axis.get_ylabel() for axis in figure.axes]
    assert shown[1:] == [f"‖state − initial‖{per}", f"‖change per symbol‖{per}"]
    assert "Symbols read" in labels
    line = figure.axes[1].lines[0]
    scale = start or 1
    assert line.get_ydata()[-1] == pytest.approx(np.mean([400**0.5, 400**0.51]) / scale)
    save(figure, tmp_path / "f")
    assert (tmp_path / "f.svg").stat().st_size > 1000


def test_a_step_that_dies_away_is_drawn_on_a_readable_axis():
    fading = states()
    fading["step"] = 10.0 ** -(fading["position"] / 40)
    axis = drawn.trace(fading, positions(), "deltanet", (2, 50)).axes[2]
    shown = [at for at in axis.get_yticks() if axis.get_ylim()[0] <= at <= axis.get_ylim()[1]]
    assert 3 <= len(shown) <= 8


def test_memory_is_that_of_the_same_tasks_at_every_length():
    longer = states().assign(task="other", state_bytes=128)
    longer.loc[longer["position"] == 400, "position"] = 401
    for axis in drawn.memory(pd.concat([states(), longer])).axes:
        (line, *_) = axis.lines
        assert line.get_xdata().max() == 200


def test_memory_is_drawn_per_model():
    both = pd.concat([states("deltanet"), states("lstm")])
    figure = drawn.memory(both)
    assert [len(axis.lines) for axis in figure.axes] == [2, 2]
    assert [axis.get_ylabel() for axis in figure.axes] == ["Memory (KiB)", "Memory (MiB)"]
    low, high = figure.axes[0].get_ylim()
    assert sum(low <= tick <= high for tick in figure.axes[0].get_yticks()) >= 3
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), 64 / 1024)


def test_the_size_of_a_state_is_that_at_the_end():
    held, window, grows = (states(name) for name in ("deltanet", "lstm", "transformer"))
    grows["state_bytes"] = 64 * grows["position"]
    window["state_bytes"] = 8 * window["position"].clip(upper=3)
    found = sizes(pd.concat([held, window, grows])).set_index("model")["state"]
    assert found["deltanet"] == 64 and found["lstm"] == 24 and pd.isna(found["transformer"])


def record(model="m", machine=PARITY, difference=None, unread=None, status="solved"):
    seed = {"seed": 0, "status": status}
    if status == "solved":
        seed |= {"groups": 2, "purity": 1.0, "separation": 1.0, "fidelity": 1.0}
        seed |= {"machine": machine, "difference": difference, "unread": unread}
    return {"task": "parity", "model": model, "language": PARITY, "seeds": [seed]}


def test_automata_are_told_apart_from_the_languages(tmp_path):
    records = [
        record("same"), record("other", difference="10"), record("none", machine=None),
        record("failed", status="budget"), record("narrow", unread="01"),
    ]  # fmt: skip
    table = automata_table.summary(records)
    assert table["same"].tolist() == [True, False, False, False, False]
    assert table["states"].isna().tolist() == [False, False, True, True, False]
    automata_table.write_automata(table, csv=tmp_path / "a.csv", markdown=tmp_path / "a.md")
    text = (tmp_path / "a.md").read_text()
    assert "1 of 1 solved seeds has the automaton of the language, with 2 states." in text
    assert "0 of 1 solved seeds have the automaton of the language, with 2 states; the" in text
    assert "the others: 2 states." in text
    assert "the others: no automaton." in text and "differs after 10" in text
    assert "the same, but no string began with 01" in text
    assert "None of 1 seeds solved the task" in text


def test_automata_are_drawn_state_by_state(tmp_path):
    big = {i: ("x" if i % 2 else "y", {"a": (i + 1) % 7, "b": i}) for i in range(7)}
    figure = automaton.automata([("Parity", PARITY), ("Seed 0", big), ("Seed 1", None)])
    texts = [text.get_text() for text in figure.axes[1].texts]
    assert sorted(texts) == sorted([*map(str, range(7)), *"aaaaaaa", *"bbbbbbb"])
    assert [text.get_text() for text in figure.axes[2].texts] == ["no automaton"]
    save(figure, tmp_path / "f")
